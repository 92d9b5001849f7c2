"""What a training runs on: kinds of CPUs, precision left to the device, compiled steps, measured first steps."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from places import ROOT, SUPPORT
from real_runs import CONFIG, EPOCHS, NETWORKS, RESULTS, copy_workflow, snakemake
from train_once import CODE, DEMANDING, assignment_of, initial_weights, small_images, small_task

from manyseeds import processors
from manyseeds.errors import StudyError
from manyseeds.models import spec
from manyseeds.training import compiled, engine, precision, stores
from manyseeds.training.attempts import Attempt
from manyseeds.training.cohorts import Cohort
from manyseeds.training.collapse import CollapseRule
from manyseeds.training.interruption import Interruption
from manyseeds.training.platforms import Platform

CPU = torch.device("cpu")
HERE, ELSEWHERE = Platform("cpu (here)", "fp32"), Platform("cpu (elsewhere)", "fp32")
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="compiled steps need g++")


def assigned(folder, platform, *, task=None, published=None):
    """What is to be trained of a task on a platform, and what is said of it."""
    task, images, lines = task or small_task(epochs=1, checkpoints=(0, 1)), small_images(), []
    options = {"stores": folder, "code": "code", "published": published, "report": lines.append}
    return engine.assign(task, initial_weights(task, images), images, platform, **options), lines


def train_assigned(assignment):
    engine.train([assignment], small_images(), device=CPU, save_every=1e9, report=lambda line: None)


def run(code: str, folder: Path, **environment: str) -> str:
    """Run Python in a process of its own, with the tests' modules at hand, and return what it prints."""
    paths = {"PYTHONPATH": f"{ROOT / 'workflow_scripts'}{os.pathsep}{SUPPORT}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, env=os.environ | paths | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


TRAIN_A_LITTLE = """
import json, sys
from pathlib import Path
import torch
from test_platforms import assigned, steps_of
from manyseeds.training import precision
from train_once import small_task
task = small_task()
platform = precision.platform_of(task.recipe, torch.device("cpu"))
assignment, lines = assigned(Path(sys.argv[1]), platform, task=task)
steps_of(assignment, 5)
print(json.dumps([platform.device, assignment.store.folder.name, lines]))
"""


def steps_of(assignment, n):
    """Take some steps of a training that begins, or goes on, and save its state; return lines of progress."""
    lines, images = [], small_images()
    attempt = Attempt(assignment, images, CPU)
    options = {"save_every": 1e9, "interruption": Interruption(), "report": lines.append}
    cohort = Cohort([attempt], images, CPU, **options)
    cohort.begin()
    attempt.module.train()
    feed = cohort.feeds[attempt.feed].steps(attempt.place.epoch, attempt.place.step)
    for _ in range(n):
        cohort.steps[attempt].launch(*next(feed))
        attempt.place.step += 1
    attempt.save()
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("variable", [{"ONEDNN_MAX_CPU_ISA": "SSE41"}, {"ATEN_CPU_CAPABILITY": "default"}])
def test_another_instruction_set_is_another_kind_and_continues_nothing(tmp_path, variable):
    kind, name, lines = json.loads(run(TRAIN_A_LITTLE, tmp_path))
    other_kind, other_name, other_lines = json.loads(run(TRAIN_A_LITTLE, tmp_path, **variable))
    assert kind == processors.kind()
    assert other_kind != kind
    assert other_name != name
    assert lines == []
    (line,) = other_lines
    assert line.startswith(f"small/seed0: begun on {kind}, fp32, but this is {other_kind}, fp32.")
    assert line.endswith("so it begins again here.")
    again_kind, again_name, _ = json.loads(run(TRAIN_A_LITTLE, tmp_path))
    assert (again_kind, again_name) == (kind, name)
    state = stores.Store(tmp_path / name).state
    assert json.loads(stores.metadata_of(state)["place"])["step"] == 10  # went on where it had begun
    assert json.loads(stores.metadata_of(stores.Store(tmp_path / other_name).state)["place"])["step"] == 5


@pytest.mark.slow
def test_the_kind_is_told_though_onednn_has_told_its_instructions_before(tmp_path):
    code = "from manyseeds import processors; print(processors.kind())"
    assert run(code, tmp_path, ONEDNN_VERBOSE="1").splitlines()[-1] == processors.kind()
    noisy = "import torch; torch.conv2d(torch.ones(8, 8, 8, 8), torch.ones(8, 8, 3, 3))\n" + code
    assert run(noisy, tmp_path, ONEDNN_VERBOSE="1").splitlines()[-1] == processors.kind()


@pytest.mark.slow
def test_asking_for_the_kind_prints_nothing(tmp_path):
    assert run("from manyseeds import processors; processors.kind()", tmp_path) == ""


def test_what_is_published_counts_as_finished_on_whatever_platform(tmp_path):
    task = small_task(epochs=1, checkpoints=(0, 1))
    assignment, lines = assigned(tmp_path / "stores", ELSEWHERE)
    assert lines == []
    train_assigned(assignment)
    published = tmp_path / "networks" / "epoch1.safetensors"
    stores.publish(assignment.store, {1: published})
    assignment.store.remove()
    assert assigned(tmp_path / "stores", HERE, published=published) == (
        None,
        ["small/seed0: weights exist already, trained on cpu (elsewhere), fp32"],
    )
    another_seed = small_task(seed=1, epochs=1, checkpoints=(0, 1))
    for other in (another_seed, replace(task, collapse=CollapseRule(0.1, False, 2))):
        assert assigned(tmp_path / "stores", HERE, task=other, published=published)[0] is not None


@pytest.mark.parametrize(
    ("asked", "recorded", "is_finished"),
    [
        ({"precision": "auto"}, "bf16", True),  # what a study leaves open was decided there
        ({"precision": "auto"}, "fp32", True),
        ({"precision": "bf16"}, "bf16", True),
        ({"precision": "fp32"}, "bf16", False),  # what it names was not what was done
        ({"precision": "bf16"}, "fp32", False),
    ],
)
def test_the_precision_that_a_study_names_is_that_of_what_is_published(tmp_path, asked, recorded, is_finished):
    """Weights were trained in one precision; a study asks for the same training in one, or leaves it to the device."""
    trained = small_task(epochs=1, checkpoints=(0, 1), precision=recorded)
    assignment, _ = assigned(tmp_path / "stores", Platform("cpu (elsewhere)", recorded), task=trained)
    train_assigned(assignment)
    published = tmp_path / "epoch1.safetensors"
    stores.publish(assignment.store, {1: published})
    assignment.store.remove()
    task = small_task(epochs=1, checkpoints=(0, 1), **asked)
    again, _ = assigned(tmp_path / "stores", HERE, task=task, published=published)
    assert (again is None) == is_finished


def test_what_is_finished_elsewhere_and_not_yet_published_is_not_trained_again(tmp_path):
    assignment, _ = assigned(tmp_path, ELSEWHERE)
    train_assigned(assignment)
    assert assigned(tmp_path, HERE) == (None, ["small/seed0: trained already, on cpu (elsewhere), fp32"])
    found = stores.finished_store(tmp_path, assignment.digest, 2)
    assert found.folder == assignment.store.folder
    assert stores.finished_store(tmp_path, "another task", 2) is None


def test_weights_and_stores_record_what_they_were_trained_on(tmp_path):
    platform = Platform("cpu (here)", "fp32", None)
    assignment, _ = assigned(tmp_path, platform)
    train_assigned(assignment)
    metadata = stores.metadata_of(assignment.store.checkpoint(0, 1))
    assert Platform.from_metadata(metadata) == platform
    assert Platform.from_metadata(assignment.store.origin) == platform
    assert metadata["task"] == assignment.store.origin["task"] == assignment.digest
    assert metadata["cpu"] == processors.model()
    compiled_there = Platform("cpu", "bf16", "g++ 12")
    assert Platform.from_metadata(compiled_there.metadata) == compiled_there


def test_stores_of_what_is_published_are_removed_whatever_they_were_begun_on(tmp_path):
    folder = tmp_path / ".training"
    begun, _ = assigned(folder, ELSEWHERE)
    steps_of(begun, 2)
    other, _ = assigned(folder, HERE, task=small_task(seed=1))
    steps_of(other, 2)
    done, lines = assigned(folder, HERE)
    assert "begins again here" in lines[0]
    train_assigned(done)
    (folder / stores.COMPILED / "code").mkdir(parents=True)
    stores.publish(done.store, {1: tmp_path / "networks/all_cnn_7/baseline/seed0/epoch1.safetensors"})
    stores.tidy(folder, tmp_path / "networks")
    assert {path.name for path in folder.iterdir()} == {other.store.folder.name, stores.COMPILED}
    other.store.remove()
    stores.tidy(folder, tmp_path / "networks")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("multiplies", "device", "expected"), [(True, "cpu", "bf16"), (False, "cpu", "fp32"), (True, "cuda", "tf32")]
)
def test_auto_is_decided_by_the_device_and_what_is_named_is_kept(monkeypatch, multiplies, device, expected):
    monkeypatch.setattr(processors, "multiplies_bf16", lambda: multiplies)
    assert precision.resolved("auto", torch.device(device)) == expected
    for named in ("fp32", "tf32", "bf16"):
        assert precision.resolved(named, torch.device(device)) == named


