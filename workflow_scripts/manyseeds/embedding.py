"""Planar maps of dissimilarities: metric multidimensional scaling, its stress, and second-level distances.

The maps of one RDM (Mehrer et al. 2020, fig. 2 and supp. 1) and of the distances between all RDMs (fig. 3) are made
by the same function (METHODS section 6).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import MDS

from manyseeds.consistency import pairwise_r

MINIMUM_POINTS = 3
"""Fewer points lie in a plane however they are placed: there is nothing to embed."""

CONVERGENCE = 1e-5
"""Relative fall of the stress per iteration at which SMACOF stops. From a classical start it is reached in some 30
iterations (0.6 s for 1000 points), within 0.5 % of the stress that 1e-6 reaches in three times as long."""

MAX_ITERATIONS = 300


class Embedding(NamedTuple):
    """A planar map of n points, of which those without a complete set of dissimilarities are left out."""

    coordinates: NDArray[np.float64]
    """(n_kept, 2), in the unit of the dissimilarities, centred."""
    kept: NDArray[np.bool_]
    """(n,), which points are in the map."""
    point_stress: NDArray[np.float64]
    """(n_kept,), stress of each point."""
    stress: float
    """Stress of the whole map; NaN if it is empty or every dissimilarity is 0."""


def metric_mds(dissimilarity: NDArray[np.floating], *, seed: int = 0) -> Embedding:
    """Embed points in the plane by metric stress (SMACOF from a classical start, METHODS section 6).

    Axes are those of largest variance, the sign of each such that the longer tail points to its positive end, so that a
    map does not turn with the numerical library in use.

    Args:
        dissimilarity: (n, n), symmetric; undefined entries are NaN.
        seed: seeds scikit-learn's solver.

    Returns:
        The map; points with undefined dissimilarities are not in it, and no point is if fewer than three are left.
    """
    kept = _fully_defined(dissimilarity)
    if np.count_nonzero(kept) < MINIMUM_POINTS:
        return Embedding(np.empty((0, 2)), np.zeros(len(kept), bool), np.empty(0), np.nan)
    defined = np.asarray(dissimilarity, float)[np.ix_(kept, kept)]
    solver = MDS(
        n_components=2,
        metric="precomputed",
        init="classical_mds",
        n_init=1,
        eps=CONVERGENCE,
        max_iter=MAX_ITERATIONS,
        random_state=seed,
        normalized_stress=False,
    )
    coordinates = _principal_axes(solver.fit_transform(defined))
    point_stress, stress = stresses(coordinates, defined)
    return Embedding(coordinates, kept, point_stress, stress)


def stresses(
    coordinates: NDArray[np.floating], dissimilarity: NDArray[np.floating]
) -> tuple[NDArray[np.float64], float]:
    """Normalised stress of every point, sqrt(sum_j (d_ij - delta_ij)^2 / sum_j delta_ij^2), and of the whole map.

    Args:
        coordinates: (n, 2), giving the distances d.
        dissimilarity: (n, n), the dissimilarities delta to be shown, without NaN.

    Returns:
        (n,) per point and one for all pairs; NaN where every dissimilarity involved is 0.
    """
    squared_error = (squareform(pdist(coordinates)) - dissimilarity) ** 2
    squared_size = np.asarray(dissimilarity, float) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        per_point = np.sqrt(squared_error.sum(axis=1) / squared_size.sum(axis=1))
        overall = np.sqrt(squared_error.sum() / squared_size.sum())
    # A point at no distance from all others has no relative error, even if the map misplaces it (x / 0 = inf).
    return np.where(np.isfinite(per_point), per_point, np.nan), float(overall) if np.isfinite(overall) else np.nan


def turned_towards(embedding: Embedding, reference: Embedding) -> Embedding:
    """Rotate or reflect a map to lie as close as possible to another map of the same points (no scaling).

    MDS leaves orientation free; after orthogonal Procrustes on the points they share, what still differs between two
    maps differs between the geometries. Distances and stress are untouched.
    """
    shared = embedding.kept & reference.kept
    if not shared.any():
        return embedding
    moving = embedding.coordinates[shared[embedding.kept]]
    fixed = reference.coordinates[shared[reference.kept]]
    rotation, _ = orthogonal_procrustes(moving - moving.mean(axis=0), fixed - fixed.mean(axis=0))
    return embedding._replace(coordinates=embedding.coordinates @ rotation)


def second_level_distances(rdms: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distances 1 - r between RDMs (second-level representational similarity analysis, METHODS section 5).

    Args:
        rdms: (n_rdms, n_pairs), condensed, undefined entries NaN and left out pairwise.

    Returns:
        (n_rdms, n_rdms) with an exactly zero diagonal; NaN where a correlation is undefined.
    """
    r, _ = pairwise_r(rdms)
    distances = 1.0 - r
    # r is at most 1 up to rounding, and an RDM (constant ones apart) is at no distance from itself.
    distances = np.maximum(distances, 0.0)
    diagonal = np.diagonal(distances)
    np.fill_diagonal(distances, np.where(np.isnan(diagonal), np.nan, 0.0))
    return distances


def _fully_defined(dissimilarity: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(n,): the points left when the one with the most undefined entries is dropped until none is undefined."""
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
