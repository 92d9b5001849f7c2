"""Predictions of networks that learned another task, in a file (methods 11). Torch is not imported."""

import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from manyseeds.io.files import atomic_path

FAILED = -1
"""Prediction of a network whose training failed."""

DAMAGED = (OSError, ValueError, KeyError, BadZipFile, zlib.error)
"""Errors of reading a file that is missing or damaged."""


@dataclass(frozen=True)
class Learned:
    """Outcome of one training.

    Attributes
    ----------
    digest
        `Task.digest` of the training.
    predictions
        (images,) of the test images; `FAILED` if the training failed.
    losses, accuracies
        (epochs,) running values of each epoch.
    """

    digest: str
    predictions: NDArray[np.int16]
    losses: NDArray[np.float64]
    accuracies: NDArray[np.float64]


@dataclass(frozen=True)
class Transferred:
    """Outcomes of all trainings of a group.

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
    losses, accuracies
        (modes, sources, transfer seeds, epochs) running values of each epoch.
    digests
        (modes, sources, transfer seeds) `Task.digest` of each training.
    tested
        Digest of the test images.
    """

    predictions: NDArray[np.int16]
    labels: NDArray[np.int64]
    modes: tuple[str, ...]
    seeds: tuple[int, ...]
    losses: NDArray[np.float64]
    accuracies: NDArray[np.float64]
    digests: NDArray[np.str_]
    tested: str


def gathered(
    learned: Sequence[Sequence[Sequence[Learned]]],
    labels: NDArray[np.int64],
    *,
    modes: Sequence[str],
    seeds: Sequence[int],
    tested: str,
) -> Transferred:
    """Gather the outcomes of trainings, by mode, transfer seed and source."""

    def stacked(name: str) -> NDArray:
        return np.array([[[getattr(one, name) for one in row] for row in rows] for rows in learned]).swapaxes(1, 2)

    shape = len(modes), len(seeds), len(learned[0])
    n_epochs = -1 if seeds else 0
    return Transferred(
        predictions=stacked("predictions").astype(np.int16).reshape(*shape, len(labels)),
        labels=labels,
        modes=tuple(modes),
        seeds=tuple(seeds),
        losses=stacked("losses").reshape(*shape, n_epochs),
        accuracies=stacked("accuracies").reshape(*shape, n_epochs),
        digests=stacked("digest").astype(str),
        tested=tested,
    )


def trained(folder: Path) -> set[str]:
    """Return the digests of the trainings whose outcomes are in the files of a folder of predictions."""
    found: set[str] = set()
    for path in folder.glob("*/*/transfer.npz"):
        with suppress(*DAMAGED), np.load(path) as file:
            found |= set(map(str, file["digests"].ravel()))
    return found


def known(path: Path | str, tested: str) -> dict[str, Learned]:
    """Return the outcomes in an earlier file by the digests of their trainings; none if it is not there or damaged.

    Parameters
    ----------
    tested
        Digest of the test images. There are no outcomes for others.
    """
    try:
        found = load(path)
    except DAMAGED:
        return {}
    if found.tested != tested:
        return {}
    return {
        str(found.digests[place]): Learned(
            str(found.digests[place]), found.predictions[place], found.losses[place], found.accuracies[place]
        )
        for place in np.ndindex(found.digests.shape)
    }


def save(path: Path | str, found: Transferred) -> None:
    """Write outcomes to an NPZ file."""
    arrays: Mapping[str, Any] = {
        **{name: getattr(found, name) for name in ("predictions", "labels", "losses", "accuracies", "digests")},
        "modes": np.array(found.modes),
        "seeds": np.array(found.seeds),
        "tested": np.array(found.tested),
    }
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **arrays)


def load(path: Path | str) -> Transferred:
    """Read outcomes from a file of `save`."""
    with np.load(path) as file:
        modes, seeds = tuple(map(str, file["modes"])), tuple(map(int, file["seeds"]))
        arrays = {name: file[name] for name in ("predictions", "labels", "losses", "accuracies", "digests")}
        return Transferred(modes=modes, seeds=seeds, tested=str(file["tested"]), **arrays)
