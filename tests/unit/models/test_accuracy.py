"""Accuracy on all, lossless and re-encoded images."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from manyseeds.data.images import Images
from manyseeds.data.preprocessing import fit_preprocessing
from manyseeds.models import accuracy


class Darkest(nn.Module):
    """Predicts 1 for images that are bright on average, else 0."""

    def forward(self, images):
        brightness = images.mean(dim=(1, 2, 3))
        return torch.stack([-brightness, brightness], dim=1)


@pytest.fixture
def data():
    draw = np.random.default_rng(0)
    labels = np.arange(40) % 2
    base = np.where(labels, 200, 50)[:, None, None, None]
    pixels = (base + draw.integers(-20, 20, size=(40, 8, 8, 3))).astype(np.uint8)
    pixels[:4] = 255 - pixels[:4]  # these four are misjudged
    preprocessing = fit_preprocessing("gcn", pixels)
    return pixels, Images(preprocessing.apply(pixels), labels, 2), preprocessing


def subsets(data, lossless):
    pixels, images, preprocessing = data
    return accuracy.subsets(images, images, pixels, lossless, preprocessing)


def records(data, lossless):
    rows = accuracy.accuracies(Darkest(), subsets(data, lossless), torch.device("cpu"))
    return {(row["split"], row["subset"]): row for row in rows}


@pytest.mark.parametrize("lossless", [True, False])
def test_files_that_are_all_original_or_all_re_encoded_are_reported_whole(data, lossless):
    found = records(data, np.full(40, lossless))
    assert found.keys() == {("train", "all"), ("test", "all")}
    assert found["test", "all"]["accuracy"] == 0.9
    assert found["test", "all"]["n_images"] == 40


def test_lossless_images_are_reported_apart_and_re_encoded(data):
    found = records(data, np.arange(40) < 20)
    assert found["test", "lossless"]["accuracy"] == 0.8  # 4 of the first 20 are misjudged
    assert found["test", "lossless_reencoded"]["n_images"] == 20
    assert found["test", "lossless_reencoded"]["accuracy"] == 0.8
    pixels, images, preprocessing = data
    reported = {subset: inputs for _, subset, inputs, _ in subsets(data, np.arange(40) < 20)}
    np.testing.assert_array_equal(reported["lossless"], images.inputs[:20])
    passed_through_jpeg = np.stack([accuracy.reencode(image) for image in pixels[:20]])
    np.testing.assert_array_equal(reported["lossless_reencoded"], preprocessing.apply(passed_through_jpeg))
    assert not np.array_equal(reported["lossless_reencoded"], reported["lossless"])


def test_only_images_known_to_be_re_encoded_are_told_apart():
    index = pd.DataFrame(
        {
            "split": ["train", "test", "test", "test"],
            "position": [0, 2, 0, 1],
            "lossless": pd.array([False, None, False, True], dtype="boolean"),
        }
    )
    np.testing.assert_array_equal(accuracy.not_reencoded(index), [False, True, True])


@pytest.mark.parametrize("channels", [1, 3])
def test_re_encoding_changes_an_image_a_little(channels):
    image = np.random.default_rng(1).integers(0, 256, size=(32, 32, channels), dtype=np.uint8)
    again = accuracy.reencode(image)
    assert again.shape == image.shape
    assert again.dtype == np.uint8
    difference = np.abs(again.astype(int) - image)
    assert 0 < difference.mean() < 64
    np.testing.assert_array_equal(accuracy.reencode(image), again)


def test_sets_without_images_are_left_out(data):
    """Networks from elsewhere may come without training images."""
    _, images, preprocessing = data
    none = images.subset(categories=[0, 1]).inputs[:0]
    empty = Images(none, images.labels[:0], 2)
    sets = accuracy.subsets(empty, images, data[0], np.ones(40, dtype=bool), preprocessing)
    assert [subset[0] for subset in accuracy.due(sets, 0, 0)] == ["test"]
