"""Training: the recipe against an explicit loop, the streams, bitwise repetition and resumption, the collapse rule."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from places import ROOT, SUPPORT
from safetensors.numpy import load_file
from scipy import stats
from train_once import (
    COMPILED,
    DEMANDING,
    assignment_of,
    initial_weights,
    key_of,
    platform_of,
    small_images,
    small_task,
    train_small,
    train_together,
)

from manyseeds import streams
from manyseeds.data.feeding import Source
from manyseeds.errors import StudyError
from manyseeds.io.tensors import digest_of
from manyseeds.models import build, spec
from manyseeds.models.forward import dropout
from manyseeds.models.perturbations import Perturbation
from manyseeds.training import engine, stores
from manyseeds.training.attempts import Attempt
from manyseeds.training.cohorts import Cohort
from manyseeds.training.collapse import ACCEPTED, CollapseRule, Evaluation
from manyseeds.training.evaluation import evaluate
from manyseeds.training.interruption import EXIT_AGAIN, Interrupted, Interruption
from manyseeds.training.minibatches import Feed, crop_and_flip, draw_crops, minibatches
from manyseeds.training.platforms import Platform

NEEDS_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="compiled steps need g++")


def trained(folder, task, **options):
    """Train a task into a folder and return its store."""
    store = stores.Store(folder)
    train_small(task, store, **options)
    return store


def weights(store, epoch, attempt=0):
    return load_file(store.checkpoint(attempt, epoch))


def assert_equal_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_training_follows_the_recipe_step_by_step(tmp_path):
    """An explicit loop in float64, with the update of methods 3 written out, ends where the training ends."""
    task = small_task(learning_rate=0.01)
    images, recipe = small_images(), task.recipe
    network = build.build(task.network, images.inputs.shape[1:], 3).double()
    network.load_state_dict(
        {name: torch.from_numpy(array).double() for name, array in initial_weights(task, images).items()}
    )
    velocity = {name: torch.zeros_like(parameter) for name, parameter in network.named_parameters()}
    n_clipped = 0
    for epoch in range(recipe.epochs):
        learning_rate = 0.01 if epoch < 4 else 0.001
        for batch in minibatches(task, 90, attempt=0, epoch=epoch):
            logits = network(torch.from_numpy(images.inputs[batch]).double().permute(0, 3, 1, 2))
            probability = logits.softmax(1)[torch.arange(len(batch)), torch.from_numpy(images.labels[batch])]
            loss = -probability.log().mean()
            loss = loss + recipe.l2 * sum((p**2).sum() for n, p in network.named_parameters() if n.endswith("weight"))
            gradients = torch.autograd.grad(loss, list(network.parameters()))
            norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients))
            n_clipped += bool(norm > recipe.clip_norm)
            with torch.no_grad():
                for (name, parameter), gradient in zip(network.named_parameters(), gradients, strict=True):
                    velocity[name] = recipe.momentum * velocity[name] + gradient * min(1, recipe.clip_norm / norm)
                    parameter -= learning_rate * velocity[name]
    assert n_clipped > 0  # or the clipping would go untested
    for name, array in weights(trained(tmp_path, task), recipe.epochs).items():
        np.testing.assert_allclose(array, network.state_dict()[name].numpy(), rtol=2e-3, atol=2e-5)


def test_learning_rate_falls_after_completed_epochs():
    recipe = small_task(learning_rate=0.01, milestones=(200, 250, 300), epochs=350).recipe
    rates = [recipe.learning_rate_at(epoch) for epoch in (0, 199, 200, 249, 250, 299, 300, 349)]
    np.testing.assert_allclose(rates, [1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_each_epoch_is_a_permutation_with_the_short_batch_kept():
    task = small_task()
    batches = minibatches(task, 90, attempt=0, epoch=0)
    assert [len(batch) for batch in batches] == [8] * 11 + [2]
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(90))
    assert not np.array_equal(batches[0], minibatches(task, 90, attempt=0, epoch=1)[0])


@pytest.mark.parametrize(("vary", "same_order", "same_init"), [(("init",), True, False), (("order",), False, True)])
def test_instances_differ_in_the_streams_that_vary_and_in_no_other(vary, same_order, same_init):
    images = small_images()
    one, other = (small_task(seed, vary=vary) for seed in (1, 2))
    orders = [np.concatenate(minibatches(task, 90, attempt=0, epoch=3)) for task in (one, other)]
    starts = [initial_weights(task, images)["conv1.weight"] for task in (one, other)]
    assert np.array_equal(*orders) == same_order
    assert np.array_equal(*starts) == same_init


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path):
    first = trained(tmp_path / "first", small_task())
    again = trained(tmp_path / "again", small_task())
    other = trained(tmp_path / "other", small_task(seed=1))
    assert_equal_weights(weights(first, 6), weights(again, 6))
    assert not np.array_equal(weights(first, 6)["conv1.weight"], weights(other, 6)["conv1.weight"])


def test_what_a_process_trained_before_changes_no_bit(tmp_path):
    """In a cohort after another instance, with torch's own stream in another state, or alone: the same weights."""
    alone = trained(tmp_path / "alone", small_task(seed=2, **DEMANDING))
    trained(tmp_path / "before", small_task(seed=1, **DEMANDING))
    torch.rand(17)
    beside = trained(tmp_path / "beside", small_task(seed=2, **DEMANDING))
    assert_equal_weights(weights(alone, 30), weights(beside, 30))


