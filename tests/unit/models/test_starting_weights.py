"""Trainings that begin from weights from elsewhere: what is taken, what is drawn, and what is refused."""

import subprocess
import sys
import urllib.error
from dataclasses import replace

import numpy as np
import pytest
import torch
from libraries import timm
from safetensors.torch import save_file

from manyseeds.errors import StudyError
from manyseeds.models import build, repeatability, starting_weights
from manyseeds.models.initialisation import initial_weights
from manyseeds.models.spec import Network
from manyseeds.models.torchvision_import import import_models

SHAPE = (32, 32, 3)
PLAIN = Network("all_cnn_7", width=0.05)
READOUT = {"conv7.weight", "conv7.bias"}


@pytest.fixture(autouse=True)
def no_library_is_read_twice():
    starting_weights._of_library.cache_clear()


def of(network, n_categories, seed=0, **draws):
    return initial_weights(network, SHAPE, n_categories, root_seed=3, seed=seed, **draws)


def trained(network, n_outputs):
    """Stand in for trained weights: a state dict of random values."""
    torch.manual_seed(1)
    return {
        name: torch.randn(tensor.shape) if tensor.is_floating_point() else tensor
        for name, tensor in build.build(network, SHAPE, n_outputs).state_dict().items()
    }


def test_all_weights_are_taken_but_a_readout_of_another_shape_which_is_drawn(tmp_path):
    given = trained(PLAIN, 7)
    save_file(given, tmp_path / "seven.safetensors")
    network = replace(PLAIN, weights=str(tmp_path / "seven.safetensors"))
    for draws in ({"seed": 0}, {"seed": 4}, {"seed": 4, "attempt": 2}):
        weights, drawn = of(network, 10, **draws), of(PLAIN, 10, **draws)
        assert list(weights) == list(drawn)
        for name, array in weights.items():
            expected = drawn[name] if name in READOUT else given[name].numpy()
            assert array.tobytes() == expected.tobytes(), name
    assert of(network, 10, seed=0)["conv7.weight"].tobytes() != of(network, 10, seed=4)["conv7.weight"].tobytes()


def test_a_readout_of_the_same_shape_is_taken_too_and_conditions_that_differ_by_init_alone_are_refused(tmp_path):
    path = tmp_path / "ten.pth"
    given = trained(PLAIN, 10)
    torch.save({f"module.{name}": tensor for name, tensor in given.items()}, path)
    network = replace(PLAIN, weights=str(path))
    for seed in (0, 4):
        weights = of(network, 10, seed=seed)
        assert all(weights[name].tobytes() == tensor.numpy().tobytes() for name, tensor in given.items())
    start = {"condition": "one", "seed": 0, "chosen": None}
    repeatability.check_start(network, SHAPE, 10, **start, needs_draws=False)
    repeatability.check_start(network, SHAPE, 9, **start, needs_draws=True)
    repeatability.check_start(network, SHAPE, 10, **start | {"chosen": [0, 1, 2]}, needs_draws=True)
    alike = (
        rf"{path} has all weights of all_cnn_7, so all networks of condition one would be one; let other streams than "
        r"init vary \(conditions\[\]\.vary\)\."
    )
    with pytest.raises(StudyError, match=alike):
        repeatability.check_start(network, SHAPE, 10, **start, needs_draws=True)


def test_files_of_a_folder_belong_to_seeds(tmp_path):
    network = replace(PLAIN, weights=str(tmp_path))
    for seed in (0, 3):
        given = {name: tensor + seed for name, tensor in trained(PLAIN, 10).items()}
        torch.save(given, tmp_path / f"seed{seed}.pt")
        assert of(network, 10, seed=seed)["conv1.bias"].tobytes() == given["conv1.bias"].numpy().tobytes()
    with pytest.raises(StudyError, match=rf"no file of starting weights at {tmp_path}/seed1 with one of \.safetensors"):
        of(network, 10, seed=1)
    save_file(given, tmp_path / "seed3.safetensors")
    with pytest.raises(StudyError, match=rf"2 files of starting weights at {tmp_path}/seed3 with one of"):
        of(network, 10, seed=3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda given: given | {"conv2.bias": torch.zeros(4)}, r"conv2.bias has shape \(4,\), but the network expects"),
        (lambda given: given | {"extra": torch.zeros(4)}, "the network has no parameter named extra"),
        (
            lambda given: {name: tensor for name, tensor in given.items() if name != "conv2.bias"},
            r"the network's parameter conv2.bias \(5,\) is missing",
        ),
        (
            lambda given: given | {"conv2.bias": torch.zeros(5, dtype=torch.int64)},
            "conv2.bias holds int64, but the network expects float32",
        ),
    ],
)
@pytest.mark.parametrize("n_outputs", [7, 10])
def test_other_weights_than_the_readouts_must_fit(n_outputs, change, sentence, tmp_path):
    torch.save(change(trained(PLAIN, n_outputs)), tmp_path / "w.pt")
    with pytest.raises(StudyError, match=rf"^{tmp_path}/w.pt: {sentence}"):
        of(replace(PLAIN, weights=str(tmp_path / "w.pt")), 10)