@pytest.mark.parametrize(
    ("instructions", "has_them", "expected"),
    [
        ("Intel AVX-512 with Intel DL Boost and bfloat16 support", True, True),
        ("Intel AVX-512 with float16, Intel DL Boost and bfloat16 support and Intel AMX with bfloat16", True, True),
        ("Intel AVX-512 with Intel DL Boost", True, False),  # confined by ONEDNN_MAX_CPU_ISA
        ("Intel AVX2", False, False),
        ("Intel AVX2 with Intel DL Boost, float16 and bfloat16 support", False, False),  # converts, does not multiply
        ("Intel SSE4.1", True, False),
        ("none", True, False),
    ],
)
def test_which_cpus_multiply_bf16(monkeypatch, instructions, has_them, expected):
    monkeypatch.setattr(processors, "instruction_set", lambda: instructions)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: has_them)
    assert processors.multiplies_bf16() is expected


def bf16_assignment(folder, **recipe):
    task = small_task(precision="bf16", network=spec.Network("all_cnn_7", width=0.1), **recipe)
    return assignment_of(task, stores.Store(folder), small_images(), "k")


def test_the_first_steps_are_measured_on_copies(tmp_path):
    assignment = bf16_assignment(tmp_path, **DEMANDING)
    before = {name: array.copy() for name, array in assignment.initial.items()}
    seconds, difference = precision._measured(assignment, small_images(), CPU)
    assert set(seconds) == {"fp32", "bf16"}
    assert all(0 < value < 60 for value in seconds.values())
    assert 0 < difference < precision.LARGEST_DIFFERENCE
    assert not list(tmp_path.iterdir())
    for name, array in before.items():
        np.testing.assert_array_equal(assignment.initial[name], array)