def begin_training(
    folder: Path, *, save_every: float = 0, n_instances: int = 1, recipe: dict = DEMANDING
) -> subprocess.Popen:
    """Run `train_once.py`; whatever it reports is to be read from its stdout."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    command = [sys.executable, str(SUPPORT / "train_once.py"), str(folder), str(save_every), str(n_instances)]
    command.append(json.dumps(recipe))
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def run_until_killed(folder: Path, n_lines: int, n_instances: int, recipe: dict) -> bool:
    """Kill a training with SIGKILL after some lines of progress; return whether it was killed in time."""
    with begin_training(folder, n_instances=n_instances, recipe=recipe) as process:
        for _ in range(n_lines):
            process.stdout.readline()
        # A few milliseconds into the next epoch, wherever that is: in a step, or half-way through writing the state.
        threading.Timer(random.uniform(0, 0.05), process.send_signal, [signal.SIGKILL]).start()
        process.stdout.read()
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_instances", "recipe"),
    [
        pytest.param(1, DEMANDING, id="1"),
        pytest.param(3, DEMANDING, id="3"),
        pytest.param(3, COMPILED, id="3 compiled", marks=NEEDS_COMPILER),
    ],
)
def test_killed_three_times_and_resumed_trainings_end_in_the_same_bits(tmp_path, n_instances, recipe):
    seeds = range(n_instances)
    tasks = [small_task(seed, **recipe) for seed in seeds]
    undisturbed = [trained(tmp_path / "undisturbed" / str(seed), tasks[seed]) for seed in seeds]
    killed = [stores.Store(tmp_path / "killed" / str(seed)) for seed in seeds]
    for n_epochs in (3, 3, 3):
        n_lines = n_epochs + n_instances * any(store.state.exists() for store in killed)  # each says where it resumes
        assert run_until_killed(tmp_path / "killed", n_lines, n_instances, recipe)
        assert not any(store.finished(2) for store in killed)
    lines = []
    train_together(tasks, killed, cohort_size=n_instances, report=lines.append)
    for line in lines[:n_instances]:
        assert "resumed at epoch" in line
        # It continued. Each of the three runs may have lost its last epoch, which was not saved yet.
        assert int(line.split("epoch ")[1].split(",")[0]) >= 6
    for store, other in zip(killed, undisturbed, strict=True):
        for epoch in (0, 7, 30):
            assert_equal_weights(weights(store, epoch), weights(other, epoch))
        for row, expected in zip(store.history(), other.history(), strict=True):
            assert {**row, "seconds": 0} == {**expected, "seconds": 0}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_a_training_saves_its_state_first(tmp_path, number):
    """Between two regular saves, an hour apart: whatever is there afterwards was written because of the signal."""
    with begin_training(tmp_path, save_every=3600, n_instances=2) as process:
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(number)
        last = process.stdout.read().splitlines()[-1]
    assert process.returncode == EXIT_AGAIN
    assert last.startswith(f"Interrupted by {number.name} at epoch ")
    assert last.endswith("Everything is saved: run the same command again to continue.")
    folders = [stores.Store(tmp_path / str(seed)) for seed in (0, 1)]
    lines = []
    train_together([small_task(seed, **DEMANDING) for seed in (0, 1)], folders, cohort_size=2, report=lines.append)
    place = last.removeprefix(f"Interrupted by {number.name} at ").split(".")[0]
    assert [line.split("resumed at ")[1] for line in lines[:2]] == [place] * 2
    for seed in (0, 1):
        undisturbed = trained(tmp_path / f"undisturbed{seed}", small_task(seed, **DEMANDING))
        assert_equal_weights(weights(folders[seed], 30), weights(undisturbed, 30))


def test_signals_are_as_before_when_a_training_is_over(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    trained(tmp_path, small_task(epochs=1, checkpoints=(0, 1)))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_history_reports_running_values(tmp_path):
    history = trained(tmp_path, small_task()).history()
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    assert history[0]["loss"] > history[-1]["loss"]
    assert history[-1]["accuracy"] > 0.9
    assert [row["learning_rate"] for row in history[3:5]] == pytest.approx([0.02, 0.002])


def test_evaluation_against_the_definition(tmp_path):
    images = small_images()
    network = build.build(small_task().network, (12, 12, 1), 3)
    evaluation = evaluate(network, images, torch.device("cpu"))
    with torch.no_grad():
        probability = network(torch.from_numpy(images.inputs).permute(0, 3, 1, 2)).double().softmax(1).numpy()
    assert evaluation.loss == pytest.approx(-np.log(probability[np.arange(90), images.labels]).mean(), rel=1e-6)
    assert evaluation.accuracy == np.mean(probability.argmax(1) == images.labels)
    assert evaluation.n_categories_predicted == len(set(probability.argmax(1)))


def evaluation(loss=1.0, accuracy=0.5, predicted=10):
    return Evaluation(loss, accuracy, 10, predicted)


def declared(dropout=0.0, n_categories=10, **changes):
    values = {
        "min_train_accuracy": None,
        "require_every_category": None,
        "max_attempts": 5,
        "judge_after": [],
        "dead": "redraw",
        "enabled": True,
    } | changes
    return CollapseRule.declared(n_categories, dropout=dropout, **values)


def judged(rule, evaluated, **state):
    """The outcome, and the reason, by which a rule rejects; None if it does not."""
    outcome, reason = rule.judge(evaluated, **state)
    assert (outcome == ACCEPTED) == (reason is None)
    return None if reason is None else f"{outcome}: {reason}"


def test_collapse_rule_as_declared():
    assert judged(declared(), evaluation()) is None
    assert judged(declared(), evaluation(loss=np.nan)) == "not_finite: loss is not finite"
    assert judged(declared(), evaluation(loss=np.inf)) == "not_finite: loss is not finite"
    assert judged(declared(), evaluation(), is_lost=True) == "not_finite: weights are not finite"
    assert "underfit: training accuracy 0.1999 is below 0.2" in judged(declared(), evaluation(accuracy=0.1999))
    assert judged(declared(), evaluation(accuracy=0.2)) is None
    assert judged(declared(), evaluation(predicted=9)).startswith("missing_category: only 9 of 10")
    assert declared(n_categories=3).min_train_accuracy == pytest.approx(2 / 3)
    assert declared(n_categories=2).min_train_accuracy == 0.75  # twice chance would be no mistake at all
    assert judged(declared(dropout=0.5), evaluation(predicted=9)) is None
    assert judged(declared(dropout=0.5, require_every_category=True), evaluation(predicted=9)) is not None
    assert declared(n_categories=100).min_train_accuracy == 0.02
    assert not declared(n_categories=100).require_every_category
    assert "below 0.6" in judged(declared(min_train_accuracy=0.6), evaluation())


def test_dead_and_underfit_are_two_outcomes():
    constant = Evaluation(np.log(10), 0.1, 10, 1, is_constant=True)
    varied = replace(constant, is_constant=False)
    assert judged(declared(), constant, seems_dead=True).startswith("dead: its output is the same")
    assert judged(declared(), constant).startswith("underfit")  # not so in the last minibatches
    assert judged(declared(), varied, seems_dead=True).startswith("underfit")  # not so on the whole training set
    assert judged(declared(dead="ignore"), constant, seems_dead=True).startswith("underfit")


def test_a_rule_that_is_switched_off_rejects_only_what_is_no_number():
    rule = declared(enabled=False)
    constant = Evaluation(np.log(10), 0.1, 10, 1, is_constant=True)
    assert judged(rule, constant, seems_dead=True) is None
    assert judged(rule, evaluation(loss=np.nan)) == "not_finite: loss is not finite"
    assert judged(rule, evaluation(), is_lost=True) == "not_finite: weights are not finite"


RECTIFIED = spec.Network("all_cnn_7", width=0.05, readout_relu=True)


def dying_assignment(folder, **options):
    """A training whose first attempt is silent on every image: its rectified readout is never above zero.

    As a readout that dies, it has no gradient, so it stays as it is. Further attempts begin from other weights.
    """
    images, task = small_images(), small_task(network=RECTIFIED, **options)
    assignment = assignment_of(task, stores.Store(folder), images, "k")
    silent = dict(assignment.initial)
    silent["conv7.bias"] = np.full_like(silent["conv7.bias"], -100)
    return replace(assignment, initial=silent)


def train_assigned(assignment, **options):
    device = torch.device("cpu")
    options = {"save_every": 1e9, "report": lambda line: None} | options
    engine.train([assignment], small_images(), device=device, **options)
    return assignment.store


def test_a_dead_network_is_redrawn_at_the_end_of_the_epoch_and_told(tmp_path):
    rule, told = CollapseRule(0.0, False, 3), []
    store = train_assigned(dying_assignment(tmp_path, collapse=rule), announce=told.append)
    first, second = store.attempts()
    assert (first["outcome"], second["outcome"]) == ("dead", "accepted")
    assert first["reason"] == "given up after 1 of 6 epochs: its output is the same for every training image"
    assert first["loss"] == pytest.approx(np.log(3))
    assert [row["epoch"] for row in store.history() if row["attempt"] == 0] == [1]
    assert told == [f"small/seed0 attempt 0: dead ({first['reason']})"]


@pytest.mark.parametrize(("changes", "outcome"), [({"dead": "ignore"}, "underfit"), ({"enabled": False}, "accepted")])
def test_a_dead_network_is_trained_to_its_end_where_the_study_says_so(tmp_path, changes, outcome):
    rule = replace(CollapseRule(0.5, False, 3), **changes)
    store = train_assigned(dying_assignment(tmp_path, collapse=rule))
    assert store.attempts()[0]["outcome"] == outcome
    assert [row["epoch"] for row in store.history() if row["attempt"] == 0] == [1, 2, 3, 4, 5, 6]


def test_the_last_attempt_is_trained_to_its_end_though_it_is_dead(tmp_path):
    store = train_assigned(dying_assignment(tmp_path, collapse=CollapseRule(0.0, False, 1)))
    (attempt,) = store.attempts()
    assert (attempt["outcome"], attempt["reason"]) == ("dead", "its output is the same for every training image")
    assert len(store.history()) == 6


def test_who_only_seems_dead_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    """Constant on the last minibatches, not on the training set: evaluated once an epoch, and left alone."""
    task = small_task()
    undisturbed = trained(tmp_path / "undisturbed", task)
    evaluated, evaluate = [], engine.evaluate
    seems_dead = property(lambda attempt: attempt.place.epoch > 0 and attempt.place.step == 0)
    monkeypatch.setattr(Attempt, "seems_dead", seems_dead)
    monkeypatch.setattr(engine, "evaluate", lambda *of: evaluated.append(1) or evaluate(*of))
    suspected = trained(tmp_path / "suspected", task)
    assert suspected.attempts() == undisturbed.attempts()
    assert_equal_weights(weights(suspected, 6), weights(undisturbed, 6))
    assert len(evaluated) == 6


def test_minibatches_of_one_output_are_counted_in_a_row(tmp_path):
    images = small_images()
    attempt = Attempt(dying_assignment(tmp_path), images, torch.device("cpu"))
    batch, labels = torch.from_numpy(images.inputs[:8]), torch.from_numpy(images.labels[:8])
    counts = []
    for bias in (-100, -100, 1, -100):  # silent, silent, answering, silent
        with torch.no_grad():
            attempt.module.conv7.bias.fill_(bias)
        attempt.step(batch, labels)
        counts.append(attempt.n_constant.item())
    assert counts == [1, 2, 0, 1]


def test_what_was_counted_before_an_interruption_counts_after_it(tmp_path):
    """Interrupted after 7 of the 12 steps of its first epoch."""
    assignment = dying_assignment(tmp_path)
    images, device = small_images(), torch.device("cpu")
    cohort = Cohort(
        [Attempt(assignment, images, device)],
        images,
        device,
        save_every=0,
        interruption=Interruption(),
        report=lambda line: None,
    )
    cohort.begin()
    steps = iter(range(7))
    (attempt,) = cohort.attempts
    attempt.module.register_forward_pre_hook(lambda *_: stopping() if next(steps, None) is None else None)
    with pytest.raises(Stopped):
        cohort.run(6)
    resumed = Attempt(assignment, images, device)
    resumed.begin(lambda line: None)
    assert resumed.n_constant.item() == resumed.place.n_constant == resumed.place.step == 7


def test_who_misses_a_category_at_the_end_keeps_its_weights(tmp_path, monkeypatch):
    """The first attempt; the second misses none, and the folder has been left with another's by an earlier run."""
    answers = iter([evaluation(predicted=9), evaluation()])
    monkeypatch.setattr(engine, "evaluate", lambda *_: next(answers))
    store = trained(tmp_path / "store", small_task(collapse=CollapseRule(0.1, True, 3)))
    assert [attempt["outcome"] for attempt in store.attempts()] == ["missing_category", "accepted"]
    out = tmp_path / "out"
    out.mkdir()
    (out / "rejected7.safetensors").touch()
    stores.publish(store, {epoch: out / f"epoch{epoch}.safetensors" for epoch in (0, 2, 6)})
    assert [path.name for path in out.glob("rejected*")] == ["rejected0.safetensors"]
    assert_equal_weights(load_file(out / "rejected0.safetensors"), weights(store, 6, attempt=0))
    assert_equal_weights(load_file(out / "epoch6.safetensors"), weights(store, 6, attempt=1))


