"""Cohorts: the engine against the plain loop, instances side by side against instances alone. On GPUs too, where there
are any.
"""

import json
import shutil
import time

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from train_once import (
    CODE,
    DEMANDING,
    assignment_of,
    initial_weights,
    platform_of,
    small_images,
    small_task,
    train_together,
)

from manyseeds.models import spec
from manyseeds.models.perturbations import Perturbation
from manyseeds.training import compiled, engine, graphs, reference, stores
from manyseeds.training.attempts import Attempt
from manyseeds.training.cohorts import Cohort
from manyseeds.training.collapse import CollapseRule

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
RECIPES = {
    "plain": {},
    "demanding": DEMANDING | {"epochs": 7, "checkpoints": (0, 3, 7)},
    "rectified readout": {"network": spec.Network("all_cnn_c", width=0.03, readout_relu=True)},
    "bf16": {"precision": "bf16", "epochs": 2, "checkpoints": (0, 2)},
    "compiled": {"compile": True},
    "compiled in bf16, with dropout": DEMANDING
    | {"compile": True, "precision": "bf16", "epochs": 2, "checkpoints": (0, 2)},
}
VARIED = {
    "init": ("init",),
    "everything": ("init", "order", "augment", "dropout"),
    "dropout alone": ("dropout",),
}


class Random(torch.nn.Module):
    """A network that draws from torch's own generator and keeps running statistics."""

    def __init__(self, num_classes):
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 4, 3)
        self.normalisation = torch.nn.BatchNorm2d(4)
        self.readout = torch.nn.Linear(4, num_classes)
        self.unused = torch.nn.Linear(2, 2)

    def forward(self, images):
        maps = torch.nn.functional.dropout(self.normalisation(self.convolution(images)).relu(), 0.3, self.training)
        return self.readout(maps.mean(dim=(2, 3)))


def stores_in(folder, tasks):
    return [stores.Store(folder / str(number)) for number, _ in enumerate(tasks)]


def assert_same_results(one, other, epochs):
    """All weights at all checkpoints and all running values are the same, bit by bit."""
    assert one.attempts() == other.attempts()
    for attempt in range(len(one.attempts())):
        for epoch in epochs:
            found, expected = (load_file(store.checkpoint(attempt, epoch)) for store in (one, other))
            assert found.keys() == expected.keys()
            for name in expected:
                np.testing.assert_array_equal(found[name], expected[name])
    for row, expected in zip(one.history(), other.history(), strict=True):
        assert {**row, "seconds": 0} == {**expected, "seconds": 0}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "perturbation", [Perturbation("ulp", 1.001, None, 5, 0), Perturbation("factor", 1.5, "conv2.weight", 7, 2)]
)
def test_a_perturbed_training_has_the_bits_of_the_plain_loop(tmp_path, perturbation, device):
    """Whether it is interrupted at every step or not: the weight changes once."""
    task, images = small_task(3, perturb=perturbation), small_images()
    start, plain = initial_weights(task, images), small_task(3)
    expected = reference.train_plainly(task, start, images, torch.device(device))
    unchanged = reference.train_plainly(plain, start, images, torch.device(device))
    store = stores.Store(tmp_path)
    train_together([task], [store], device=device, save_every=0)
    for epoch, weights in expected.items():
        found = load_file(store.checkpoint(0, epoch))
        same = [np.array_equal(weights[name], unchanged[epoch][name]) for name in weights]
        assert all(same) == (perturbation.epoch > 0 and epoch <= perturbation.epoch)
        for name in weights:
            np.testing.assert_array_equal(found[name], weights[name])
    recorded = [json.loads(stores.metadata_of(store.checkpoint(0, epoch)).get("perturbed", "{}")) for epoch in (0, 6)]
    assert bool(recorded[0]) == (perturbation.epoch == 0)
    assert recorded[1]["changes_forward"] is True
    assert recorded[1]["before"] != recorded[1]["after"]


