"""Networks of several conditions in one pool, told apart by their random streams alone (methods 12)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison.consistency import Agreement, agreement, has_categories, within_category_mask
from manyseeds.comparison.shared_streams import Draws, draws_by_seed
from manyseeds.io.tables import accepted_seeds, attempt_numbers
from manyseeds.representations.geometry import centroids
from manyseeds.representations.geometry_files import load_geometry
from manyseeds.representations.measures import rdm

Cell = tuple[str, int]
"""Condition and seed of a network."""


@dataclass(frozen=True)
class Pool:
    """The accepted networks of pooled conditions, each once.

    Attributes
    ----------
    cells
        The N networks. Of equal networks of several conditions it has the first.
    factors
        The F streams of which the networks have several draws, in order.
    levels
        (N, F) number of each network's draw in each factor. Networks with equal numbers share the stream.
    n_missing
        Number of declared networks that are not in the pool, because they collapsed.
    """

    cells: tuple[Cell, ...]
    factors: tuple[str, ...]
    levels: NDArray[np.int64]
    n_missing: int

    @property
    def described_levels(self) -> str | None:
        """Factors with their numbers of levels, such as ``init4+order4``; None without factors."""
        counts = [len({*column}) for column in self.levels.T.tolist()]
        return "+".join(f"{name}{n}" for name, n in zip(self.factors, counts, strict=True)) or None


def pool_networks(draws: Mapping[Cell, Draws], accepted: Sequence[Cell]) -> Pool:
    """Pool networks by their draws.

    Parameters
    ----------
    draws
        Draws of each declared network; all have the same streams.
    accepted
        The networks that did not collapse.
    """
    known: dict[tuple, Cell] = {}
    for cell in accepted:
        known.setdefault(tuple(draws[cell].items()), cell)
    cells = tuple(known.values())
    streams = list(draws[cells[0]]) if cells else []
    found = {stream: list(dict.fromkeys(draws[cell][stream] for cell in cells)) for stream in streams}
    factors = tuple(stream for stream in streams if len(found[stream]) > 1)
    levels = [[found[stream].index(draws[cell][stream]) for stream in factors] for cell in cells]
    n_declared = len({tuple(each.items()) for each in draws.values()})
    return Pool(cells, factors, np.array(levels, np.int64).reshape(len(cells), len(factors)), n_declared - len(cells))


def of_conditions(
    conditions: Sequence[Mapping[str, Any]], attempts: Sequence[pd.DataFrame]
) -> tuple[dict[Cell, Draws], list[Cell]]:
    """Return the draws of all networks of some conditions, and the networks that did not collapse.

    Parameters
    ----------
    conditions
        Each with `name`, `seeds` and `draws`, a result of `study.tasks.random_draws`.
    attempts
        Tables of attempts of all these networks.
    """
    draws: dict[Cell, Draws] = {}
    accepted: list[Cell] = []
    for condition in conditions:
        own = [rows for rows in attempts if rows["condition"].iloc[0] == condition["name"]]
        of_seeds = draws_by_seed(condition["draws"], attempt_numbers(own)) or {}
        draws |= {(condition["name"], seed): of_seeds[seed] for seed in condition["seeds"]}
        accepted += [(condition["name"], seed) for seed in accepted_seeds(condition["seeds"], own)]
    return draws, accepted


def agreements(
    files: Sequence[Path | str], layer: str, categories: ArrayLike, measures: Sequence[str]
) -> Iterator[tuple[str, str, Agreement]]:
    """Yield measure, kind, and agreement of all pairs of networks in one layer.

    Entries that any network does not define are left out for all networks, and counted. Stimuli of a single category
    have the kind exemplar alone.

    Parameters
    ----------
    files
        Geometry file of each network.
    categories
        (n,) category of each stimulus.
    """
    for measure in measures:
        exemplars = np.stack([rdm(load_geometry(file, layer), measure) for file in files])
        yield measure, "exemplar", of_defined_entries(exemplars)
        if has_categories(categories):
            means = [rdm(centroids(load_geometry(file, layer), categories), measure) for file in files]
            yield measure, "centroid", of_defined_entries(np.stack(means))
            yield measure, "within_category", of_defined_entries(exemplars[:, within_category_mask(categories)])


def of_defined_entries(vectors: NDArray[np.float64]) -> Agreement:
    """Return the agreement of all pairs of vectors (N, P) over the entries that all vectors define."""
    defined = ~np.isnan(vectors).any(axis=0)
    found = agreement(vectors if defined.all() else vectors[:, defined])
    n_undefined = np.full_like(found.n_undefined, (~defined).sum())
    return Agreement(found.r, found.consistency, vectors.shape[1], n_undefined)