def test_a_collapsed_instance_is_redrawn_and_every_attempt_recorded(tmp_path):
    """No network reaches an accuracy above 1: every attempt collapses, up to the last."""
    rule = CollapseRule(1.1, False, 3)
    task = small_task(collapse=rule, epochs=1, checkpoints=(0, 1))
    store = trained(tmp_path, task)
    assert [attempt["outcome"] for attempt in store.attempts()] == ["underfit"] * 3
    assert all("below 1.1" in attempt["reason"] for attempt in store.attempts())
    assert sorted({row["attempt"] for row in store.history()}) == [0, 1, 2]
    starts = [weights(store, 0, attempt)["conv1.weight"] for attempt in range(3)]
    assert not np.array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[1], starts[2])
    np.testing.assert_array_equal(
        minibatches(task, 90, attempt=0, epoch=0)[0], minibatches(task, 90, attempt=1, epoch=0)[0]
    )
    stores.publish(store, {0: tmp_path / "out" / "epoch0.safetensors", 1: tmp_path / "out" / "epoch1.safetensors"})
    np.testing.assert_array_equal(load_file(tmp_path / "out" / "epoch0.safetensors")["conv1.weight"], starts[2])


def test_a_redrawn_order_leaves_the_initial_weights(tmp_path):
    rule = CollapseRule(1.1, False, 2)
    task = small_task(vary=("order",), collapse=rule, epochs=1, checkpoints=(0, 1))
    store = trained(tmp_path, task)
    assert_equal_weights(weights(store, 0, 0), weights(store, 0, 1))
    assert not np.array_equal(weights(store, 1, 0)["conv1.weight"], weights(store, 1, 1)["conv1.weight"])


