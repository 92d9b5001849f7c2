"""Comparison of networks across epochs and between conditions: table `consistency_across`.

See methods 8 and 9, and Mehrer et al. (2020), fig. 9, supp. 3 and 8.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison.consistency import Pairs, agreement, has_categories, within_category_mask
from manyseeds.representations.geometry import centroids
from manyseeds.representations.geometry_files import layer_indices, load_geometry
from manyseeds.representations.measures import rdm

POINT = ["condition", "epoch", "seed"]
"""Columns that name a network at one time of its training."""

EPOCH_KINDS = ("exemplar", "centroid")
"""Kinds of RDM entries that are compared across epochs, as in the table `consistency`."""
CONDITION_KINDS = ("exemplar", "centroid", "within_category")
"""Kinds of RDM entries that are compared between conditions."""

COMPARED = ["layer", "layer_index", "measure", "kind", "n_entries", "n_undefined", "r", "consistency"]
"""Columns of a comparison, except those that name its points."""

RDMs = dict[str, NDArray[np.float64]]


def points_of(condition: str, epochs: Sequence[int], seeds: Sequence[int]) -> pd.DataFrame:
    """Return the networks of a condition at some epochs, by epoch, then seed: columns `POINT`."""
    rows = [(condition, epoch, seed) for epoch in sorted(epochs) for seed in sorted(seeds)]
    return pd.DataFrame(rows, columns=POINT)


def all_pairs(n_points: int) -> Pairs:
    """Return every unordered pair of points once, the earlier one first."""
    return np.triu_indices(n_points, 1)


def pairs_between(first: Sequence[int], second: Sequence[int], left_out: Collection[tuple[int, int]] = ()) -> Pairs:
    """Return every pair of one of the first points and one of the second points, numbered after them.

    Parameters
    ----------
    first, second
        Seeds of the points.
    left_out
        Pairs of seeds that are left out, because their two points are one and the same network.
    """
    kept = np.array([(a, b) not in left_out for a in first for b in second], dtype=bool)
    place_first, place_second = np.nonzero(kept.reshape(len(first), len(second)))
    return place_first, len(first) + place_second


def compare_points(
    points: pd.DataFrame,
    files: Sequence[Path | str],
    pairs: Pairs,
    categories: ArrayLike,
    measures: Sequence[str],
    kinds: Sequence[str],
    layers: Collection[str] | None = None,
) -> pd.DataFrame:
    """Compare RDMs between pairs of points, layer by layer.

    Parameters
    ----------
    points
        Columns `POINT`.
    files
        Geometry file of each point.
    pairs
        Row numbers in `points`.
    categories
        (n,) category of each stimulus.
    measures, kinds
        Names of dissimilarity measures, and kinds of RDM entries. Stimuli of a single category have the kind exemplar
        alone.
    layers
        Names of the layers to compare, as far as the first file has them; None: all its layers.

    Returns
    -------
    Rows of the table `consistency_across`, without the key of the architecture.
    """
    ends = [points.iloc[end].reset_index(drop=True).add_suffix(s) for end, s in zip(pairs, ("_a", "_b"), strict=True)]
    named = pd.concat(ends, axis=1).assign(normalisation="none", dropout_samples=0)
    frames = []
    places = layer_indices(files[0]) if len(named) else {}
    for layer in places if layers is None else [layer for layer in places if layer in layers]:
        for measure in measures:
            keys = {"layer": layer, "layer_index": places[layer], "measure": measure}
            vectors = _load_rdms(files, layer, categories, measure)
            for kind in kinds if has_categories(categories) else ["exemplar"]:
                agreed = agreement(_entries(vectors, kind, categories), pairs)
                values = {"r": agreed.r, "consistency": agreed.consistency}
                counts = {"n_entries": agreed.n_entries, "n_undefined": agreed.n_undefined}
                frames.append(named.assign(**keys, kind=kind, **counts, **values))
    if not frames:
        return named.iloc[:0].reindex(columns=[*named, *COMPARED])
    return pd.concat(frames, ignore_index=True)


def compare_conditions(
    conditions: Sequence[str],
    seeds: Sequence[Sequence[int]],
    files: Mapping[tuple[str, int, int], Path | str],
    pairs: Pairs,
    categories: ArrayLike,
    measures: Sequence[str],
) -> pd.DataFrame:
    """Compare the networks of two conditions at each epoch, in all layers that their files have at that epoch.

    Parameters
    ----------
    conditions
        Names of the two conditions.
    seeds
        Seeds of the networks of each, in ascending order.
    files
        Geometry files by condition, seed and epoch.
    pairs
        Pairs of networks, those of the second condition numbered after the others.
    categories, measures
        As in `compare_points`, which has the result's rows.
    """
    frames = []
    for epoch in sorted({epoch for _, _, epoch in files}):
        ends = [points_of(condition, [epoch], own) for condition, own in zip(conditions, seeds, strict=True)]
        points = pd.concat(ends, ignore_index=True)
        named = zip(points["condition"], points["seed"], points["epoch"], strict=True)
        of_points = [files[key] for key in named]
        frames.append(compare_points(points, of_points, pairs, categories, measures, CONDITION_KINDS))
    return pd.concat(frames, ignore_index=True)


def _load_rdms(files: Sequence[Path | str], layer: str, categories: ArrayLike, measure: str) -> RDMs:
    """Return the RDMs of all stimuli and of the categories' centroids, by kind, each (points, entries).

    RDMs of many points fill the memory, so each is held once, and geometries are read one by one.
    """
    vectors: RDMs = {}
    for point, file in enumerate(files):
        geometry = load_geometry(file, layer)
        for kind, patterns in (("exemplar", geometry), ("centroid", centroids(geometry, categories))):
            vector = rdm(patterns, measure)
            vectors.setdefault(kind, np.empty((len(files), vector.size)))[point] = vector
    return vectors


def _entries(vectors: RDMs, kind: str, categories: ArrayLike) -> NDArray[np.float64]:
    """Return the RDM entries (points, P) of a kind."""
    if kind == "within_category":
        return vectors["exemplar"][:, within_category_mask(categories)]
    return vectors[kind]