@pytest.mark.parametrize(("layer", "value"), [("conv1", 0.0), ("conv3", float("nan"))])
def test_a_gradient_that_is_wrong_in_bf16_is_found(tmp_path, monkeypatch, layer, value):
    """As where a kernel of torch's computes nothing, here the smallest of all gradients, or overflows."""
    step = Attempt.step

    def wrong(attempt, images, labels):
        step(attempt, images, labels)
        if attempt.recipe.precision == "bf16":
            attempt.module.get_submodule(layer).weight.grad.fill_(value)

    monkeypatch.setattr(Attempt, "step", wrong)
    _, difference = precision._measured(bf16_assignment(tmp_path), small_images(), CPU)
    assert not difference <= precision.LARGEST_DIFFERENCE


@pytest.mark.parametrize(
    ("bf16", "difference", "message"),
    [
        (1.2, 0.01, r"a step takes 1200\.0 ms in bf16 and 1000\.0 ms in fp32; set it to fp32"),
        (20.0, 0.01, r"a step takes 20000\.0 ms in bf16"),
        (0.5, 0.6, r"differs from that in fp32 by 60% of its norm, expected at most 50%; set it to fp32"),
        (0.5, float("nan"), r"differs from that in fp32 by nan% of its norm"),
        (1.05, 0.01, None),
        (0.5, 0.01, None),
    ],
)
def test_bf16_that_is_slower_or_wrong_is_refused(tmp_path, monkeypatch, bf16, difference, message):
    monkeypatch.setattr(precision, "_measured", lambda *_: ({"bf16": bf16, "fp32": 1.0}, difference))
    assignment, lines = bf16_assignment(tmp_path), []
    if message is None:
        precision.check_bf16([assignment], small_images(), CPU, lines.append)
        assert lines[0].startswith("On this CPU a step takes")
        assert lines[1:] == (["bf16 is hardly faster than fp32 on this CPU."] if bf16 > 0.95 else [])
        return
    with pytest.raises(StudyError, match=rf"^Config key training\.precision: on this CPU, cpu \(.+{message}"):
        precision.check_bf16([assignment], small_images(), CPU, lines.append)