def test_a_diverged_network_is_recorded_as_collapsed(tmp_path):
    rule = CollapseRule(0.0, False, 1)
    store = trained(tmp_path, small_task(collapse=rule, learning_rate=1e6, clip_norm=1e9, epochs=2, checkpoints=(0, 2)))
    (attempt,) = store.attempts()
    assert attempt["outcome"] == "not_finite"
    assert "not finite" in attempt["reason"]


def test_an_attempt_is_given_up_where_it_is_judged_before_its_end_but_not_the_last(tmp_path):
    rule = CollapseRule(1.1, False, 3, judge_after=(4, 2))
    store = trained(tmp_path, small_task(collapse=rule))
    reasons = [attempt["reason"] for attempt in store.attempts()]
    assert [reason.split(":")[0] for reason in reasons[:2]] == ["given up after 2 of 6 epochs"] * 2
    assert reasons[2].startswith("training accuracy")
    epochs = [[row["epoch"] for row in store.history() if row["attempt"] == attempt] for attempt in range(3)]
    assert epochs == [[1, 2], [1, 2], [1, 2, 3, 4, 5, 6]]
    stores.publish(store, {epoch: tmp_path / "out" / f"epoch{epoch}.safetensors" for epoch in (0, 2, 6)})


def test_who_passes_a_judgement_before_the_end_goes_on_as_if_there_had_been_none(tmp_path):
    """With dropout, which the judgement does without."""
    judged, unjudged = (
        trained(tmp_path / str(epochs), small_task(collapse=CollapseRule(0.0, False, 2, epochs), **DEMANDING))
        for epochs in ((1, 7, 8), ())
    )
    assert judged.attempts() == unjudged.attempts()
    assert_equal_weights(weights(judged, 30), weights(unjudged, 30))


