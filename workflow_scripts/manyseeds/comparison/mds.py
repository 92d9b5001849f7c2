"""Planar maps of dissimilarities by metric multidimensional scaling, and their stress.

One function makes the maps of an RDM (Mehrer et al. 2020, fig. 2 and supp. 1) and of the distances between all RDMs
(fig. 3). See methods 6.
"""

from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import MDS

MINIMUM_POINTS = 3
"""Smallest number of points of a map; fewer always fit into a plane."""

CONVERGENCE = 1e-5
"""Relative decrease of stress per iteration at which SMACOF stops.

From a classical start this takes about 30 iterations (0.6 s for 1000 points). A value of 1e-6 takes three times as long
and reduces the stress by at most 0.5 %.
"""

MAX_ITERATIONS = 300


class Embedding(NamedTuple):
    """A planar map of n points; points with undefined dissimilarities may be left out."""

    coordinates: NDArray[np.float64]
    """(n_kept, 2), in the unit of the dissimilarities, centred."""
    kept: NDArray[np.bool_]
    """(n,), whether a point is in the map."""
    point_stress: NDArray[np.float64]
    """(n_kept,), stress of each point."""
    stress: float
    """Stress of the whole map; NaN if it is empty or every dissimilarity is 0."""


def metric_mds(dissimilarity: NDArray[np.floating], *, seed: int = 0) -> Embedding:
    """Embed points in the plane by metric stress (SMACOF from a classical start, methods 6).

    Axes are the directions of largest variance, with the longer tail at the positive end. So the orientation of a map
    does not depend on the numerical library.

    Parameters
    ----------
    dissimilarity
        (n, n), symmetric; undefined entries are NaN.
    seed
        Seed of scikit-learn's solver.

    Returns
    -------
    The map, without points that have undefined dissimilarities. It is empty if fewer than three points are left.
    """
    kept = _fully_defined(dissimilarity)
    if np.count_nonzero(kept) < MINIMUM_POINTS:
        return Embedding(np.empty((0, 2)), np.zeros(len(kept), bool), np.empty(0), np.nan)
    defined = np.asarray(dissimilarity, float)[np.ix_(kept, kept)]
    if not defined.any():  # all points coincide; SMACOF would divide by the map's size
        coordinates = np.zeros((len(defined), 2))
        return Embedding(coordinates, kept, *stresses(coordinates, defined))
    solver = MDS(
        n_components=2,
        metric="precomputed",
        init="classical_mds",
        n_init=1,
        eps=CONVERGENCE,
        max_iter=MAX_ITERATIONS,
        random_state=seed,
        normalized_stress=False,  # pyright: ignore[reportArgumentType] scikit-learn declares no types
    )
    coordinates = _principal_axes(np.asarray(solver.fit_transform(defined)))
    point_stress, stress = stresses(coordinates, defined)
    return Embedding(coordinates, kept, point_stress, stress)


def stresses(
    coordinates: NDArray[np.floating], dissimilarity: NDArray[np.floating]
) -> tuple[NDArray[np.float64], float]:
    """Return the normalised stress of every point and of the whole map.

    The stress of point i is sqrt(sum_j (d_ij - delta_ij)^2 / sum_j delta_ij^2).

    Parameters
    ----------
    coordinates
        (n, 2), with the distances d.
    dissimilarity
        (n, n) dissimilarities delta, without NaN.

    Returns
    -------
    (n,) per point, and one for all pairs; NaN where every dissimilarity involved is 0.
    """
    squared_error = (squareform(pdist(coordinates)) - dissimilarity) ** 2
    squared_size = np.asarray(dissimilarity, float) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        per_point = np.sqrt(squared_error.sum(axis=1) / squared_size.sum(axis=1))
        overall = np.sqrt(squared_error.sum() / squared_size.sum())
    # A point whose dissimilarities are all 0 has no relative error, even if the map misplaces it (x / 0 = inf).
    return np.where(np.isfinite(per_point), per_point, np.nan), float(overall) if np.isfinite(overall) else np.nan


