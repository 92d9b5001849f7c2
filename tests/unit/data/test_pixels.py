"""Pixels that are standardised batch by batch give the bits of images that were preprocessed beforehand."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from train_once import assignment_of, small_task

from manyseeds.data.feeding import Source, to_device
from manyseeds.data.images import Images
from manyseeds.data.pixels import Pixels
from manyseeds.data.preprocessing import fit_preprocessing, save_preprocessing
from manyseeds.training import engine, stores

CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path):
    """The same 90 photographs, so to speak, as pixels and as preprocessed images."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, size=(90, 12, 12, 3), dtype=np.uint8)
    pixels[::3, :, :, 0] //= 4  # so that there is something to learn
    fitted = fit_preprocessing("channel_mean_sd", pixels)
    files = {name: tmp_path / f"{name}.npy" for name in ("pixels", "inputs", "labels")}
    for name, array in {"pixels": pixels, "inputs": fitted.apply(pixels), "labels": np.arange(90) % 3}.items():
        np.save(files[name], array)
    card, preprocessing = tmp_path / "card.json", tmp_path / "preprocessing.safetensors"
    card.write_text(json.dumps({"categories": ["a", "b", "c"], "digest": "that of the pixels"}))
    save_preprocessing(fitted, preprocessing)
    return tuple(Images.read(files[name], files["labels"], card, preprocessing) for name in ("pixels", "inputs"))


def test_pixels_stay_on_disk_and_become_the_preprocessed_bits(images):
    pixels, preprocessed = (part.inputs for part in images)
    assert isinstance(pixels, Pixels)
    assert isinstance(pixels.stored, np.memmap)
    assert isinstance(preprocessed, np.ndarray)
    assert pixels.shape == preprocessed.shape
    assert len(pixels) == len(preprocessed)
    found = to_device(pixels, CPU)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), preprocessed)


@pytest.mark.parametrize("chosen", [slice(7, 31), np.array([5, 3, 80, 3]), np.arange(90) % 7 == 2])
def test_a_choice_of_a_choice_of_pixels(images, chosen):
    pixels, preprocessed = (part.inputs[::-1][chosen] for part in images)
    np.testing.assert_array_equal(to_device(pixels, CPU).numpy(), preprocessed)
    places = np.array([2, 0, 1])
    n = len(preprocessed)
    minibatches = [places, np.arange(n), np.array([n - 1])]
    for inputs in (pixels, preprocessed.copy()):
        for images, batch in zip(Source(inputs, CPU).minibatches(minibatches), minibatches, strict=True):
            np.testing.assert_array_equal(images.numpy(), preprocessed[batch])
    assert list(Source(pixels, CPU).minibatches([])) == []


class Unreadable:
    """A file of which nothing is ever to be read."""

    shape, dtype = (90, 12, 12, 3), np.dtype(np.uint8)

    def __getitem__(self, positions):
        raise AssertionError("read")


def test_choosing_measuring_and_digesting_reads_no_pixel():
    pixels = Pixels(Unreadable(), np.arange(90), np.zeros(3), np.ones(3), "digest")
    images = Images(pixels, np.arange(90) % 3, 3)
    half = images.subset(images="a", seed=0, categories=[0, 2])
    assert half.inputs.shape == (30, 12, 12, 3)
    assert len({images.digest, half.digest, images.subset(images="b", seed=0, categories=[0, 2]).digest}) == 3
    with pytest.raises(AssertionError, match="read"):
        half.inputs.read()


def test_the_digest_sees_the_source_and_how_pixels_are_standardised(images):
    pixels, labels = images[0].inputs, images[0].labels

    def digest(**changes):
        fields = {name: getattr(pixels, name) for name in ("stored", "positions", "mean", "sd", "source")}
        return Images(Pixels(**fields | changes), labels, 3).digest

    digests = {digest(), digest(source="other"), digest(mean=pixels.mean + 1), digest(sd=2 * pixels.sd)}
    digests.add(digest(positions=pixels.positions[::-1]))
    assert len(digests) == 5
    assert images[0].digest == digest()


@pytest.mark.parametrize("condition", [{}, {"images": "a", "seed": 0}])
def test_training_and_evaluation_on_pixels_give_the_same_bits(images, condition, tmp_path):
    task = small_task(epochs=2, checkpoints=(0, 2), augmentation="crop_flip")
    finals, evaluations = [], []
    for number, part in enumerate(images):
        part = part.subset(**condition)
        store = stores.Store(tmp_path / f"{number}")
        options = {"device": CPU, "save_every": 1e9, "report": lambda line: None}
        engine.train([assignment_of(task, store, part, "a key")], part, **options)
        finals.append(load_file(store.checkpoint(0, 2)))
        evaluations.append(store.attempts())
    assert finals[0]["conv1.weight"].shape[1] == 3
    for name in finals[0]:
        np.testing.assert_array_equal(finals[0][name], finals[1][name])
    assert evaluations[0] == evaluations[1]