def test_stopped_at_a_judgement_it_is_judged_when_it_goes_on(tmp_path, monkeypatch):
    task = small_task(collapse=CollapseRule(1.1, False, 2, judge_after=(2,)))
    undisturbed = trained(tmp_path / "undisturbed", task)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "evaluate", stopping)
        with pytest.raises(Stopped):
            trained(tmp_path / "stopped", task)
    stopped = trained(tmp_path / "stopped", task)
    assert stopped.attempts() == undisturbed.attempts()
    assert_equal_weights(weights(stopped, 6, 1), weights(undisturbed, 6, 1))


def stopping(*_):
    raise Stopped


def test_who_is_lost_is_given_up_at_once_but_not_the_last_attempt(tmp_path):
    """Weights that are no longer finite never are again; a loss that is not finite says nothing of the weights."""
    rule = CollapseRule(0.0, False, 2)
    store = trained(tmp_path, small_task(collapse=rule, learning_rate=1e6, clip_norm=1e9))
    reasons = [attempt["reason"] for attempt in store.attempts()]
    assert reasons == ["given up after 1 of 6 epochs: loss is not finite", "loss is not finite"]
    assert [row["epoch"] for row in store.history()] == [1, 1, 2, 3, 4, 5, 6]
    (attempt,) = cohort_of(tmp_path / "finite", small_task()).attempts
    attempt.place.history.append({"loss": float("inf")})
    assert not attempt.is_lost


def test_dropout_masks_follow_their_stream_and_their_rate():
    module = torch.nn.Sequential(torch.nn.Identity())
    inputs = torch.ones(200, 500)

    def masked(seed):
        masks = torch.Generator().manual_seed(seed)
        with dropout(module, ["0"], 0.3, masks):
            return module(inputs)

    assert torch.equal(masked(1), masked(1))
    assert not torch.equal(masked(1), masked(2))
    values, counts = masked(1).unique(return_counts=True)
    assert values.tolist() == pytest.approx([0, 1 / 0.7])
    assert counts[0].item() / inputs.numel() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / inputs.numel()))
    assert torch.equal(module(inputs), inputs)  # off outside the context


def test_dropout_after_a_layer_that_is_not_there():
    module = torch.nn.Sequential(torch.nn.Identity())
    with pytest.raises(StudyError, match=r"dropout\.after: the network has no layer 'conv3'; it has 0\."):
        dropout(module, ["0", "conv3"], 0.3, torch.Generator()).__enter__()


AUGMENTED = {"augmentation": "crop_flip"}


@pytest.mark.parametrize(("side", "margin"), [(32, 4), (20, 2), (64, 8)])
def test_crop_and_flip_against_an_explicit_loop(side, margin):
    images = torch.arange(5 * side * side * 2, dtype=torch.float32).reshape(5, side, side, 2)
    crops = draw_crops(small_task(**AUGMENTED), 5, side, attempt=0, epoch=3)
    assert set(crops[2]) == {0, 1}
    found = crop_and_flip(images, crops)
    for number, (top, left, is_mirrored) in enumerate(crops.T):
        padded = np.zeros((side + 2 * margin, side + 2 * margin, 2), np.float32)
        padded[margin:-margin, margin:-margin] = images[number]
        crop = padded[top : top + side, left : left + side]
        np.testing.assert_array_equal(found[number], crop[:, ::-1] if is_mirrored else crop)


def test_all_shifts_and_mirrorings_are_equally_likely_and_independent():
    crops = draw_crops(small_task(**AUGMENTED), 81_000, 32, attempt=0, epoch=0)
    counts = np.zeros((9, 9, 2), int)
    np.add.at(counts, tuple(crops), 1)
    assert stats.chisquare(counts.ravel()).pvalue > 0.001


def augmented(task, *, epoch=0, first=0, attempt=0):
    """Return the images of an epoch from step `first` on, by their place in the training set."""
    images = small_images()
    source = Source(images.inputs, torch.device("cpu"))
    steps = Feed(task, attempt, source, torch.from_numpy(images.labels)).steps(epoch, first)
    places = minibatches(task, 90, attempt=attempt, epoch=epoch)[first:]
    return {
        int(place): image.numpy()
        for batch, (found, _) in zip(places, steps, strict=True)
        for place, image in zip(batch, found, strict=True)
    }


def n_equal(one, other):
    return sum(np.array_equal(one[place], other[place]) for place in one.keys() & other.keys())


def test_an_image_has_the_same_crop_in_any_order_and_in_a_resumed_epoch():
    one, other = (small_task(seed, vary=("order",), **AUGMENTED) for seed in (1, 2))
    assert not np.array_equal(*(minibatches(task, 90, attempt=0, epoch=0)[0] for task in (one, other)))
    assert n_equal(augmented(one), augmented(other)) == 90
    assert n_equal(augmented(one), augmented(small_task(**AUGMENTED, batch_size=7))) == 90
    resumed = augmented(one, first=5)
    assert n_equal(augmented(one), resumed) == len(resumed) == 50