def turned_towards(embedding: Embedding, reference: Embedding) -> Embedding:
    """Rotate or reflect a map to lie as close as possible to another map of the same points (no scaling).

    MDS leaves orientation free. It is set by orthogonal Procrustes on the points that both maps have, so remaining
    differences between maps are differences of geometry. Distances and stress do not change.
    """
    shared = embedding.kept & reference.kept
    if not shared.any():
        return embedding
    moving = embedding.coordinates[shared[embedding.kept]]
    fixed = reference.coordinates[shared[reference.kept]]
    rotation, _ = orthogonal_procrustes(moving - moving.mean(axis=0), fixed - fixed.mean(axis=0))
    return embedding._replace(coordinates=embedding.coordinates @ rotation)


def map_stimuli(
    rdms: NDArray[np.floating], points: pd.DataFrame, stimuli: pd.DataFrame, *, seed: int = 0
) -> pd.DataFrame:
    """Embed the stimuli of each RDM, and turn the maps to match.

    Maps of the first instance are turned towards its previous layer, maps of other instances towards the first.

    Parameters
    ----------
    rdms
        (n_rdms, n_pairs), condensed; undefined entries are NaN.
    points
        Layer, layer_index and seed of each RDM, by layer, then instance.
    stimuli
        (n_stimuli) rows with stimulus, category and category_name.

    Returns
    -------
    Rows of the table `mds`, level "rdm", without the group's keys: every stimulus of every map. Stimuli that are left
    out of a map have null coordinates.
    """
    maps = []
    towards = None
    for _, of_layer in points.groupby("layer_index", sort=True):
        for place, (row, point) in enumerate(of_layer.iterrows()):
            embedding = metric_mds(squareform(rdms[cast(int, row)], checks=False), seed=seed)
            embedding = embedding if towards is None else turned_towards(embedding, towards)
            towards = embedding if place == 0 else towards
            identity = stimuli[["stimulus", "category", "category_name"]].reset_index(drop=True)
            maps.append(identity.assign(level="rdm", **point, **_columns(embedding)))
    return pd.concat(maps, ignore_index=True)


def map_rdms(distances: NDArray[np.floating], points: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Embed the second-level distances between RDMs.

    Parameters
    ----------
    distances
        (n_rdms, n_rdms); undefined entries are NaN.
    points
        Layer, layer_index and seed of each RDM.

    Returns
    -------
    Rows of the table `mds`, level "second_level", without the group's keys.
    """
    columns = _columns(metric_mds(distances, seed=seed))
    return points.reset_index(drop=True).assign(
        level="second_level", stimulus=None, category=None, category_name=None, **columns
    )


def _columns(embedding: Embedding) -> dict[str, NDArray[np.float64] | float | int]:
    """Return columns of the table `mds`, null for points that are not in the map."""
    n = len(embedding.kept)
    placed = np.full((n, 3), np.nan)
    placed[embedding.kept] = np.column_stack([embedding.coordinates, embedding.point_stress])
    x, y, point_stress = placed.T
    n_dropped = n - int(np.count_nonzero(embedding.kept))
    return {"x": x, "y": y, "point_stress": point_stress, "stress": embedding.stress, "n_dropped": n_dropped}


def _fully_defined(dissimilarity: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which points (n,) are left after dropping those with most undefined entries, one by one."""
    undefined = np.isnan(dissimilarity)
    np.fill_diagonal(undefined, False)
    kept = np.ones(len(undefined), bool)
    n_undefined = undefined.sum(axis=1)
    while n_undefined.any():
        worst = int(np.argmax(n_undefined))
        kept[worst] = False
        n_undefined = n_undefined - undefined[:, worst]
        n_undefined[~kept] = 0
    return kept


def _principal_axes(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotate a centred configuration onto its axes of largest variance, signs set by skewness."""
    centred = coordinates - coordinates.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    rotated = centred @ axes.T
    return rotated * np.where((rotated**3).sum(axis=0) < 0, -1.0, 1.0)