@pytest.mark.parametrize("device", DEVICES)
def test_a_perturbation_survives_interruptions_before_and_after_it(tmp_path, device):
    perturbation = Perturbation("factor", 1.5, "conv2.weight", 7, 2)
    task = small_task(3, perturb=perturbation)
    expected = reference.train_plainly(
        task, initial_weights(task, small_images()), small_images(), torch.device(device)
    )
    store = stores.Store(tmp_path)
    for n_steps in (23, 1, 1, 4):  # at the end of epoch 1, in and after the first step of epoch 2
        interrupt(task, store, n_steps, device)
    train_together([task], [store], device=device)
    for name, weights in expected[6].items():
        np.testing.assert_array_equal(load_file(store.checkpoint(0, 6))[name], weights)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, id=name, marks=[pytest.mark.slow] if "compiled" in name else [])
        for name, recipe in RECIPES.items()
    ],
)
def test_the_engine_has_the_bits_of_the_plain_loop(tmp_path, recipe, device):
    if recipe.get("compile") and (device != "cpu" or not shutil.which("g++")):
        pytest.skip("steps are compiled on CPUs, by g++")
    task, images = small_task(3, **recipe), small_images()
    compiled.configure(CODE, platform_of(task))
    expected = reference.train_plainly(task, initial_weights(task, images), images, torch.device(device))
    store = stores.Store(tmp_path)
    train_together([task], [store], device=device)
    assert set(expected) == set(task.recipe.checkpoints)
    for epoch, weights in expected.items():
        found = load_file(store.checkpoint(0, epoch))
        assert found.keys() == weights.keys()
        for name in weights:
            np.testing.assert_array_equal(found[name], weights[name])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("vary", VARIED.values(), ids=VARIED)
def test_a_cohort_of_five_has_the_bits_of_five_cohorts_of_one(tmp_path, vary, device):
    check_cohort_of_five(tmp_path, vary, device, DEMANDING | {"epochs": 5, "checkpoints": (0, 2, 5)})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiled steps need g++")
def test_a_compiled_cohort_of_five_has_the_bits_of_five_cohorts_of_one(tmp_path):
    check_cohort_of_five(tmp_path, ("init", "order"), "cpu", {"compile": True, "epochs": 5, "checkpoints": (0, 2, 5)})


def check_cohort_of_five(tmp_path, vary, device, recipe):
    tasks = [small_task(seed, vary=vary, **recipe) for seed in range(5)]
    together, alone = stores_in(tmp_path / "together", tasks), stores_in(tmp_path / "alone", tasks)
    train_together(tasks, together, cohort_size=5, device=device)
    for task, store in zip(tasks, alone, strict=True):
        train_together([task], [store], device=device)
    for one, other in zip(together, alone, strict=True):
        assert_same_results(one, other, (0, 2, 5))
    weights = [load_file(store.checkpoint(0, 5))["conv1.weight"] for store in together]
    assert all(not np.array_equal(weights[0], other) for other in weights[1:])  # they are five, not one


@pytest.mark.parametrize("device", DEVICES)
def test_networks_that_draw_themselves_train_side_by_side_too(tmp_path, device):
    network = spec.Network(f"{__name__}.Random")
    tasks = [small_task(seed, network=network, vary=("dropout",), epochs=2, checkpoints=(0, 2)) for seed in range(3)]
    together, alone = stores_in(tmp_path / "together", tasks), stores_in(tmp_path / "alone", tasks)
    train_together(tasks, together, cohort_size=3, device=device)
    for task, store in zip(tasks, alone, strict=True):
        train_together([task], [store], device=device)
    for one, other in zip(together, alone, strict=True):
        assert_same_results(one, other, (0, 2))
    readouts = [load_file(store.checkpoint(0, 2))["readout.weight"] for store in together]
    assert not np.array_equal(readouts[0], readouts[1])


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_members_at_different_places_wait_for_those_behind(tmp_path, device):
    """Three instances interrupted at different places, in one of them an epoch ahead, end as if nothing had been."""
    tasks = [small_task(seed, **DEMANDING) for seed in range(3)]
    together, alone = stores_in(tmp_path / "together", tasks), stores_in(tmp_path / "alone", tasks)
    for task, store, n_steps in zip(tasks, together, (5, 9, 14), strict=True):
        interrupt(task, store, n_steps, device)
    lines = []
    train_together(tasks, together, cohort_size=3, device=device, report=lines.append)
    assert [line.split("resumed at ")[1] for line in lines[:3]] == [
        "epoch 0, step 5",
        "epoch 0, step 9",
        "epoch 1, step 2",
    ]
    assert " and 1 others: epoch 1/30" in lines[3]
    assert " and 2 others: epoch 2/30" in lines[4]
    for task, one, other in zip(tasks, together, alone, strict=True):
        train_together([task], [other], device=device)
        assert_same_results(one, other, (0, 7, 30))