def test_crops_follow_the_augment_stream_its_attempts_and_epochs():
    """Shifts by up to one pixel and mirroring make 18 crops, so about 5 of 90 images are equal by chance."""
    one, other = (small_task(seed, vary=("augment",), **AUGMENTED) for seed in (1, 2))
    for found in (augmented(other), augmented(one, epoch=1), augmented(one, attempt=1)):
        assert n_equal(augmented(one), found) < 20
    fixed = small_task(1, **AUGMENTED)
    assert n_equal(augmented(fixed), augmented(fixed, attempt=1)) == 90


def test_a_training_without_augmentation_draws_nothing_for_it(tmp_path, monkeypatch):
    purposes = []
    draw = streams.generator

    def generator(root_seed, purpose, *address, **words):
        purposes.append(purpose)
        return draw(root_seed, purpose, *address, **words)

    monkeypatch.setattr(streams, "generator", generator)
    images = small_images()
    trained(tmp_path / "plain", small_task(epochs=1, checkpoints=(1,)))
    assert "order" in purposes
    assert "augment" not in purposes
    assert n_equal(augmented(small_task()), dict(enumerate(images.inputs))) == 90
    augmented(small_task(**AUGMENTED))
    assert purposes.count("augment") == 1  # one draw an epoch


class Dropping(torch.nn.Module):
    """A network with dropout of its own, as AlexNet has."""

    def __init__(self, num_classes):
        super().__init__()
        self.hidden = torch.nn.Linear(144, 40)
        self.dropout = torch.nn.Dropout(0.5)
        self.readout = torch.nn.Linear(40, num_classes)
        self.kept = []

    def forward(self, images):
        self.kept.append(self.dropout(torch.ones(len(images), 40)) > 0)
        return self.readout(self.dropout(self.hidden(images.flatten(1)).relu()))


class Elsewhere(Dropping):
    """A network whose dropout draws outside torch."""

    def forward(self, images):
        hidden = self.hidden(images.flatten(1)).relu()
        if self.training:
            hidden = hidden * torch.from_numpy(np.random.rand(40) < 0.5)  # noqa: NPY002
            hidden = hidden * (1 + random.random())
        return self.readout(hidden)


DROPPING, ELSEWHERE = (spec.Network(f"{__name__}.{name}") for name in ("Dropping", "Elsewhere"))


def cohort_of(folder, task, *, save_every=1e9):
    """A cohort of one, at its beginning."""
    images, device = small_images(), torch.device("cpu")
    assignment = assignment_of(task, stores.Store(folder), images, "k")
    options = {"save_every": save_every, "interruption": Interruption(), "report": lambda line: None}
    cohort = Cohort([Attempt(assignment, images, device)], images, device, **options)
    cohort.begin()
    return cohort


def masks_of(cohort):
    """Train, and return the masks that the network's own dropout drew: one a step, by the first of its two draws."""
    drawn = []
    (attempt,) = cohort.attempts
    attempt.module.register_forward_hook(lambda module, *_: drawn.append(module.kept[-1]))
    cohort.run(attempt.recipe.epochs)
    return drawn


def test_dropout_of_the_network_itself_follows_the_dropout_stream(tmp_path):
    options = {"network": DROPPING, "epochs": 2, "checkpoints": (0, 2)}
    first, again, other, reordered = (
        masks_of(cohort_of(tmp_path / f"{number}", small_task(seed, vary=vary, **options)))
        for number, (seed, vary) in enumerate(
            [(1, ("dropout",)), (1, ("dropout",)), (2, ("dropout",)), (2, ("init", "order"))]
        )
    )
    baseline = masks_of(cohort_of(tmp_path / "baseline", small_task(1, **options)))
    assert len(first) == 24
    assert all(map(torch.equal, first, again))
    assert not any(map(torch.equal, first, other))
    assert all(map(torch.equal, reordered, baseline))  # neither varies dropout: both have the stream of seed 0
    full = [mask for mask in first if len(mask) == 8]
    assert len({mask.numpy().tobytes() for mask in full}) == len(full)  # each step has its own


class Stopped(Exception):
    """Raised in the middle of a training."""


@pytest.mark.parametrize("network", [DROPPING, ELSEWHERE])
def test_interrupted_inside_an_epoch_a_network_with_dropout_of_its_own_ends_in_the_same_bits(tmp_path, network):
    options = {"network": network, "epochs": 3, "checkpoints": (0, 3), "dropout": 0.3, "dropout_after": ("hidden",)}
    task = small_task(**options)
    undisturbed = trained(tmp_path / "undisturbed", task)
    assert not np.array_equal(  # dropout does something, or its resumption would go untested
        weights(undisturbed, 3)["readout.weight"],
        weights(trained(tmp_path / "other", small_task(seed=1, vary=("dropout",), **options)), 3)["readout.weight"],
    )
    cohort = cohort_of(tmp_path / "interrupted", task, save_every=0)  # saved after every step
    (interrupted,) = cohort.attempts
    steps = iter(range(17))

    def stop(*_):
        if next(steps, None) is None:
            raise Stopped

    interrupted.module.register_forward_hook(stop)
    with pytest.raises(Stopped):
        cohort.run(task.recipe.epochs)
    torch.rand(17)  # the generators stand elsewhere by now
    np.random.rand(17)  # noqa: NPY002
    random.random()
    lines = []
    train_small(task, interrupted.store, report=lines.append)
    assert "resumed at epoch 1, step 5" in lines[0]
    assert_equal_weights(weights(interrupted.store, 3), weights(undisturbed, 3))