def test_weights_may_lack_the_readout(tmp_path):
    given = {name: tensor for name, tensor in trained(PLAIN, 10).items() if name not in READOUT}
    save_file(given, tmp_path / "headless.safetensors")
    weights = of(replace(PLAIN, weights=str(tmp_path / "headless.safetensors")), 10)
    assert weights["conv7.weight"].tobytes() == of(PLAIN, 10)["conv7.weight"].tobytes()
    assert weights["conv6.weight"].tobytes() == given["conv6.weight"].numpy().tobytes()


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("all_cnn_c", {"conv9.weight", "conv9.bias"}),
        ("resnet18", {"fc.weight", "fc.bias"}),
        ("vgg11", {"classifier.6.weight", "classifier.6.bias"}),
        ("squeezenet1_1", {"classifier.1.weight", "classifier.1.bias"}),
        ("mobilenet_v3_small", {"classifier.3.weight", "classifier.3.bias"}),
    ],
)
def test_the_readout_is_what_depends_on_the_number_of_outputs(architecture, expected):
    assert starting_weights.readout_parameters(Network(architecture, width=0.05), SHAPE, 4) == expected


def test_default_weights_of_torchvision_come_from_its_cache(tmp_path, monkeypatch):
    url = import_models().get_model_weights("resnet18").DEFAULT.url
    given = trained(Network("resnet18"), 1000)
    folder = tmp_path / "hub/checkpoints"
    folder.mkdir(parents=True)
    torch.save(given, folder / url.rpartition("/")[2])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for architecture in ("resnet18", "torchvision.models.resnet18"):
        weights = of(Network(architecture, weights="default"), 5, seed=2)
        drawn = of(Network(architecture), 5, seed=2)
        assert {name for name, array in weights.items() if array.tobytes() == drawn[name].tobytes()} >= {"fc.weight"}
        for name, tensor in given.items():
            if not name.startswith("fc."):
                assert weights[name].tobytes() == tensor.numpy().tobytes(), name


def test_where_nothing_can_be_downloaded_a_sentence_names_the_file(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    sentence = (
        r"networks: the default weights of resnet18 cannot be had \(URLError: .*no route to host.*\); download "
        r"https://download.pytorch.org/models/resnet18-\w+.pth, and set `weights` to the file\."
    )
    with pytest.raises(StudyError, match=sentence):
        of(Network("resnet18", weights="default"), 5)


def test_default_weights_of_timm_come_from_its_cache(tmp_path, monkeypatch):
    library = timm()
    from huggingface_hub import constants

    model = library.create_model("test_resnet")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    repository = library.get_pretrained_cfg("test_resnet").hf_hub_id
    folder = tmp_path / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("a" * 40)
    (folder / "snapshots" / ("a" * 40)).mkdir(parents=True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    network = Network("timm:test_resnet", weights="default", kwargs={"drop_rate": 0.1})
    where = f"download them from https://huggingface.co/{repository}, and set `weights` to the file"
    with pytest.raises(StudyError, match=rf"the default weights of timm:test_resnet cannot be had \(.*\); {where}\."):
        of(network, 5)
    save_file(model.state_dict(), folder / "snapshots" / ("a" * 40) / "model.safetensors")
    weights = of(network, 5)
    for name, tensor in model.state_dict().items():
        if not name.startswith("fc."):
            assert weights[name].tobytes() == tensor.numpy().tobytes(), name
    assert weights["fc.weight"].shape[0] == 5
    assert np.isfinite(weights["fc.weight"]).all()


def test_networks_without_default_weights_are_named():
    timm()
    with pytest.raises(StudyError, match="timm:coatnet_0_224 has no default weights in timm; set `weights` to a file"):
        starting_weights.default_weights(Network("timm:coatnet_0_224", weights="default"))
    with pytest.raises(StudyError, match="no_such_net has no default weights in torchvision"):
        starting_weights.default_weights(Network("no_such_net", weights="default"))


def test_all_cnns_with_drawn_weights_load_no_torch():
    """Jobs for All-CNNs save its seconds."""
    code = (
        "import sys; from manyseeds.models.initialisation import initial_weights; from manyseeds.models.spec import "
        "Network; initial_weights(Network('all_cnn_c', width=0.1), (32, 32, 3), 10, root_seed=0, seed=0); "
        "sys.exit('torch' in sys.modules)"
    )
    scripts = starting_weights.__file__.partition("manyseeds/models")[0]
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": scripts}, check=False)
    assert done.returncode == 0
