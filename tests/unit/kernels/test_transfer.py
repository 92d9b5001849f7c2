"""Trainings of a trained network on other categories: the engine's bits, what stays, and draws of the transfer seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from configs import study

from manyseeds.data.images import Images
from manyseeds.errors import StudyError
from manyseeds.io import tensors
from manyseeds.kernels import transfer, transferred
from manyseeds.models import initialisation
from manyseeds.study import tasks
from manyseeds.study.instances import Instance
from manyseeds.training import engine, reference, stores
from manyseeds.training.platforms import Platform

SHAPE = (12, 12, 1)
RANDOM = np.random.default_rng(0)
IMAGES = Images(RANDOM.standard_normal((60, *SHAPE)).astype(np.float32), np.arange(60) % 4, 4)
CPU, PLATFORM = torch.device("cpu"), Platform("cpu", "fp32")
SOURCE, TARGET = {"name": "first", "categories": [0, 1, 2]}, {"name": "second", "categories": [3, 4, 5, 6]}
OVERLAY = {
    "networks": [{"architecture": "all_cnn_7", "width": 0.05, "readout_relu": False}],
    "training": {"batch_size": 16, "clip_norm": 5},
    "conditions": [SOURCE, TARGET],
    "transfer": {"source": "first", "target": "second", "epochs": 2},
}
SMALL = study(**OVERLAY)


def source(seed: int = 0):
    return initialisation.initial_weights(task("all").network, SHAPE, 3, root_seed=0, seed=seed)


def task(mode: str, *, seed: int = 0, transfer_seed: int = 0) -> transfer.TransferTask:
    values = tasks.transfer_values(SMALL, Instance("all_cnn_7", "first", seed), transfer_seed)
    return transfer.TransferTask.of_source(mode, n_categories=4, **values)


def trained(folder, chosen: transfer.TransferTask, initial):
    assigned = engine.assign(chosen, initial, IMAGES, PLATFORM, stores=folder, code="code", report=lambda line: None)
    engine.train([assigned], IMAGES, device=CPU, save_every=60, report=lambda line: None)
    return stores.finished_store(folder, chosen.digest(initial, IMAGES.digest, "code"), 1)


@pytest.mark.parametrize("mode", transfer.MODES)
def test_the_engine_trains_as_the_plain_loop_does(mode, tmp_path):
    chosen, beginning = task(mode), task(mode).beginning(source(), IMAGES)
    weights, _ = tensors.read(trained(tmp_path, chosen, beginning).checkpoint(0, 2))
    expected = reference.train_plainly(replace(chosen, recipe=chosen.recipe.on(PLATFORM)), beginning, IMAGES, CPU)[2]
    for name, array in expected.items():
        np.testing.assert_array_equal(weights[name], array)
        stays = mode == "readout" and not name.startswith("conv7.")
        assert np.array_equal(array, beginning[name]) == stays, name


def test_sources_have_one_readout_which_the_transfer_seed_draws():
    first, second = (task("all", seed=seed).beginning(source(seed), IMAGES) for seed in (0, 3))
    other = task("all", transfer_seed=1).beginning(source(), IMAGES)
    np.testing.assert_array_equal(first["conv7.weight"], second["conv7.weight"])
    assert first["conv7.weight"].shape[0] == len(first["conv7.bias"]) == 4
    assert not np.array_equal(first["conv7.weight"], other["conv7.weight"])
    for name in ("conv1.weight", "conv6.bias"):
        np.testing.assert_array_equal(first[name], source(0)[name])
    n_inputs = first["conv7.weight"].shape[1]
    many = task("all").beginning(source(), Images(IMAGES.inputs, IMAGES.labels, 5000))["conv7.weight"]
    np.testing.assert_allclose(many.std(), np.sqrt(2 / n_inputs), rtol=0.02)


def test_from_scratch_a_source_lends_its_initial_weights_alone():
    found = task("scratch", seed=3).beginning(source(0), IMAGES)
    drawn = initialisation.initial_weights(task("all").network, SHAPE, 4, root_seed=0, seed=3)
    for name in drawn:
        assert np.array_equal(found[name], drawn[name]) == (name != "conv7.weight"), name


def test_all_sources_see_one_order_and_modes_have_keys_of_their_own():
    assert task("all", seed=0).address("order", 0) == task("all", seed=3).address("order", 0)
    assert task("all", transfer_seed=1).address("order", 0) != task("all").address("order", 0)
    assert task("all").address("order", 0)["purpose"] == "transfer/order"
    beginning = task("all").beginning(source(), IMAGES)
    assert len({task(mode).digest(beginning, "images", "code") for mode in transfer.MODES}) == 3


def test_predictions_are_those_of_the_trained_network(tmp_path):
    chosen, beginning = task("all"), task("all").beginning(source(), IMAGES)
    store = trained(tmp_path / "stores", chosen, beginning)
    found = transfer.predict(store, chosen, IMAGES, IMAGES, CPU)
    assert found.shape == (60,)
    assert (found == IMAGES.labels).mean() == pytest.approx(store.attempts()[-1]["train_accuracy"])
    broken = {name: np.full_like(array, np.inf) for name, array in beginning.items()}
    store = trained(tmp_path / "stores", chosen, broken)
    assert (transfer.predict(store, chosen, IMAGES, IMAGES, CPU) == transferred.FAILED).all()


def test_files_of_predictions(tmp_path):
    one = transferred.Learned("d", np.ones(5, np.int16), np.ones(2), np.ones(2))
    names = {"modes": ("all", "scratch"), "seeds": (0, 2, 5), "tested": "t"}
    written = transferred.gathered([[[one] * 3] * 4] * 2, np.arange(5), **names)
    assert written.predictions.shape == (2, 3, 4, 5)
    assert written.losses.shape == (2, 3, 4, 2)
    none = transferred.gathered([[[]] * 4] * 2, np.arange(5), **names | {"seeds": ()})
    assert (none.predictions.shape, none.losses.shape) == ((2, 0, 4, 5), (2, 0, 4, 0))
    transferred.save(tmp_path / "transfer.npz", written)
    read = transferred.load(tmp_path / "transfer.npz")
    assert (read.modes, read.seeds) == (written.modes, written.seeds)
    np.testing.assert_array_equal(read.predictions, written.predictions)
    np.testing.assert_array_equal(read.labels, written.labels)


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        (
            {"transfer": {"source": "first"}},
            r"transfer\.target: found null, expected a condition or \{root: a folder of images\}, as transfer\.source",
        ),
        (
            {"transfer": {"target": {"root": "images"}}},
            r"transfer\.source: found null, expected a condition, as transfer\.target is",
        ),
        (
            {"transfer": {"source": "first", "target": {"rot": "images"}}},
            r"transfer\.target: found \"rot\", expected one of root",
        ),
        (
            {"transfer": {"source": "first", "target": {"root": "results/digits/dataset"}}},
            r"transfer\.target\.root: found results/digits/dataset, expected a folder outside the study's own results",
        ),
        (
            {"transfer": {"source": "first", "target": "third"}},
            r"transfer\.target: found 'third', expected one of first, s",
        ),
        (
            {"networks": [{"architecture": "alexnet"}], "transfer": OVERLAY["transfer"]},
            r"transfer\.source: found first, expected a condition with at least two All-CNNs",
        ),
    ],
)
def test_what_transfer_needs_is_checked_while_planning(overlay, sentence):
    with pytest.raises(StudyError, match=sentence):
        study(**{**OVERLAY, **overlay})


def test_a_target_is_a_condition_or_a_folder_that_tables_name_and_exports_leave_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = study(**OVERLAY | {"transfer": {"source": "first", "target": {"root": "~/flowers/"}}})
    assert (folder.transfer_root, folder.transfer_target) == (f"{tmp_path}/flowers/", "flowers")
    assert (SMALL.transfer_root, SMALL.transfer_target) == (None, "second")
    assert tasks.transfer_set(folder) == {"images": "all", "seed": None, "categories": None}
    assert tasks.transfer_set(SMALL)["categories"] == TARGET["categories"]
    exported = [each.portable_config["transfer"] for each in (folder, SMALL)]
    assert [(each["source"], each["target"]) for each in exported] == [(None, None), ("first", "second")]
    numbers = [{"name": "1", "categories": [0, 1]}, {"name": "2", "categories": [2, 3]}]
    assert study(conditions=numbers, transfer={"source": "1", "target": "2"}).transfer_target == "2"
