"""Trainings that begin with a trained network: the engine's bits, the distorted copy of the images, and stores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from configs import study

from manyseeds.data.distortions import distort
from manyseeds.data.images import Images
from manyseeds.io import tensors
from manyseeds.kernels import finetuning
from manyseeds.models import initialisation
from manyseeds.models.spec import Network
from manyseeds.study import tasks
from manyseeds.study.instances import Instance
from manyseeds.training import engine, reference, stores
from manyseeds.training.platforms import Platform

SHAPE = (12, 12, 1)
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (60, *SHAPE), dtype=np.uint8)
IMAGES = Images(RANDOM.standard_normal((60, *SHAPE)).astype(np.float32), np.arange(60) % 10, 10)
CPU, PLATFORM = torch.device("cpu"), Platform("cpu", "fp32")


def parent(seed=0):
    network = Network.from_config(tasks.network_values(SMALL, "all_cnn_7"))
    return initialisation.initial_weights(network, SHAPE, 10, root_seed=0, seed=seed)


OVERLAY = {
    "networks": [{"architecture": "all_cnn_7", "width": 0.05, "readout_relu": False}],
    "training": {"batch_size": 16, "clip_norm": 5},
    "distortions": {"names": ["blur", "gamma"]},
    "finetune": {"distortions": ["blur"], "learning_rates": [1e-3], "epochs": 2},
}
SMALL = study(**OVERLAY)


def further(rate=1e-3, seed=0):
    values = tasks.tuning_values(SMALL, Instance("all_cnn_7", "baseline", seed), rate)
    return finetuning.FurtherTask.from_params(n_categories=10, **values)


def trained(folder, task, initial):
    options = {"stores": folder, "code": "code", "report": lambda line: None}
    assigned = engine.assign(task, initial, IMAGES, PLATFORM, **options)
    assert assigned is not None
    engine.train([assigned], IMAGES, device=CPU, save_every=60, report=lambda line: None)
    found = stores.finished_store(folder, task.digest(initial, IMAGES.digest, "code"), task.max_attempts)
    assert found is not None
    return found


def test_weights_are_not_perturbed_again():
    perturbed = study(**OVERLAY, conditions=[{"name": "baseline", "perturb": {"epoch": 0}}])
    assert "perturb" in tasks.task_values(perturbed, Instance("all_cnn_7", "baseline", 0))
    values = tasks.tuning_values(perturbed, Instance("all_cnn_7", "baseline", 0), 1e-3)
    assert finetuning.FurtherTask.from_params(n_categories=10, **values).perturb is None


def test_a_training_at_rate_0_returns_the_bits_of_its_parent(tmp_path):
    store = trained(tmp_path, further(0.0), parent())
    assert finetuning.publish(store, tmp_path / "after.safetensors", 2, {"parent": "p"}) == "accepted"
    weights, metadata = tensors.read(tmp_path / "after.safetensors")
    for name, array in parent().items():
        np.testing.assert_array_equal(weights[name], array)
    assert metadata["parent"] == "p"
    assert metadata["outcome"] == "accepted"


def test_the_engine_trains_as_the_plain_loop_does(tmp_path):
    task = further()
    store = trained(tmp_path, task, parent())
    expected = reference.train_plainly(replace(task, recipe=task.recipe.on(PLATFORM)), parent(), IMAGES, CPU)[2]
    weights, _ = tensors.read(store.checkpoint(0, 2))
    for name, array in expected.items():
        np.testing.assert_array_equal(weights[name], array)


def test_all_parents_see_the_same_order_which_is_not_that_of_the_first_training():
    first, other = further(seed=0), further(seed=3)
    assert first.address("order", 0) == other.address("order", 0)
    assert first.address("order", 0)["purpose"] == "finetune/order"
    keys = {task.key(weights, "images", "code", PLATFORM) for task, weights in ((first, parent(0)), (other, parent(3)))}
    assert len(keys) == 2  # by the digests of their parents
    assert first.max_attempts == 1
    assert not first.collapse.enabled


def test_weights_that_are_not_finite_are_published_with_their_outcome(tmp_path):
    broken = {name: np.full_like(array, np.inf) for name, array in parent().items()}
    store = trained(tmp_path, further(), broken)
    assert finetuning.publish(store, tmp_path / "after.safetensors", 2, {}) == "not_finite"


def test_each_image_has_one_strength_and_some_have_none():
    positions, strengths = np.arange(5, 60), [0.5, 0.7, 0.9]
    levels = finetuning.drawn_levels(positions, 3, seed=1)
    assert set(levels) == {-1, 0, 1, 2}
    found = finetuning.distorted_copy(PIXELS, positions, "blur", strengths, np.float32, seed=1)
    for place, (position, level) in enumerate(zip(positions, levels, strict=True)):
        image = PIXELS[position : position + 1]
        if level >= 0:
            image = distort(image, [position], "blur", strengths[level], seed=1, split="train")
        np.testing.assert_array_equal(found[place], np.float32(image[0]))
    np.testing.assert_array_equal(finetuning.drawn_levels(positions[9:], 3, seed=1), levels[9:])
    plain = finetuning.distorted_copy(PIXELS, positions, "none", [], np.float32, seed=1)
    np.testing.assert_array_equal(plain, PIXELS[positions])


def test_stores_of_published_trainings_are_removed(tmp_path):
    kept, gone = (trained(tmp_path / "stores", further(rate), parent()) for rate in (1e-3, 1e-2))
    folder = tmp_path / "variants/net/baseline/seed0"
    finetuning.publish(gone, folder / "finetuned_blur_0.01.safetensors", 2, {})
    stores.tidy(tmp_path / "stores", tmp_path / "variants", "*/*/seed*/finetuned_*.safetensors")
    assert kept.folder.exists()
    assert not gone.folder.exists()
    finetuning.publish(kept, folder / "finetuned_blur_0.001.safetensors", 2, {})
    stores.tidy(tmp_path / "stores", tmp_path / "variants", "*/*/seed*/finetuned_*.safetensors")
    assert not (tmp_path / "stores").exists()
    stores.tidy(tmp_path / "stores", tmp_path / "variants", "*/*/seed*/finetuned_*.safetensors")


@pytest.mark.parametrize("number", [None, 2])
def test_the_first_networks_are_trained_further(number):
    some = study(
        distortions={"names": ["blur"]},
        finetune={"distortions": ["blur"], "instances": number, "learning_rates": [1e-3]},
    )
    tuned = [seed for seed in range(5) if some.is_tuned(Instance("all_cnn_c", "baseline", seed))]
    assert tuned == list(range(number or 5))
    names = [variant.name for variant in some.variants(Instance("all_cnn_c", "baseline", 0))]
    assert names[-2:] == ["finetuned_none_0.001", "finetuned_blur_0.001"]
