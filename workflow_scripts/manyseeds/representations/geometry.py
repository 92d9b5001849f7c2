"""Representational geometry of a layer, measured in one pass over its activations.

A is stimuli x units, flattened. The pass keeps the Gram matrix A A', the row sums A 1, and the squared Euclidean
distances of all pairs of stimuli. It also records silent and constant patterns (methods 4). Cocktail blank, means of
stimuli and all dissimilarity measures follow from these.

Numerics. Distances from a Gram matrix, ``G_ii + G_jj - 2 G_ij``, have an error of the rounding of float64, relative to
the squared norms. Two identical stimuli could differ by 1e-8 of their norm. Therefore:

* The matrix product is computed from patterns that are centred on their mean, one chunk of units at a time. A chunk
  holds all stimuli, so centring needs no second pass. The Gram matrix is computed from this product.
* Stimuli that are still nearly identical are centred again, on their own mean. This makes their distances accurate in
  relative terms, and exactly zero for identical patterns. Only their rows are read again.
* Squared distances are kept beside the Gram matrix, and angles are computed from them by the law of cosines. A result
  below the rounding of its own terms counts as zero.

Some limits of float64 remain:

* Angles to a pattern whose norm is below 1e-6 of the other norms are inaccurate.
* `unit_euclidean` is zero for patterns of different norms that are multiples of each other to about 1e-7. This error
  grows with a stimulus that is larger than all others together.
* The distance of centroids is zero if they are nearer than 1e-7 of the spread of their stimuli.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.blas import dsyrk, dtrmm
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from manyseeds.errors import StudyError

Floats = NDArray[np.float64]

CHUNK_VALUES = 2**21
"""Number of activations multiplied at once, 16 MiB in float64. Rows are long enough for BLAS and fit into the cache."""

NEARLY_IDENTICAL = 1e-9
"""Relative squared distance below which two stimuli are centred again.

It is relative to their squared distances from the mean pattern. Above it, the rounding of the product (about 1e-15) is
below 1e-6 of the distance itself.
"""

ROUNDING = 1e-14
"""Relative size below which a difference of float64 sums counts as zero: about ten times the observed error."""

UNDEFINED = 1e-12
"""Largest squared norm of a derived pattern without direction, relative to the layer's mean raw squared norm."""


@dataclass(frozen=True)
class Geometry:
    """Inner products, sums and distances of the patterns of n stimuli in one layer.

    Leading axes, if any, are independent sets of patterns.

    Attributes
    ----------
    gram
        (..., n, n) inner products A A'.
    row_sums
        (..., n) sums over units, A 1.
    n_units
        Number of units U.
    zero_norm, zero_variance
        (..., n) whether a pattern has no direction, before and after its mean over units is subtracted. Raw patterns
        are tested on their activations (silent, constant), derived patterns by `UNDEFINED`.
    n_silent_units
        Number of units that are zero for all stimuli.
    raw_scale
        Mean squared norm of the layer's raw patterns.
    squared_distances
        (..., n (n - 1) / 2) squared Euclidean distances in the order of scipy's `squareform`; None: computed from
        `gram`.
    """

    gram: Floats
    row_sums: Floats
    n_units: int
    zero_norm: NDArray[np.bool_]
    zero_variance: NDArray[np.bool_]
    n_silent_units: int
    raw_scale: float
    squared_distances: Floats | None = None

    @property
    def n_stimuli(self) -> int:
        """Number of patterns n."""
        return self.gram.shape[-1]

    @property
    def squared_norms(self) -> Floats:
        """(..., n) squared norms of the patterns."""
        return np.diagonal(self.gram, axis1=-2, axis2=-1)


# From activations


def as_patterns(activations: NDArray) -> NDArray:
    """Reshape activations (n, ...) to patterns (n, units) without copying.

    The order of units does not matter, so the order in memory is kept.
    """
    order = "F" if activations.flags.f_contiguous else "C"
    return activations.reshape(len(activations), -1, order=order)


