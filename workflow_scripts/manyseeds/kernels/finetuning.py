"""Networks that are trained further on distorted images, by the engine of any training (methods 11)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.data.distortions import distort
from manyseeds.io import tensors
from manyseeds.kernels.predictions import chunks
from manyseeds.kernels.sources import OUTCOME
from manyseeds.streams import Address, generator
from manyseeds.study.distortions import NONE
from manyseeds.training.recipes import Task
from manyseeds.training.stores import Store, metadata_of

HISTORY = ("epoch", "loss", "accuracy", "learning_rate")
"""Columns of the history of a training that its published weights have."""

PREFIX = "finetune/"
"""Begins the names of the random streams of these trainings."""


@dataclass(frozen=True)
class FurtherTask(Task):
    """A training that begins with the weights of a trained network, the parent.

    Its `initial` weights are the parent's, so its key has their digest. Its streams are its own.
    """

    def address(self, purpose: str, attempt: int) -> Address:
        """Return the address of a stream; it is the same for all parents."""
        address = super().address(purpose, attempt)
        return {**address, "purpose": PREFIX + address["purpose"]}


def drawn_levels(positions: NDArray[np.int64], n_strengths: int, seed: int) -> NDArray[np.int64]:
    """Draw the strength of each image: its place among the strengths, or -1 for none, all equally likely.

    Parameters
    ----------
    positions
        Place of each image among all training images, which addresses its draw.
    seed
        `distortions.seed` of the config.
    """
    draws = [generator(seed, f"{PREFIX}strength", 0, step=int(place)).integers(n_strengths + 1) for place in positions]
    return np.array(draws, dtype=np.int64) - 1


def distorted_copy(
    pixels: NDArray[np.uint8],
    positions: NDArray[np.int64],
    distortion: str,
    strengths: Sequence[float],
    preprocess: Callable[[NDArray], NDArray[np.float32]],
    *,
    seed: int,
) -> NDArray[np.float32]:
    """Return preprocessed training images [n, height, width, channels], each distorted at one strength or not at all.

    Parameters
    ----------
    pixels
        All training images, uint8; may be memory-mapped.
    positions
        Places of the images that are trained on.
    """
    levels = drawn_levels(positions, 0 if distortion == NONE else len(strengths), seed)
    inputs = np.empty((len(positions), *pixels.shape[1:]), dtype=np.float32)
    for level in np.unique(levels):
        chosen = np.flatnonzero(levels == level)
        name, strength = (NONE, 0.0) if level < 0 else (distortion, strengths[level])
        for part in chunks(chosen, int(np.prod(pixels.shape[1:]))):
            places = positions[part]
            images = distort(pixels[places], places, name, strength, seed=seed, split="train", level=int(level))
            inputs[part] = preprocess(images)
    return inputs


def publish(store: Store, path: Path | str, epoch: int, about: Mapping[str, str]) -> str:
    """Write the weights with which a training ended, with its outcome, and return the outcome.

    Parameters
    ----------
    epoch
        The last epoch.
    about
        Further metadata: the parent's digest, the distortion, the learning rate.
    """
    record = store.attempts()[-1]
    weights, metadata = tensors.read(store.checkpoint(record["attempt"], epoch))
    metadata.pop(tensors.DIGEST, None)
    # Without seconds, so that the file of one training always has the same bits.
    rows = [{column: row[column] for column in HISTORY} for row in store.history()]
    about = {**about, OUTCOME: record["outcome"], "record": json.dumps(record), "history": json.dumps(rows)}
    tensors.write(Path(path), weights, {**metadata, **about})
    return record["outcome"]


def history(path: Path | str) -> pd.DataFrame:
    """Return the running values of each epoch of the training whose weights `publish` wrote, columns `HISTORY`."""
    return pd.DataFrame(json.loads(metadata_of(Path(path))["history"]), columns=list(HISTORY))
