"""Accuracy on the training images, the test images, and the test images that are the original files."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from manyseeds.data.images import Images
from manyseeds.data.pixels import Inputs
from manyseeds.data.preprocessing import Preprocessing
from manyseeds.data.subsets import select
from manyseeds.models.forward import dropout as dropout_on
from manyseeds.models.forward import predict
from manyseeds.streams import torch_seed

JPEG_QUALITY = 75
"""Quality of the images that are not the original files (see `data/README.md`), and of the re-encoded ones."""

Subset = tuple[str, str, Inputs, NDArray[np.int64]]
"""Split, subset, inputs [n, height, width, channels] and labels [n] of images to report an accuracy on."""


def subsets(
    train: Images, test: Images, pixels: NDArray[np.uint8], lossless: NDArray[np.bool_], preprocessing: Preprocessing
) -> list[Subset]:
    """Return the sets of images to report: training images, test images and, if needed, lossless ones.

    If only some test images are the original files, these form a set of their own, and another set re-encoded like the
    other test images. The difference between both sets is the effect of re-encoding (methods 3).

    Parameters
    ----------
    pixels
        The test images before preprocessing [n, height, width, channels].
    lossless
        Whether each test image is the original [n].
    """
    sets: list[Subset] = [("train", "all", train.inputs, train.labels), ("test", "all", test.inputs, test.labels)]
    if lossless.any() and not lossless.all():
        labels = test.labels[lossless]
        reencoded = preprocessing.apply(np.stack([reencode(image) for image in pixels[lossless]]))
        sets.append(("test", "lossless", test.inputs[lossless], labels))
        sets.append(("test", "lossless_reencoded", reencoded, labels))
    return sets


def of_categories(test: Images, pixels: NDArray[np.uint8], categories: Sequence[int] | None) -> tuple:
    """Return the test images of some categories, their pixels, and their positions among all test images.

    None means all categories; the pixels then stay on disk.
    """
    positions = select(test.labels, categories=categories)
    return test.subset(categories=categories), pixels if categories is None else pixels[positions], positions


def due(sets: list[Subset], epoch: int, last_epoch: int) -> list[Subset]:
    """Return the sets to report after an epoch: training images are evaluated at the last epoch alone.

    They are many, and the training's history has their running accuracy in every epoch. Networks from elsewhere may
    come without training images.
    """
    return [subset for subset in sets if len(subset[3]) and (epoch == last_epoch or subset[0] != "train")]


def after_epoch(
    module: nn.Module,
    sets: list[Subset],
    device: torch.device,
    *,
    epoch: int,
    last_epoch: int,
    seed: int,
    dropout: dict | None,
) -> list[dict]:
    """Return a network's records at one epoch: of each set due, and of all test images with dropout on.

    Parameters
    ----------
    dropout
        `rate`, `after` and `root_seed` of `accuracy_with_dropout`; None for a network trained without dropout.
    """
    records = list(accuracies(module, due(sets, epoch, last_epoch), device))
    if dropout is not None:
        records.append(accuracy_with_dropout(module, sets, device, **dropout, seed=seed, epoch=epoch))
    return records


def not_reencoded(index: pd.DataFrame) -> NDArray[np.bool_]:
    """Return for each test image [n], in order, whether it counts as the original.

    Only images known to be re-encoded do not. Nothing is known of images from a folder (null).

    Parameters
    ----------
    index
        The data set's index, with the columns split, position and lossless.
    """
    test_images = index[index["split"] == "test"].sort_values("position")
    return test_images["lossless"].astype("boolean").fillna(True).to_numpy(dtype=bool)


def reencode(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image [height, width, channels] after JPEG compression and decompression."""
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze()).save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(buffer)).reshape(image.shape)


def accuracies(module: nn.Module, sets: list[Subset], device: torch.device) -> Iterator[dict]:
    """Yield one record (split, subset, accuracy, n_images) for each set of images."""
    for split, subset, inputs, labels in sets:
        predicted = predict(module, inputs, device).argmax(axis=1)
        accuracy = float(np.mean(predicted == labels))
        yield {"split": split, "subset": subset, "accuracy": accuracy, "n_images": len(labels)}


def accuracy_with_dropout(
    module: nn.Module,
    sets: list[Subset],
    device: torch.device,
    *,
    rate: float,
    after: Sequence[str],
    root_seed: int,
    seed: int,
    epoch: int,
) -> dict:
    """Return the record of all test images with dropout on, each image under its own mask.

    See methods 7 and Mehrer et al. (2020), fig. 8a.

    Parameters
    ----------
    module
        The network, with the weights after `epoch` completed epochs.
    rate, after
        Rate of Bernoulli dropout and the layers that it follows, as in training.
    root_seed, seed, epoch
        Address of the masks: the study's `seed`, the instance's seed, and the epoch.
    """
    masks = torch.Generator(device).manual_seed(torch_seed(root_seed, "dropout/accuracy", seed, epoch=epoch))
    ((inputs, labels),) = (subset[2:] for subset in sets if subset[:2] == ("test", "all"))
    with dropout_on(module, after, rate, masks):
        (record,) = accuracies(module, [("test_dropout", "all", inputs, labels)], device)
    return record