def measure_geometry(activations: NDArray, *, name: str, is_collapsed: bool = False) -> Geometry:
    """Measure the geometry of one layer's activations, in float64 and in one pass.

    Parameters
    ----------
    activations
        (n, ...) float16, float32 or float64, memory-mapped or not. All axes after the first are flattened to units.
    name
        Name of the array in errors, such as its file.
    is_collapsed
        Whether the network is recorded as collapsed. If it diverged, the whole geometry is undefined (NaN).

    Raises
    ------
    StudyError
        If a value is not finite, or too large to be squared, in a network that has not collapsed.
    """
    patterns = as_patterns(activations)
    n_stimuli, n_units = patterns.shape
    silence = _Silence(n_stimuli)
    centred = np.zeros((n_stimuli, n_stimuli), order="F")
    sums, squared_norms, on_mean = np.zeros((3, n_stimuli))
    mean_squared_norm = 0.0
    for chunk in _chunks(patterns):
        squared_norms += np.einsum("ij,ij->i", chunk, chunk)
        if is_collapsed and not np.isfinite(squared_norms).all():
            return _undefined(n_stimuli, n_units)
        _check_finite(squared_norms, name)
        silence.add(chunk)
        sums += chunk.sum(axis=1)
        mean = chunk.mean(axis=0)
        on_mean += chunk @ mean
        mean_squared_norm += mean @ mean
        chunk -= mean
        _add_product(centred, chunk)
    centred = _symmetric(centred)
    gram = centred + on_mean[:, None] + on_mean - mean_squared_norm
    np.fill_diagonal(gram, squared_norms)
    gram[silence.stimuli] = gram[:, silence.stimuli] = 0.0
    return Geometry(
        gram=gram,
        row_sums=sums,
        n_units=n_units,
        zero_norm=silence.stimuli,
        zero_variance=silence.constant_stimuli,
        n_silent_units=silence.n_units,
        raw_scale=float(squared_norms.mean()),
        squared_distances=_distances_of_nearly_identical(patterns, np.diagonal(centred), _distances_from_gram(centred)),
    )


class _Silence:
    """Silent stimuli, number of silent units (all zero), and stimuli that activate all units equally."""

    def __init__(self, n_stimuli: int) -> None:
        self.stimuli = np.ones(n_stimuli, dtype=bool)
        self.constant_stimuli = np.ones(n_stimuli, dtype=bool)
        self.n_units = 0
        self._first_unit: Floats | None = None

    def add(self, chunk: Floats) -> None:
        """Include the activations of more units."""
        if self._first_unit is None:
            self._first_unit = chunk[:, :1].copy()
        active = chunk != 0
        self.stimuli &= ~active.any(axis=1)
        self.n_units += int((~active.any(axis=0)).sum())
        self.constant_stimuli &= (chunk == self._first_unit).all(axis=1)