def test_the_key_sees_all_that_determines_the_bits():
    images = small_images()
    start = initial_weights(small_task(), images)

    def key(task, initial=start, images_digest="images", code="code", device="cpu", compiler=None):
        return task.key(initial, images_digest, code, Platform(device, "fp32", compiler))

    other_start = {name: array + 1 for name, array in start.items()}
    keys = [
        key(small_task()),
        key(small_task(), initial=other_start),
        key(small_task(), images_digest="others"),
        key(small_task(), code="other"),
        key(small_task(), device="NVIDIA H200"),
        key(small_task(), device="cpu (AVX2)"),
        key(small_task(epochs=7)),
        key(small_task(l2=0.0)),
        key(small_task(precision="bf16")),
        key(small_task(compile=True), compiler="g++ 12"),
        key(small_task(compile=True), compiler="g++ 13"),
        key(small_task(seed=1)),
        key(small_task(vary=("init", "order"))),
        key(small_task(collapse=CollapseRule(0.5, False, 2))),
        key(small_task(collapse=CollapseRule(0.0, False, 2, dead="ignore"))),
        key(small_task(perturb=Perturbation("ulp", 1.001, None, 0, 0))),
        key(small_task(perturb=Perturbation("factor", 1.001, None, 0, 0))),
        key(small_task(perturb=Perturbation("factor", 1.001, None, 0, 3))),
    ]
    assert len(set(keys)) == len(keys)
    assert key(small_task()) == keys[0]
    assert key(small_task(), compiler="g++ 12") == keys[0]  # of no account where steps are not compiled
    assert key(small_task(precision="auto")) == keys[0]  # what it comes to there
    assert small_images(1).digest != images.digest == small_images().digest


def test_without_a_perturbation_the_key_is_that_of_earlier_versions():
    """It digests the entries of earlier versions, and no entry that says that there is none."""
    task = small_task()
    start = initial_weights(task, small_images())
    determinants = {
        "network": {
            "architecture": "all_cnn_7",
            "width": 0.05,
            "readout_relu": False,
            "last_3x3": "valid",
            "initialisation": "he_normal",
            "layers": None,
        },
        "recipe": asdict(task.recipe),
        "collapse": asdict(task.collapse),
        "root_seed": 0,
        "streams": {"init": 0, "order": 0},
        "vary": ["init"],
        "initial": digest_of(start),
        "images": "images",
        "code": "code",
        "software": {"torch": version("torch"), "numpy": np.__version__},
        "device": "cpu",
        "compiler": None,
    }
    expected = hashlib.blake2b(json.dumps(determinants, sort_keys=True).encode(), digest_size=16).hexdigest()
    assert task.key(start, "images", "code", Platform("cpu", "fp32", None)) == expected


ONCE = CollapseRule(0.0, False, 1)
"""A rule that redraws no attempt."""


def test_the_key_leaves_out_streams_that_are_not_used_and_what_only_a_redraw_would_vary():
    start = initial_weights(small_task(), small_images())

    def key(vary, seed=0, **options):
        return small_task(seed, vary=vary, **options).key(start, "images", "code", Platform("cpu", "fp32", None))

    assert key(("init",), collapse=ONCE) == key(("order",), collapse=ONCE) == key(("init", "dropout"), collapse=ONCE)
    assert key(("order",), seed=1, collapse=ONCE) == key(("order", "augment", "dropout"), seed=1, collapse=ONCE)
    assert key(("init",)) != key(("order",))  # their second attempts differ
    assert key(("order",), seed=1, collapse=ONCE) != key(("init",), seed=1, collapse=ONCE)
    varied = {"order": ("order",), "augment": ("order", "augment"), "dropout": ("order", "dropout")}
    for stream, options in (("augment", AUGMENTED), ("dropout", {"dropout": 0.5, "dropout_after": ("conv3",)})):
        one, other = (key(vary, seed=1, collapse=ONCE, **options) for vary in (varied["order"], varied[stream]))
        assert one != other  # the stream is used


def test_a_crossed_network_has_the_bits_of_the_one_with_its_stream_seeds(tmp_path):
    plain = small_task(2)
    cell = replace(plain, vary=("init", "order"), collapse=ONCE)
    one, other = (trained(tmp_path / name, task) for name, task in (("plain", plain), ("cell", cell)))
    assert_equal_weights(weights(one, 6), weights(other, 6))


def test_a_perturbation_that_does_not_fit_stops_before_any_training(tmp_path):
    task, images = small_task(perturb=Perturbation("ulp", 1.001, None, 10**6, 0)), small_images()
    options = {"stores": tmp_path, "code": "code", "report": print}
    with pytest.raises(StudyError, match=r"perturb.index: found 1000000, expected less than"):
        engine.assign(task, initial_weights(task, images), images, platform_of(task), **options)
    assert not list(tmp_path.iterdir())


def test_a_network_that_two_conditions_have_in_common_is_trained_once(tmp_path):
    images, lines = small_images(), []
    options = {"stores": tmp_path, "code": "code", "report": lines.append}
    first, second = (small_task(vary=(stream,), collapse=ONCE) for stream in ("init", "order"))
    assignment = engine.assign(first, initial_weights(first, images), images, platform_of(first), **options)
    engine.train([assignment], images, device=torch.device("cpu"), cohort_size=1, save_every=1e9, report=lines.append)
    assert engine.assign(second, initial_weights(second, images), images, platform_of(second), **options) is None
    assert "trained already" in lines[-1]
    redrawn = small_task(vary=("order",))
    assert engine.assign(redrawn, initial_weights(redrawn, images), images, platform_of(redrawn), **options) is not None


