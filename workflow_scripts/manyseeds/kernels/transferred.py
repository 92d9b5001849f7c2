"""Predictions of networks that learned another task, in a file (methods 11). Torch is not imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyseeds.io.files import atomic_path

FAILED = -1
"""Prediction of a network whose training failed."""


@dataclass(frozen=True)
class Transferred:
    """Predictions of all trainings of a group, for the test images of the other task.

    Attributes
    ----------
    predictions
        (modes, sources, transfer seeds, images); `FAILED` for a training that failed.
    labels
        (images,) categories, as the networks number them.
    modes
        Some of `transfer.MODES`.
    seeds
        Seed of each source.
    """

    predictions: NDArray[np.int16]
    labels: NDArray[np.int64]
    modes: tuple[str, ...]
    seeds: tuple[int, ...]


def save(path: Path | str, found: Transferred) -> None:
    """Write predictions to an NPZ file."""
    arrays: Mapping[str, Any] = {
        "predictions": found.predictions,
        "labels": found.labels,
        "modes": np.array(found.modes),
        "seeds": np.array(found.seeds),
    }
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **arrays)


def load(path: Path | str) -> Transferred:
    """Read predictions from a file of `save`."""
    with np.load(path) as file:
        modes, seeds = tuple(map(str, file["modes"])), tuple(map(int, file["seeds"]))
        return Transferred(file["predictions"], file["labels"], modes, seeds)