def test_nothing_is_measured_where_there_is_no_bf16(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "_measured", lambda *_: pytest.fail("measured"))
    fp32 = assignment_of(small_task(), stores.Store(tmp_path), small_images(), "k")
    precision.check_bf16([fp32], small_images(), CPU, pytest.fail)
    precision.check_bf16([bf16_assignment(tmp_path)], small_images(), torch.device("cuda"), pytest.fail)
    precision.check_bf16([], small_images(), CPU, pytest.fail)


@NEEDS_COMPILER
def test_the_compiler_is_named_with_its_version():
    assert compiled.compiler() == subprocess.check_output(["g++", "--version"], text=True).splitlines()[0]


def test_without_a_compiler_one_sentence_says_what_to_set(monkeypatch):
    import torch._inductor.config

    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("/nowhere/g++",))
    with pytest.raises(StudyError, match=r"needs a C\+\+ compiler .+ set the config key training\.compile to false"):
        compiled.compiler()


def test_without_compiled_steps_no_compiler_is_needed(monkeypatch):
    monkeypatch.setattr(compiled, "compiler", lambda: pytest.fail("asked for"))
    assert precision.platform_of(small_task().recipe, CPU).compiler is None


@pytest.mark.slow
@NEEDS_COMPILER
def test_a_network_that_cannot_be_compiled_is_told_in_one_sentence(tmp_path, monkeypatch):
    """With a compiler that fails, as where the system's headers are missing."""
    failing = tmp_path / "g++"
    failing.write_text('#!/bin/sh\n[ "$1" = --version ] && exec g++ --version\necho "no headers" >&2\nexit 1\n')
    failing.chmod(0o755)
    code = """
import sys
from pathlib import Path
import torch
from manyseeds.training import compiled, precision
from manyseeds.errors import StudyError
from test_platforms import assigned, train_assigned
from train_once import small_task
task = small_task(compile=True)
platform = precision.platform_of(task.recipe, torch.device("cpu"))
compiled.configure(Path(sys.argv[1]), platform)
try:
    train_assigned(assigned(Path(sys.argv[1]), platform, task=task)[0])
except StudyError as problem:
    print(problem)
"""
    (sentence,) = run(code, tmp_path, CXX=str(failing)).splitlines()
    assert sentence.startswith("A step of this network cannot be compiled (")
    assert sentence.endswith("set the config key training.compile to false.")


@pytest.mark.slow
@NEEDS_COMPILER
def test_compiled_code_lies_among_the_stores_and_holds_no_pickle(tmp_path):
    code = """
import sys
from pathlib import Path
import torch
from manyseeds.training import compiled, precision
from test_platforms import assigned, train_assigned
from train_once import small_task
task = small_task(compile=True, epochs=1, checkpoints=(0, 1))
platform = precision.platform_of(task.recipe, torch.device("cpu"))
compiled.configure(Path(sys.argv[1]), platform)
train_assigned(assigned(Path(sys.argv[1]), platform, task=task)[0])
print(torch._dynamo.utils.counters["graph_break"].total())
"""
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    folder = tmp_path / "stores"
    assert run(code, folder, TMPDIR=str(elsewhere)) == "0\n"  # the whole step is one graph
    files = [path for path in (folder / stores.COMPILED).rglob("*") if path.is_file()]
    assert any(path.suffix == ".so" for path in files)
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]  # how pickles begin
    assert not [path for path in elsewhere.rglob("*") if path.is_file()]


def spied_step(attempt, record):
    """Let an attempt's next step leave on record all that determines it, and go no further."""

    class Stopped(Exception):
        pass

    def stop(images, labels):
        record.update(
            images=images.clone(),
            labels=labels.clone(),
            learning_rate=torch.tensor(attempt.learning_rate()),
            masks=attempt.masks.get_state(),
            n_constant=attempt.n_constant.clone(),
            **{f"weights of {name}": tensor.clone() for name, tensor in attempt.module.state_dict().items()},
            **{f"momentum of {name}": tensor.clone() for name, tensor in attempt.momentum.items()},
        )
        raise Stopped

    attempt.step = stop
    return Stopped