def _chunks(patterns: NDArray, rows: slice | NDArray = slice(None)) -> Iterator[Floats]:
    """Yield the activations of some stimuli, some units at a time, as fresh float64 arrays in C order."""
    width = max(1, CHUNK_VALUES // max(1, len(patterns)))
    for start in range(0, patterns.shape[1], width):
        yield np.array(patterns[:, start : start + width][rows], dtype=np.float64, order="C")


def _undefined(n_stimuli: int, n_units: int) -> Geometry:
    """Return the geometry of a layer that diverged: no length, direction or distance is defined."""
    silent = np.zeros(n_stimuli, dtype=bool)  # not known
    return Geometry(
        gram=np.full((n_stimuli, n_stimuli), np.nan),
        row_sums=np.full(n_stimuli, np.nan),
        n_units=n_units,
        zero_norm=silent,
        zero_variance=silent,
        n_silent_units=0,
        raw_scale=np.nan,
        squared_distances=np.full(n_stimuli * (n_stimuli - 1) // 2, np.nan),
    )


def _check_finite(squared_norms: Floats, name: str) -> None:
    finite = np.isfinite(squared_norms)
    if not finite.all():
        row = int(np.argmin(finite))
        raise StudyError(f"{name}: row {row} has activations that are not finite; expected numbers up to 1e150.")


def _add_product(total: Floats, chunk: Floats) -> None:
    """Add ``chunk chunk'`` to the upper triangle of `total`, in Fortran order, in place."""
    dsyrk(1.0, chunk.T, beta=1.0, c=total, trans=1, overwrite_c=1)


def _symmetric(upper: Floats) -> Floats:
    """Return the symmetric matrix of an upper triangle."""
    return np.triu(upper) + np.triu(upper, 1).T


def _distances_from_gram(gram: Floats) -> Floats:
    """Return squared distances (..., pairs), zero if below their rounding."""
    i, j = pair_indices(gram.shape[-1])
    squared_norms = np.diagonal(gram, axis1=-2, axis2=-1)
    scale = squared_norms[..., i] + squared_norms[..., j]
    return _zero_below(ROUNDING * scale, scale - 2 * gram[..., i, j])


def gram_from_distances(squared_norms: Floats, distances: Floats, zero_norm: NDArray[np.bool_]) -> Floats:
    """Return the Gram matrix (n, n) of squared norms (n,) and squared distances (pairs,).

    Inner products with patterns of norm 0 are exactly 0.
    """
    gram = (squared_norms[:, None] + squared_norms - squareform(distances, checks=False)) / 2
    gram[zero_norm] = gram[:, zero_norm] = 0.0
    return gram


def _distances_of_nearly_identical(patterns: NDArray, centred_squared_norms: Floats, distances: Floats) -> Floats:
    """Recompute the squared distances of nearly identical stimuli, centred on their own mean.

    Parameters
    ----------
    patterns
        (n, units) raw activations.
    centred_squared_norms
        (n,) squared distances from the mean pattern.
    distances
        (pairs,) squared distances to improve.
    """
    n_stimuli = len(patterns)
    i, j = pair_indices(n_stimuli)
    near = distances < NEARLY_IDENTICAL * (centred_squared_norms[i] + centred_squared_norms[j])
    if not near.any():
        return distances
    neighbours = coo_array((near[near], (i[near], j[near])), shape=(n_stimuli, n_stimuli))
    _, clusters = connected_components(neighbours, directed=False)  # pyright: ignore[reportArgumentType] bool is fine
    distances = squareform(distances)
    for cluster in np.flatnonzero(np.bincount(clusters) > 1):
        rows = np.flatnonzero(clusters == cluster)
        centred = np.zeros((rows.size, rows.size), order="F")
        for chunk in _chunks(patterns, rows):
            chunk -= chunk.mean(axis=0)
            _add_product(centred, chunk)
        distances[np.ix_(rows, rows)] = squareform(_distances_from_gram(_symmetric(centred)))
    return squareform(distances, checks=False)


@lru_cache(maxsize=8)
def pair_indices(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the two members of each pair of n stimuli, in the order of scipy's `squareform`."""
    return np.triu_indices(n, 1)


def _zero_below(bound: Floats, values: Floats) -> Floats:
    return np.where(values <= bound, 0.0, values)  # NaN stays NaN


# Derived geometries: linear maps of the stimuli


def squared_distances(geometry: Geometry) -> Floats:
    """Return squared Euclidean distances (..., pairs): those kept, or else from the Gram matrix."""
    kept = geometry.squared_distances
    return _distances_from_gram(geometry.gram) if kept is None else kept


def cocktail_blank(geometry: Geometry) -> Geometry:
    """Subtract the mean pattern of all n stimuli (methods 4: T = I - 11'/n).

    Distances stay as they are; distances from the mean pattern follow from them (Gower 1966).
    """
    distances = squareform(squared_distances(geometry))
    to_all = distances.mean(axis=1)
    squared_norms = to_all - to_all.mean() / 2
    return _derived(geometry, squared_norms, distances, geometry.row_sums - geometry.row_sums.mean())


NORMALISATIONS: dict[str, Callable[[Geometry], Geometry]] = {"none": lambda raw: raw, "cocktail": cocktail_blank}
"""Normalisations of patterns before any measure, by name in tables."""


def centroids(geometry: Geometry, groups: ArrayLike, weights: ArrayLike | None = None) -> Geometry:
    """Average the patterns of each group.

    Parameters
    ----------
    groups
        (n,) group of each stimulus, of any sizes. Centroids are in the sorted order of the groups' labels.
    weights
        (n,) nonnegative weights of the stimuli in their group's mean; None: equal.
    """
    labels, members = np.unique(np.asarray(groups), return_inverse=True)
    weights = np.ones(members.size) if weights is None else np.asarray(weights, dtype=np.float64)
    indicator = (members == np.arange(labels.size)[:, None]) * weights
    return average(geometry, indicator / indicator.sum(axis=1, keepdims=True))


def restricted(geometry: Geometry, kept: NDArray[np.bool_]) -> Geometry:
    """Return the geometry of some of the n stimuli, given which are kept (n,).

    Its number of silent units is still that of all stimuli.
    """
    i, j = pair_indices(geometry.n_stimuli)
    gram = geometry.gram[np.ix_(kept, kept)]
    return replace(
        geometry,
        gram=gram,
        row_sums=geometry.row_sums[kept],
        zero_norm=geometry.zero_norm[kept],
        zero_variance=geometry.zero_variance[kept],
        raw_scale=float(np.diagonal(gram).mean()),
        squared_distances=squared_distances(geometry)[kept[i] & kept[j]],
    )


def average(geometry: Geometry, means: Floats) -> Geometry:
    """Replace patterns by weighted means of patterns.

    Parameters
    ----------
    geometry
        Geometry of n stimuli, without leading axes.
    means
        (..., k, n) averaging matrices M; rows sum to 1.

    Returns
    -------
    Geometry
        Geometry of k means, with the leading axes of `means`. The squared distance of two means is the mean squared
        distance between their stimuli, minus half the mean squared distance within each. The squared norm of a mean is
        the mean squared norm of its stimuli, minus half the mean squared distance within.
    """
    # M D M' = M T M' + (M T M')' with the upper triangle T of D: a triangular product is half the work.
    upper = np.zeros((geometry.n_stimuli, geometry.n_stimuli), order="F")
    upper[pair_indices(geometry.n_stimuli)] = squared_distances(geometry)
    products = dtrmm(1.0, upper, means.reshape(-1, geometry.n_stimuli).T).T.reshape(means.shape)
    half = products @ np.swapaxes(means, -1, -2)
    between = half + np.swapaxes(half, -1, -2)
    half_within = np.diagonal(between, axis1=-2, axis2=-1) / 2
    within = half_within[..., :, None] + half_within[..., None, :]
    distances = _zero_below(ROUNDING * (between + within), between - within)
    return _derived(geometry, means @ geometry.squared_norms - half_within, distances, means @ geometry.row_sums)


def with_gram(geometry: Geometry, gram: Floats, row_sums: Floats) -> Geometry:
    """Return the geometry of patterns derived from `geometry`, given their Gram matrix and row sums."""
    squared_norms = np.diagonal(gram, axis1=-2, axis2=-1)
    threshold = UNDEFINED * geometry.raw_scale
    return replace(
        geometry,
        gram=gram,
        row_sums=row_sums,
        zero_norm=squared_norms <= threshold,
        zero_variance=squared_norms - row_sums**2 / geometry.n_units <= threshold,
        squared_distances=None,
    )


def _derived(geometry: Geometry, squared_norms: Floats, distances: Floats, row_sums: Floats) -> Geometry:
    """Return a derived geometry from squared norms (..., k) and squared distances (..., k, k)."""
    gram = (squared_norms[..., :, None] + squared_norms[..., None, :] - distances) / 2
    i, j = pair_indices(gram.shape[-1])
    return replace(with_gram(geometry, gram, row_sums), squared_distances=distances[..., i, j])