class Stopped(Exception):
    """Raised in the middle of a training."""


def interrupt(task, store, n_steps, device):
    """Train some steps, none of them captured, and save the state."""
    images, device = small_images(), torch.device(device)
    attempt = Attempt(assignment_of(task, store, images, "k"), images, device)
    options = {"save_every": 0, "interruption": engine.Interruption(), "report": lambda line: None}
    cohort = Cohort([attempt], images, device, cuda_graphs=False, **options)
    steps = iter(range(n_steps))

    def stop(*_):
        if next(steps, None) is None:
            raise Stopped

    attempt.module.register_forward_pre_hook(stop)
    cohort.begin()
    with pytest.raises(Stopped):
        cohort.run(task.recipe.epochs)


@pytest.mark.slow
@pytest.mark.parametrize("judge_after", [(), (1,)])
@pytest.mark.parametrize("cohort_size", [1, 2, 5, "auto"])
def test_who_collapses_is_redrawn_beside_others_as_alone(tmp_path, cohort_size, judge_after):
    """A threshold that some of the first attempts miss: their second attempts train beside each other, or, where they
    are judged half way, beside those that passed.
    """
    rule = CollapseRule(0.8, False, 3, judge_after)
    epochs = 1 + len(judge_after)
    tasks = [small_task(seed, collapse=rule, epochs=epochs, checkpoints=(0, 1)) for seed in range(5)]
    together, alone = stores_in(tmp_path / "together", tasks), stores_in(tmp_path / "alone", tasks)
    train_together(tasks, together, cohort_size=cohort_size)
    for task, one, other in zip(tasks, together, alone, strict=True):
        train_together([task], [other])
        assert_same_results(one, other, (0, 1))
    n_attempts = {len(store.attempts()) for store in together}
    assert len(n_attempts) > 1  # or nobody was redrawn beside somebody who was not


def test_each_attempt_is_judged_once_an_epoch(tmp_path, monkeypatch):
    """Though the cohort of those that pass is made anew whenever others are given up."""
    rule = CollapseRule(0.8, False, 3, (1,))
    tasks = [small_task(seed, collapse=rule, epochs=2, checkpoints=(0, 2)) for seed in range(5)]
    together = stores_in(tmp_path, tasks)
    evaluated = []
    evaluate = engine.evaluate
    monkeypatch.setattr(engine, "evaluate", lambda *of: evaluated.append(1) or evaluate(*of))
    train_together(tasks, together, cohort_size=5)
    attempts = [attempt for store in together for attempt in store.attempts()]
    given_up = sum("given up" in (attempt["reason"] or "") for attempt in attempts)
    last = sum(len(store.attempts()) == rule.max_attempts for store in together)  # which nobody judges half way
    assert given_up > 0
    assert len(evaluated) == given_up + 2 * (len(attempts) - given_up) - last


def test_who_ended_without_being_judged_is_judged_before_others_begin(tmp_path, monkeypatch):
    """Two have completed their training and only one of them was judged, as where a signal came in between."""
    tasks = [small_task(seed, collapse=CollapseRule(1.1, False, 2)) for seed in range(2)]
    together, alone = stores_in(tmp_path / "together", tasks), stores_in(tmp_path / "alone", tasks)
    evaluate, calls = engine.evaluate, iter(range(1))

    def evaluate_once(*of):
        if next(calls, None) is None:
            raise Stopped
        return evaluate(*of)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "evaluate", evaluate_once)
        with pytest.raises(Stopped):
            train_together(tasks, together, cohort_size=2)
    lines = []
    train_together(tasks, together, cohort_size=2, report=lines.append)
    assert [len(store.attempts()) for store in together] == [2, 2]
    (judged,) = (place for place, line in enumerate(lines) if line.startswith("small/seed1 attempt 0: underfit"))
    (begun, *_) = (place for place, line in enumerate(lines) if "attempt 1" in line)
    assert judged < begun
    assert " and 1 others: epoch 1/6" in lines[begun]  # both are redrawn side by side
    for task, one, other in zip(tasks, together, alone, strict=True):
        train_together([task], [other])
        assert_same_results(one, other, (0, 2, 6))