@pytest.mark.slow
@pytest.mark.parametrize("is_compiled", [False, pytest.param(True, marks=NEEDS_COMPILER)])
def test_before_the_first_resumed_step_all_is_as_without_an_interruption(tmp_path, is_compiled):
    """Interrupted after 5 of the 12 steps of its fifth epoch, when the learning rate has fallen."""
    network = spec.Network("all_cnn_7", width=0.05)
    recipe = DEMANDING | {"epochs": 6, "checkpoints": (0, 6), "milestones": (4,), "network": network}
    task = small_task(seed=1, vary=("init", "order", "augment", "dropout"), compile=is_compiled, **recipe)
    compiled.configure(CODE, assignment_of(task, stores.Store(tmp_path), small_images(), "k").platform)

    def advance(folder, stops):
        """Train until each of some steps, going on from what was saved there; return what the last step is to begin
        from.
        """
        for n_steps in stops:
            images, record = small_images(), {}
            attempt = Attempt(assignment_of(task, stores.Store(folder), images, "k"), images, CPU)
            options = {"save_every": 0, "interruption": Interruption(), "report": lambda line: None}
            cohort = Cohort([attempt], images, CPU, **options)
            cohort.begin()
            step, done = attempt.step, iter(range(n_steps))

            def counted(images, labels, attempt=attempt, step=step, done=done, record=record):
                if next(done, None) is None:
                    stopped = spied_step(attempt, record)
                    with pytest.raises(stopped):
                        attempt.step(images, labels)
                    raise KeyboardInterrupt
                step(images, labels)

            attempt.step = counted
            with pytest.raises(KeyboardInterrupt):
                cohort.run(6)
            torch.rand(7)  # torch's own generator stands elsewhere by now
        return record

    undisturbed, resumed = advance(tmp_path / "undisturbed", [53]), advance(tmp_path / "interrupted", [20, 33, 0])
    assert undisturbed.keys() == resumed.keys()
    assert undisturbed["learning_rate"].item() == pytest.approx(0.002)
    for name, value in undisturbed.items():
        assert torch.equal(value, resumed[name]), name


@pytest.mark.slow
def test_freed_memory_is_kept(tmp_path):
    if not hasattr(__import__("ctypes").CDLL(None), "mallopt"):
        pytest.skip("the C library is not glibc")
    code = """
import numpy as np, psutil
from manyseeds import processors
{keep}
def resident():
    return psutil.Process().memory_info().rss / 2**20
before = resident()
for _ in range(3):
    block = np.ones(2**24)
    del block
print(resident() - before)
"""
    kept = float(run(code.format(keep="processors.keep_freed_memory()"), tmp_path))
    given_back = float(run(code.format(keep=""), tmp_path))
    assert given_back < 64 < 120 < kept < 200  # of 128 MiB


@pytest.mark.slow
@pytest.mark.xdist_group("workflow")
def test_a_seed_added_on_another_kind_of_cpu_trains_alone(tmp_path):
    """The block of seeds grows by one seed: the others are finished, whatever they were trained on."""
    folder = copy_workflow(tmp_path)
    config = [*(each for each in CONFIG if not each.startswith("instances")), "seed=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
        done = snakemake(folder, "networks", "--cores", "2", config=("instances=2", *config))
    assert done.returncode == 0, done.stdout
    names = [f"seed{seed}/epoch{EPOCHS}.safetensors" for seed in range(3)]
    before = [(folder / NETWORKS / name).read_bytes() for name in names[:2]]
    done = snakemake(folder, "networks", "--cores", "2", config=("instances=3", *config))
    assert done.returncode == 0, done.stdout
    log = (folder / RESULTS / "logs/train_cohort/all_cnn_7/baseline/block0.log").read_text()
    assert log.count("weights exist already, trained on cpu (") == 2
    assert f"1 of 3 instances to train, on {processors.kind()}" in log
    assert [(folder / NETWORKS / name).read_bytes() for name in names[:2]] == before
    kinds = [stores.metadata_of(folder / NETWORKS / name)["device"] for name in names]
    assert kinds[0] == kinds[1] != kinds[2] == processors.kind()