def test_an_orphan_and_its_successor_do_not_train_at_once(tmp_path):
    store, lines = stores.Store(tmp_path / "store"), []
    entered = threading.Event()

    def successor():
        with stores.locked(stores.Store(tmp_path / "store"), lines.append):
            entered.set()

    with stores.locked(store, lines.append):
        thread = threading.Thread(target=successor)
        thread.start()
        assert not entered.wait(0.3)
        assert "Waiting" in lines[0]
    thread.join(timeout=10)
    assert entered.is_set()


def test_a_signal_ends_the_waiting_for_another_process(tmp_path):
    """The lock is held all the while: who waits gives way, and holds nothing."""
    store, interruption = stores.Store(tmp_path / "store"), Interruption()
    with FileLock(f"{store.folder}.lock"):
        interruption.signal = "SIGTERM"
        with (
            pytest.raises(Interrupted, match="Interrupted by SIGTERM while waiting"),
            stores.locked(store, lambda line: None, meanwhile=lambda: interruption.heed("while waiting"), poll=0.01),
        ):
            pytest.fail("it has what another process holds")
    with stores.locked(store, lambda line: None):
        pass


@pytest.mark.parametrize("file", ["state.safetensors", "attempt0/epoch2.safetensors"])
@pytest.mark.parametrize("fault", ["truncated", "flipped"])
def test_a_damaged_state_or_checkpoint_is_named(tmp_path, file, fault):
    """Of a training that was stopped after its last epoch, when all was saved."""
    task, store = small_task(), stores.Store(tmp_path)
    trained(tmp_path, task)
    (tmp_path / "attempts.json").unlink()
    cohort_of(tmp_path, task).run(task.recipe.epochs)
    if file.startswith("attempt"):
        store.append({"attempt": 0, "outcome": "accepted"}, [])
    path = tmp_path / file
    contents = bytearray(path.read_bytes())
    if fault == "flipped":
        contents[-5] ^= 16
    path.write_bytes(contents[: len(contents) // 2] if fault == "truncated" else contents)

    def go_on():
        train_small(task, store)
        stores.publish(store, {0: tmp_path / "out0", 2: tmp_path / "out2"})

    with pytest.raises(
        StudyError, match=rf"{file}: (cannot be read|its contents have changed).+delete it and run again"
    ):
        go_on()
    assert not (tmp_path / "out0").exists()


@pytest.mark.parametrize("options", [{"epochs": 3, "checkpoints": (0, 3)}, {"epochs": 3, "checkpoints": (0, 1, 3)}])
def test_a_store_removed_under_a_training_is_told_and_the_training_begins_again(tmp_path, options):
    task, folder = small_task(**options), tmp_path / "store"
    cohort = cohort_of(folder, task)
    (attempt,) = cohort.attempts
    steps = iter(range(14))  # into the second epoch

    def remove(*_):
        if next(steps, None) is None:
            shutil.rmtree(folder, ignore_errors=True)

    attempt.module.register_forward_hook(remove)
    sentence = (
        rf"{folder} was removed while {task.name} was training.* Run the same command again: this training begins"
    )
    with pytest.raises(StudyError, match=sentence):
        cohort.run(task.recipe.epochs)
    assert not folder.exists()  # half a training would be taken for one
    assert_equal_weights(weights(trained(folder, task), 3), weights(trained(tmp_path / "undisturbed", task), 3))


def test_a_store_that_lost_a_checkpoint_says_what_to_delete(tmp_path):
    store = trained(tmp_path / "store", small_task(epochs=1, checkpoints=(0, 1)))
    store.checkpoint(0, 0).unlink()
    sentence = r"epoch0.safetensors is missing, .* Delete \S+/store and run the same command again: it trains"
    with pytest.raises(StudyError, match=sentence):
        stores.publish(store, {0: tmp_path / "out0", 1: tmp_path / "out1"})
    assert not (tmp_path / "out1").exists()


@pytest.mark.parametrize("name", ["attempts.json", "history.json"])
def test_a_damaged_record_is_named(tmp_path, name):
    store = trained(tmp_path, small_task(epochs=1, checkpoints=(0, 1)))
    path = tmp_path / name
    contents = path.read_text()
    for damaged in (
        contents[: len(contents) // 2],
        contents.replace("0.", "1.", 1),
        "[]",
        '{"digest": "", "records": []}',
    ):
        assert damaged != contents
        path.write_text(damaged)
        with pytest.raises(StudyError, match=rf"{name}: (cannot be read|its contents have changed)"):
            store.attempts() if name.startswith("attempts") else store.history()


def test_the_state_of_published_trainings_is_removed_and_no_other(tmp_path):
    task = small_task(epochs=1, checkpoints=(0, 1))
    folder, networks_folder = tmp_path / ".training", tmp_path / "networks"
    kept, done = (stores.Store(folder / key) for key in ("key of another", key_of(task)))
    trained(kept.folder, small_task(seed=1, epochs=1, checkpoints=(0, 1)))
    trained(done.folder, task)
    stores.publish(done, {1: networks_folder / "all_cnn_7/baseline/seed0/epoch1.safetensors"})
    with stores.locked(kept, print):
        stores.tidy(folder, networks_folder)
        assert sorted(path.name for path in folder.iterdir()) == ["key of another", "key of another.lock"]
    stores.tidy(folder, networks_folder)
    assert [path.name for path in folder.iterdir()] == ["key of another"]
    kept.remove()
    stores.tidy(folder, networks_folder)
    assert not folder.exists()