def test_the_memory_that_a_network_needs_is_that_of_a_step_with_dropout(tmp_path, monkeypatch):
    for name in ("reset_peak_memory_stats", "memory_allocated", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda device: 0)
    stepped = []
    step = Attempt.step

    def noted(attempt, images, labels):
        hooks = attempt.module.get_submodule("conv2")._forward_hooks
        stepped.append((attempt.module.training, len(hooks)))
        step(attempt, images, labels)

    monkeypatch.setattr(Attempt, "step", noted)
    images, task = small_images(), small_task(**DEMANDING)
    assignment = assignment_of(task, stores.Store(tmp_path), images, "k")
    engine.bytes_needed(assignment, images, torch.device("cpu"))
    assert stepped == [(True, 1)]


def test_the_time_of_steps_that_a_gpu_has_not_finished_counts(monkeypatch):
    """Steps are only launched: an epoch is over when the device has caught up."""
    cohort = object.__new__(Cohort)
    cohort.device, cohort.since = torch.device("cuda"), time.monotonic()
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: time.sleep(0.05))
    assert cohort._elapsed() >= 0.05
    cohort.device = torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "synchronize", None)
    assert cohort._elapsed() >= 0


def test_where_nothing_is_to_be_trained_nothing_is_done():
    """As where a marker was lost, and all weights of its block are published."""
    train_together([], [], cohort_size="auto")


def test_a_cohort_has_one_recipe(tmp_path):
    images, device = small_images(), torch.device("cpu")
    tasks = [small_task(0), small_task(1, epochs=7)]
    attempts = [
        Attempt(assignment_of(task, store, images, "k"), images, device)
        for task, store in zip(tasks, stores_in(tmp_path, tasks), strict=True)
    ]
    options = {"save_every": 1e9, "interruption": engine.Interruption(), "report": lambda line: None}
    with pytest.raises(ValueError, match="one recipe"):
        Cohort(attempts, images, device, **options)


def test_what_is_undone_leaves_no_trace(tmp_path):
    """Before a capture steps are taken and undone: weights, momentum, statistics and running values are as before."""
    images, device = small_images(), torch.device("cpu")
    task = small_task(network=spec.Network(f"{__name__}.Random"))
    assignment = assignment_of(task, stores.Store(tmp_path), images, "k")
    attempt = Attempt(assignment, images, device)
    batch, labels = torch.from_numpy(images.inputs[:8]), torch.from_numpy(images.labels[:8])
    attempt.step(batch, labels)
    before = [tensor.clone() for tensor in attempt.tensors()]
    with graphs.undone(attempt):
        attempt.step(batch, labels)
        assert sum(not torch.equal(one, other) for one, other in zip(before, attempt.tensors(), strict=True)) > 10
    assert all(map(torch.equal, before, attempt.tensors()))


def test_a_step_that_waits_for_the_device_is_found_before_it_is_captured(monkeypatch):
    """With stand-ins for the switch by which torch refuses to wait, which CPUs have not."""
    modes = ["default"]
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[0])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: modes.insert(0, mode))

    class Waiting:
        def step(self, images, labels):
            if images is not None and modes[0] == "error":
                raise RuntimeError("called a synchronizing CUDA operation")

    captured = object.__new__(graphs.Captured)
    captured.attempt = Waiting()
    assert captured._waits(torch.zeros(1), torch.zeros(1)) == "called a synchronizing CUDA operation"
    assert captured._waits(None, torch.zeros(1)) is None
    assert modes == ["default", "error", "default", "error", "default"]


def test_all_that_fits_trains_side_by_side_on_a_gpu_and_one_after_another_on_a_cpu(tmp_path, monkeypatch):
    tasks = [small_task(seed) for seed in range(6)]
    images = small_images()
    assignments = [assignment_of(task, stores.Store(tmp_path), images, "k") for task in tasks]
    assert engine.fitting(assignments, images, torch.device("cpu")) == 1
    free = [10_000_000]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[0], 0))
    monkeypatch.setattr(engine, "bytes_needed", lambda *_: 2_000_000)
    gpu = torch.device("cuda")
    assert engine.fitting(assignments, images, gpu) == 3  # 0.8 of what is free, the images' 52 kB apart
    free[0] = 1_000_000_000
    assert engine.fitting(assignments, images, gpu) == 6
    free[0] = 1000
    assert engine.fitting(assignments, images, gpu) == 1
