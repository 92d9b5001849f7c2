"""Dropout in tests: one mask for all stimuli and instances of a sample; for accuracies one an image."""

import numpy as np
import pytest
import torch
from torch import nn

from manyseeds.models import accuracy, build, initialisation
from manyseeds.models.spec import Network
from manyseeds.representations import dropout_sampling
from manyseeds.representations.dropout_sampling import Dropout

CPU = torch.device("cpu")
NETWORK = Network("all_cnn_7", width=0.05, readout_relu=False)
DROPOUT = Dropout(rate=0.4, after=("conv3", "conv6"), root_seed=0)


def trained(seed):
    module = build.build(NETWORK, (12, 12, 1), 3)
    weights = initialisation.initial_weights(NETWORK, (12, 12, 1), 3, root_seed=0, seed=seed)
    build.load(module, weights, source="test")
    return module


@pytest.fixture(scope="module")
def stimuli():
    return np.random.default_rng(0).standard_normal((7, 12, 12, 1)).astype(np.float32)


def sampled(module, layers, stimuli, sample, dropout=DROPOUT):
    layers = {layer: getattr(module, layer) for layer in layers}
    return dropout_sampling.sample_activations(module, layers, stimuli, dropout, sample, device=CPU)


def implied_mask(seed, stimuli, sample):
    """What conv3 of an instance is multiplied with, as its activations show it: NaN where a unit never answers."""
    module = trained(seed)
    nothing = Dropout(rate=0.0, after=DROPOUT.after, root_seed=0)
    answers = sampled(module, ["conv3"], stimuli, sample, nothing)["conv3"]
    ratios = np.divide(
        sampled(module, ["conv3"], stimuli, sample)["conv3"],
        answers,
        out=np.full_like(answers, np.nan),
        where=answers != 0,
    )
    lowest, highest = np.nanmin(ratios, axis=0, initial=9.0), np.nanmax(ratios, axis=0, initial=-9.0)
    active = (answers != 0).any(axis=0)
    np.testing.assert_allclose(lowest[active], highest[active], rtol=1e-5)  # all stimuli share it
    return np.where(active, lowest, np.nan)


def test_masks_are_equal_across_instances_and_stimuli_and_unequal_across_samples(stimuli):
    masks = {(seed, sample): implied_mask(seed, stimuli, sample) for seed in (0, 5) for sample in (1, 2)}
    shown = ~np.isnan(masks[0, 1]) & ~np.isnan(masks[5, 1])
    assert shown.sum() > 20
    for sample in (1, 2):
        np.testing.assert_allclose(masks[0, sample][shown], masks[5, sample][shown], rtol=1e-5)
    assert (masks[0, 1][shown] != masks[0, 2][shown]).any()


def test_layers_behind_masks_answer_as_an_explicit_pass_does(stimuli):
    module = trained(3)
    shapes = {"conv3": (10, 6, 6), "conv6": (10, 1, 1)}
    masks = dropout_sampling.draw_masks({layer: int(np.prod(s)) for layer, s in shapes.items()}, DROPOUT, 4)
    response = torch.from_numpy(stimuli).permute(0, 3, 1, 2)
    with torch.no_grad():
        for layer in module.layer_names:
            response = getattr(module, layer)(response)
            if layer in masks:
                response = response * torch.from_numpy(masks[layer].reshape(shapes[layer]))
    found = sampled(module, ["conv7"], stimuli, 4)["conv7"]
    np.testing.assert_allclose(found, response.flatten(1).numpy(), rtol=1e-4, atol=1e-6)
    assert not any(child._forward_hooks for child in module.modules())


def test_masks_keep_one_minus_the_rate_and_the_mean():
    mask = dropout_sampling.draw_masks({"conv3": 40_000, "conv6": 40_000}, DROPOUT, 1)["conv3"]
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.6)}
    assert np.mean(mask > 0) == pytest.approx(0.6, abs=5 * np.sqrt(0.24 / mask.size))
    assert mask.dtype == np.float32


def test_masks_differ_between_layers_and_roots():
    n_units = {"conv3": 200, "conv6": 200}
    masks = dropout_sampling.draw_masks(n_units, DROPOUT, 1)
    others = dropout_sampling.draw_masks(n_units, Dropout(0.4, DROPOUT.after, root_seed=1), 1)
    assert (masks["conv3"] != masks["conv6"]).any()
    assert (masks["conv3"] != others["conv3"]).any()


def test_what_a_lower_rate_drops_a_higher_one_drops_too():
    low, high = (dropout_sampling.draw_masks({"x": 500}, Dropout(rate, ("x",), 0), 3)["x"] for rate in (0.2, 0.7))
    assert (high[low == 0] == 0).all()
    assert (low == 0).sum() < (high == 0).sum()


class Majority(nn.Module):
    """Predicts 1 if more than half of its 101 units, which all answer 1, are kept, else 0."""

    def __init__(self):
        super().__init__()
        self.units = nn.Identity()

    def forward(self, images):
        kept = (self.units(images.flatten(1)) > 0).float().sum(dim=1)
        return torch.stack([101 - kept, kept], dim=1)


def majority_record(n_images=2000, **changes):
    sets = [("test", "all", np.ones((n_images, 101, 1, 1), np.float32), np.ones(n_images, np.int64))]
    settings = {"rate": 0.5, "after": ["units"], "root_seed": 0, "seed": 1, "epoch": 2} | changes
    module = Majority()
    record = accuracy.accuracy_with_dropout(module, sets, CPU, **settings)
    assert not module.units._forward_hooks
    return record


def test_accuracy_with_dropout_has_masks_of_each_image_s_own():
    record = majority_record()
    assert (record["split"], record["subset"], record["n_images"]) == ("test_dropout", "all", 2000)
    # Images are all alike: under one mask for all of them, accuracy would be 0 or 1.
    assert record["accuracy"] == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 2000))


def test_accuracy_with_dropout_follows_its_address():
    assert majority_record() == majority_record()
    values = [majority_record(**other)["accuracy"] for other in ({}, {"seed": 2}, {"epoch": 3}, {"root_seed": 1})]
    assert len(set(values)) == 4


def test_accuracy_with_hardly_any_dropout_is_accuracy():
    assert majority_record(rate=0.01)["accuracy"] == 1
