"""How far networks of one pool are apart at an epoch: RDMs, weights, and predictions on the stimuli (methods 12)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from manyseeds.comparison.consistency import pairwise_r
from manyseeds.comparison.pools import Cell, Pool
from manyseeds.comparison.shared_streams import NONE, Draws
from manyseeds.io import tensors
from manyseeds.models import build
from manyseeds.models.forward import predict
from manyseeds.representations.geometry_files import layer_indices, load_geometry
from manyseeds.representations.measures import rdm

Files = Mapping[tuple[Cell, int], Path | str]
"""File of each network at each epoch."""


@dataclass(frozen=True)
class Pair:
    """Two networks: of the pool, with the streams that they share, or one of the pool and its perturbed copy."""

    first: Cell
    second: Cell
    shared: str | None
    perturbation: str | None


def pairs_of(pool: Pool) -> list[Pair]:
    """Return all pairs of networks of a pool, with the factors that they share."""
    found = []
    for i, j in combinations(range(len(pool.cells)), 2):
        equal = pool.levels[i] == pool.levels[j]
        shared = "+".join(name for name, same in zip(pool.factors, equal, strict=True) if same) or NONE
        found.append(Pair(pool.cells[i], pool.cells[j], shared, None))
    return found


def copies_of(
    pool: Pool, pooled: Mapping[Cell, Draws], perturbed: Mapping[Cell, Draws], left: Sequence[Cell], name: str
) -> list[Pair]:
    """Pair perturbed networks with those of a pool that have the same draws in all streams.

    A perturbed network without such a network has no pair.

    Parameters
    ----------
    pooled, perturbed
        Draws of the networks of both.
    left
        The perturbed networks that did not collapse.
    name
        The perturbation in words.
    """
    unperturbed = {tuple(pooled[cell].items()): cell for cell in pool.cells}
    keys = [(tuple(perturbed[cell].items()), cell) for cell in left]
    return [Pair(unperturbed[key], cell, None, name) for key, cell in keys if key in unperturbed]


@dataclass(frozen=True)
class Snapshot:
    """A network at one epoch: all parameters (W,) in float64, and the predicted category (n,) of each stimulus."""

    weights: NDArray[np.float64]
    predictions: NDArray[np.int64]


def snapshots(
    files: Mapping[Cell, Path | str], module: nn.Module, stimuli: NDArray[np.float32], device: torch.device
) -> dict[Cell, Snapshot]:
    """Read networks from their files of weights into a module of their architecture, one by one."""
    names, found = [name for name, _ in module.named_parameters()], {}
    for cell, file in files.items():
        state, _ = tensors.read(Path(file))
        build.load(module, state, source=str(file))
        weights = np.concatenate([state[name].astype(np.float64).ravel() for name in names])
        found[cell] = Snapshot(weights, predict(module, stimuli, device).argmax(axis=1))
    return found


def compare_snapshots(pairs: Sequence[Pair], networks: Mapping[Cell, Snapshot]) -> pd.DataFrame:
    """Return a row for each pair of known networks.

    Columns are shared, perturbation, `agreement` (share of stimuli with the same prediction) and `weight_distance`: the
    norm of the difference of all parameters by the geometric mean of both norms.
    """
    norms = {cell: np.linalg.norm(network.weights) for cell, network in networks.items()}
    rows = []
    for pair in pairs:
        if pair.first in networks and pair.second in networks:
            one, other = networks[pair.first], networks[pair.second]
            # Of the difference, because that of perturbed networks would be lost in products.
            distance = np.linalg.norm(one.weights - other.weights) / np.sqrt(norms[pair.first] * norms[pair.second])
            agreement = np.mean(one.predictions == other.predictions)
            rows.append((pair.shared, pair.perturbation, agreement, distance))
    return pd.DataFrame(rows, columns=["shared", "perturbation", "agreement", "weight_distance"])


def correlate_copies(
    pairs: Sequence[Pair], files: Files, layers: Sequence[str] | None, measures: Sequence[str]
) -> Iterator[dict]:
    """Yield the correlation of the RDMs of two networks, by pair, epoch, layer and measure.

    Pairs and epochs without a file are left out, and layers that a file does not have.

    Parameters
    ----------
    files
        Geometry files.
    layers
        Names of layers; None: all.
    """
    for pair in pairs:
        epochs = sorted(epoch for cell, epoch in files if cell == pair.second and (pair.first, epoch) in files)
        for epoch in epochs:
            ends = [files[cell, epoch] for cell in (pair.first, pair.second)]
            for layer, place in layer_indices(ends[0]).items():
                for measure in measures if layers is None or layer in layers else ():
                    vectors = np.stack([rdm(load_geometry(file, layer), measure) for file in ends])
                    keys = {"perturbation": pair.perturbation, "epoch": epoch, "layer": layer, "layer_index": place}
                    yield keys | {"measure": measure, "normalisation": "none", "r": pairwise_r(vectors)[0][0, 1]}


def predicted_categories(
    files: Mapping[int, Path | str],
    module: nn.Module,
    stimuli: NDArray[np.float32],
    device: torch.device,
    categories: Sequence[int] | None,
) -> pd.DataFrame:
    """Return the predicted category of each stimulus by each network: columns seed, position and predicted.

    Parameters
    ----------
    files
        File of weights of each network, by seed.
    categories
        Numbers of the categories that a network has an output for; None: all.
    """
    frames = []
    for seed, file in files.items():
        build.load(module, tensors.read(Path(file))[0], source=str(file))
        outputs = predict(module, stimuli, device).argmax(axis=1)
        predicted = outputs if categories is None else np.asarray(categories)[outputs]
        frames.append(pd.DataFrame({"seed": seed, "position": np.arange(len(stimuli)), "predicted": predicted}))
    return pd.concat(frames, ignore_index=True)


def correctness(predicted: pd.DataFrame, stimuli: pd.DataFrame, categories: Sequence[str]) -> NDArray[np.float64]:
    """Return whether each prediction is right, 0 or 1; NaN for stimuli of a category that the data do not have.

    Stimuli from a folder number their own categories, so names are compared.

    Parameters
    ----------
    predicted
        From `predicted_categories`.
    stimuli
        Table of stimuli.
    categories
        Names of the data's categories, by number.
    """
    numbers = {str(name): number for number, name in enumerate(categories)}
    truth = stimuli["category_name"].astype(str).map(numbers).to_numpy(np.float64)[predicted["position"]]
    return np.where(np.isnan(truth), np.nan, predicted["predicted"] == truth)
