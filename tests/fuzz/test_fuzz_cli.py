"""Bad input through the command line: Snakemake ends with one sentence, and with no traceback from our code."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzzing import check_sentence
from own_folders import Intruder
from PIL import Image
from real_runs import copy_workflow, snakemake

from manyseeds.data.cifar10 import OFFICIAL

OURS = ("workflow_scripts", "Snakefile", ".smk")
"""What a line of a traceback from our code would name."""


@pytest.fixture(scope="module")
def workflow(tmp_path_factory) -> Path:
    folder = copy_workflow(tmp_path_factory.mktemp("workflow"))
    (folder / "{x}").mkdir()
    (folder / "<results>").mkdir()
    return folder


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "PNG")
    return file.getvalue()


def checkpoint(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


STUDIES = {
    "unknown key": (b"instanses: 3", "Unknown config key 'instanses': did you mean 'instances'?"),
    "unknown nested key": (b"training: {epoch: 3}", "Unknown config key 'training.epoch': did you mean 'epochs'?"),
    "wrong type": (b"training: {epochs: ten}", 'Config key training.epochs: found "ten", expected integer.'),
    "fraction": (b"training: {epochs: 3.0}", "Config key training.epochs: found 3.0, expected integer."),
    "number in the place of keys": (b"training: 5", "Config key training: found 5, expected object."),
    "not a number": (b"training: {learning_rate: .nan}", "Config key training.learning_rate: found nan, expected"),
    "no end of instances": (b"instances: 1000000000", "Config key instances: found 1000000000, expected at"),
    "no end of digits": (b"seed: 1" + b"0" * 400, "Config key seed: found an integer of 1329 bits, expected less than"),
    "key twice": (
        b"study: mine\ninstances: 3\ntraining: {epochs: 3,\n epochs: 4}",
        "mine.yaml: line 4 sets the key training.epochs again, which line 3 sets.",
    ),
    "date": (b"study: 2020-01-01", "Config key study: found datetime.date(2020, 1, 1), expected text"),
    "key of a number": (b"1: 2", "Config key 1: "),
    "slashes": (
        b"study: ../../elsewhere",
        'Config key study: found "../../elsewhere", expected a value that fits its description: Name',
    ),
    "network outside": (b"networks: [{architecture: all_cnn_c, name: ../x}]", "Config key networks[0].name: found"),
    "no mapping": (b"[a, b]", "Config file must be given as JSON or YAML with keys at top level."),
    "no YAML": (b"study: [a", "Config file is not valid JSON or YAML."),
    "object of Python": (b"study: !!python/object/apply:os.mkdir [intruded]", "Config file is not valid JSON or YAML."),
    "no folder of activations": (b"activations_dir: nowhere", "activations_dir: the folder nowhere does not exist."),
    "no network": (
        b"networks_dir: envs",
        "Config key networks_dir: envs does not hold any {architecture}/{condition}/seed{n}",
    ),
    "folder of results": (b"networks_dir: results/digits/networks", "expected a folder outside the study's own"),
    "braces": (b"activations_dir: '{x}'", "Config key activations_dir: found {x}, expected a path"),
    "variable of Snakemake": (
        b"networks_dir: <results>",
        "Config key networks_dir: found <results>, expected a path without {, }, < and >, which Snakemake",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), STUDIES.values(), ids=STUDIES)
def test_a_wrong_study_stops_with_one_sentence(text, sentence, workflow):
    (workflow / "mine.yaml").write_bytes(text)
    run = snakemake(workflow, "-n", study="mine.yaml")
    check_output(run, sentence)
    assert not (workflow / "results").exists()
    assert not (workflow / "intruded").exists()


def test_a_study_that_is_not_there_is_named(workflow):
    run = snakemake(workflow, "-n", study="nowhere.yaml")
    assert run.returncode != 0
    assert "nowhere.yaml" in run.stdout
    assert not any(place in run.stdout for place in OURS)  # Snakemake's own code shows where it opened it


def check_output(run, sentence: str) -> None:
    assert run.returncode == 1, run.stdout
    (line,) = {line.strip() for line in run.stdout.splitlines() if sentence in line}
    check_sentence(line)
    assert "Traceback" not in run.stdout


ARRAYS = {f"own/net/mine/seed{seed}/conv1.npy": npy(np.random.default_rng(seed).random((4, 9))) for seed in range(2)}
ARRAYS["own/stimuli.csv"] = b"stimulus,category\n" + b"".join(b"%d,%d\n" % (n, n // 2) for n in range(4))
ACTIVATIONS = "study: own\nactivations_dir: own\n"
CHECKED = "results/own/activations/net/mine/seed1"
NETWORKS = "study: nets\nnetworks_dir: nets\nnetworks: [{architecture: all_cnn_7, width: 0.02}]\n"
NETWORK = "results/nets/networks/all_cnn_7/mine/seed0/epoch0.safetensors"
PHOTOGRAPHS = {f"photographs/{split}/{category}/a.png": png() for split in ("train", "val") for category in "ab"}
FILES = {
    "truncated array": (
        ACTIVATIONS, CHECKED, ARRAYS | {"own/net/mine/seed1/conv1.npy": npy(np.ones((4, 9)))[:-9]},
        "own/net/mine/seed1/conv1.npy: not a complete NPY array of numbers",
    ),
    "array of objects": (
        ACTIVATIONS, CHECKED, ARRAYS | {"own/net/mine/seed1/conv1.npy": npy(np.array([[Intruder(Path("intruded"))]]))},
        "own/net/mine/seed1/conv1.npy: not a complete NPY array of numbers",
    ),
    "no stimuli": (
        ACTIVATIONS, CHECKED, ARRAYS | {"own/stimuli.csv": b"stimulus,category\n"},
        "own/stimuli.csv: found no row below the header",
    ),
    "layers that are no text": (
        ACTIVATIONS, CHECKED, ARRAYS | {"own/layers.csv": b"layer\n\xff\n"},
        "own/layers.csv: not a table of comma-separated values",
    ),
    "pickle": (
        NETWORKS, NETWORK,
        {f"nets/all_cnn_7/mine/seed{seed}.pt": checkpoint({"w": Intruder(Path("intruded"))}) for seed in range(2)},
        "nets/all_cnn_7/mine/seed0.pt: found more than a plain state dict; it was not loaded",
    ),
    "truncated batch": (
        "study: cifar\ndata: {dataset: cifar10, root: images, download: false}\n", "results/cifar/dataset/card.json",
        {f"images/cifar-10-batches-bin/{name}": bytes(3073 * 2) for name in OFFICIAL},
        "images/cifar-10-batches-bin/data_batch_1.bin has 6,146 bytes; the official file has 30,730,000",
    ),
    "corrupt image": (
        "study: folder\ndata: {dataset: image_folder, root: photographs}\n", "results/folder/dataset/card.json",
        PHOTOGRAPHS | {"photographs/val/b/a.png": png()[:-30]},
        "photographs/val/b/a.png cannot be read as an image",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("study", "target", "files", "sentence"), FILES.values(), ids=FILES)
def test_a_wrong_file_stops_the_job_that_reads_it(study, target, files, sentence, workflow, tmp_path):
    folder = copy_workflow(tmp_path)
    lay_out(folder, files | {"mine.yaml": study.encode()})
    run = snakemake(folder, target, "--cores", "1", study="mine.yaml")
    check_output(run, sentence)
    assert not list(folder.rglob("intruded"))
    assert not (folder / target).exists()
