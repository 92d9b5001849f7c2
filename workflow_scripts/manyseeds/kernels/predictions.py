"""Predictions of networks and their variants for distorted test images, and their files (methods 11)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyseeds.data.distortions import distort
from manyseeds.errors import StudyError
from manyseeds.io.files import atomic_path
from manyseeds.study.distortions import COLOUR_CHANNELS, DISTORTIONS, NONE

CHUNK_BYTES = 2**28
"""Size of the images in float64 that are distorted and tested at once."""

BATCH = 100
"""Chunks are multiples of this number of images, as forward passes take them."""

FAILED = -1
"""Prediction of a variant whose training failed."""

Predictions = NDArray[np.int16]


@dataclass(frozen=True)
class Strength:
    """A distortion at one strength; `level` is the place of the strength among those of the distortion."""

    distortion: str
    strength: float
    level: int = 0


def conditions_of(strengths: Mapping[str, Sequence[float]]) -> list[Strength]:
    """Return all distortions and strengths, the images as they are first."""
    return [
        Strength(NONE, float("nan")),
        *(Strength(name, value, level) for name, values in strengths.items() for level, value in enumerate(values)),
    ]


def check_channels(strengths: Mapping[str, Sequence[float]], n_channels: int) -> None:
    """Check that images have the channels that the distortions need.

    Raises
    ------
    StudyError
        If one needs colour and the images are grey; names the first.
    """
    stray = next((name for name in strengths if name != NONE and DISTORTIONS[name].needs_colour), None)
    if stray is not None and n_channels != COLOUR_CHANNELS:
        raise StudyError(
            f"Config key distortions.names: found {stray}, which needs images of {COLOUR_CHANNELS} channels, but the "
            f"images have {n_channels}; list the others instead."
        )


def first_of_each(labels: NDArray[np.int64], number: int | None, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the places, ascending, of the first so many kept images of each category; None: of all."""
    places = np.flatnonzero(kept)
    if number is None:
        return places
    chosen = [places[labels[places] == category][:number] for category in np.unique(labels[places])]
    return np.sort(np.concatenate(chosen)) if chosen else places


def chunks(places: NDArray[np.int64], values_per_image: int) -> Iterator[NDArray[np.int64]]:
    """Yield places in chunks of at most `CHUNK_BYTES` of float64."""
    size = max(1, CHUNK_BYTES // (8 * values_per_image) // BATCH) * BATCH
    for start in range(0, len(places), size):
        yield places[start : start + size]


def predict_all(
    names: Sequence[Any],
    predict: Callable[[Any, NDArray], NDArray],
    pixels: NDArray[np.uint8],
    places: NDArray[np.int64],
    conditions: Sequence[Strength],
    preprocess: Callable[[NDArray], NDArray[np.float32]],
    *,
    seed: int,
    report: Callable[[str], None],
) -> dict[Any, Predictions]:
    """Return the predictions (conditions, images) of several networks, which all see the same distorted images.

    Parameters
    ----------
    names
        Keys of the networks.
    predict
        Takes a key and preprocessed images, and returns predicted categories.
    pixels
        All test images, uint8 [n, height, width, channels]; may be memory-mapped.
    places
        Places of the images that are tested.
    seed
        `distortions.seed` of the config.
    """
    found = {name: np.empty((len(conditions), len(places)), dtype=np.int16) for name in names}
    done = 0
    for chunk in chunks(places, int(np.prod(pixels.shape[1:]))):
        images = np.asarray(pixels[chunk])
        for row, each in enumerate(conditions):
            distorted = distort(images, chunk, each.distortion, each.strength, seed=seed, level=each.level)
            inputs = preprocess(distorted)
            for name in names:
                found[name][row, done : done + len(chunk)] = predict(name, inputs)
        done += len(chunk)
        report(f"{done} of {len(places)} images, {len(conditions)} conditions, {len(names)} networks")
    return found


@dataclass(frozen=True)
class Predicted:
    """Predictions of one network, with the conditions and the images that they are for.

    Attributes
    ----------
    predictions
        (conditions, images); `FAILED` for a variant whose training failed.
    conditions
        The conditions, in order.
    positions
        Place of each image among all test images.
    labels
        Category of each image, as the network numbers them.
    """

    predictions: Predictions
    conditions: list[Strength]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def is_failed(self) -> bool:
        """Whether the training of the variant failed."""
        return bool((self.predictions == FAILED).all())


def save(path: Path | str, tested: Predicted) -> None:
    """Write predictions to an NPZ file."""
    arrays = {
        "predictions": tested.predictions,
        "distortions": np.array([each.distortion for each in tested.conditions]),
        "strengths": np.array([each.strength for each in tested.conditions]),
        "positions": tested.positions,
        "labels": tested.labels,
    }
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **arrays)  # pyright: ignore[reportArgumentType] no array is named allow_pickle


def load(path: Path | str) -> Predicted:
    """Read predictions from a file of `save`."""
    with np.load(path) as file:
        conditions = [
            Strength(str(name), float(strength))
            for name, strength in zip(file["distortions"], file["strengths"], strict=True)
        ]
        return Predicted(file["predictions"], conditions, file["positions"], file["labels"])
