"""Predictions: chosen images, chunks, files, and the same distorted images for all networks."""

import numpy as np
import pytest

from manyseeds.data.distortions import distort
from manyseeds.errors import StudyError
from manyseeds.kernels import predictions

PIXELS = np.random.default_rng(0).integers(0, 256, (300, 4, 4, 3), dtype=np.uint8)
STRENGTHS = {"blur": [0.5, 0.9], "poisson": [50, 100]}


def test_the_images_as_they_are_come_first():
    found = predictions.conditions_of(STRENGTHS)
    assert [(each.distortion, each.level) for each in found] == [
        ("none", 0),
        ("blur", 0),
        ("blur", 1),
        ("poisson", 0),
        ("poisson", 1),
    ]


def test_the_first_images_of_each_category_are_chosen():
    labels = np.array([1, 0, 0, 1, 2, 1, 0])
    every = np.ones(7, bool)
    np.testing.assert_array_equal(predictions.first_of_each(labels, 2, every), [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(predictions.first_of_each(labels, None, every), np.arange(7))
    np.testing.assert_array_equal(predictions.first_of_each(labels, 1, labels > 0), [0, 4])


def test_all_networks_see_the_same_images_whatever_the_chunks(monkeypatch):
    seen = {}

    def predict(name, images):
        seen.setdefault(name, []).append(images)
        return images.sum(axis=(1, 2, 3)) % 7

    places = np.arange(0, 300, 1)
    options = {"preprocess": np.asarray, "seed": 3, "report": lambda line: None}
    conditions = predictions.conditions_of(STRENGTHS)
    whole = predictions.predict_all(["a", "b"], predict, PIXELS, places, conditions, **options)
    monkeypatch.setattr(predictions, "CHUNK_BYTES", 8 * 48 * 100)
    parts = predictions.predict_all(["a", "b"], predict, PIXELS, places, conditions, **options)
    assert whole["a"].shape == (5, 300)
    for name in ("a", "b"):
        np.testing.assert_array_equal(whole[name], parts[name])
        assert len(seen[name]) == 5 + 15
    np.testing.assert_array_equal(seen["a"][4], distort(PIXELS, places, "poisson", 100, seed=3, level=1))
    np.testing.assert_array_equal(seen["a"][0], PIXELS)


def test_files_keep_predictions_and_their_conditions(tmp_path):
    conditions = predictions.conditions_of({"blur": [0.5]})
    tested = predictions.Predicted(np.array([[1, 2], [0, 2]], np.int16), conditions, np.arange(2), np.array([1, 2]))
    for name in ("one.npz", "two.npz"):
        predictions.save(tmp_path / name, tested)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    found = predictions.load(tmp_path / "one.npz")
    np.testing.assert_array_equal(found.predictions, tested.predictions)
    np.testing.assert_array_equal(found.labels, tested.labels)
    assert [each.distortion for each in found.conditions] == ["none", "blur"]
    assert not found.is_failed
    failed = predictions.Predicted(np.full((2, 2), predictions.FAILED), conditions, np.arange(2), np.arange(2))
    assert failed.is_failed


def test_grey_images_have_no_distortions_of_colour():
    predictions.check_channels({"blur": [1]}, 1)
    predictions.check_channels({"illuminant": [0.5]}, 3)
    with pytest.raises(StudyError, match=r"distortions\.names: found illuminant, .* 3 channels, but the images have 1"):
        predictions.check_channels({"illuminant": [0.5]}, 1)
