"""Dissimilarity measures: RDMs from geometries (methods 4)."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.representations.geometry import ROUNDING, Floats, Geometry, pair_indices, squared_distances

Measure = Callable[[Geometry], Floats]
MEASURES: dict[str, Measure] = {}
"""Dissimilarity measures by name: each takes a geometry and returns (..., pairs), NaN where undefined."""


def measure(name: str) -> Callable[[Measure], Measure]:
    """Register a dissimilarity measure."""

    def register(function: Measure) -> Measure:
        MEASURES[name] = function
        return function

    return register


def rdm(geometry: Geometry, measure: str) -> Floats:
    """Return a representational dissimilarity matrix as its upper triangle.

    Parameters
    ----------
    measure
        Name in `MEASURES`.

    Returns
    -------
    ndarray
        (..., n (n - 1) / 2) float64 in the order of scipy's `squareform`; NaN where undefined.
    """
    return MEASURES[measure](geometry)


def as_float32(rdms: Floats, measure: str, sources: Sequence[str]) -> NDArray[np.float32]:
    """Return RDMs in the type in which they are kept as files.

    Parameters
    ----------
    rdms
        (layers, pairs).
    measure
        Name of their measure, for errors.
    sources
        Name of the array of each layer, for errors.

    Raises
    ------
    StudyError
        If the largest dissimilarity of a layer is too large or too small for float32.
    """
    limits = np.finfo(np.float32)
    for values, source in zip(rdms, sources, strict=True):
        largest = np.max(values, initial=0.0, where=np.isfinite(values))
        if largest > limits.max or 0 < largest < limits.tiny:
            raise StudyError(
                f"{source}: found {measure} dissimilarities of up to {largest:.3g}, which files of RDMs in float32 "
                f"cannot hold; scale the activations, or take {measure} out of rdms.keep."
            )
    return rdms.astype(np.float32)


@measure("euclidean")
def euclidean(geometry: Geometry) -> Floats:
    """Return Euclidean distances ``|a - b|``."""
    return np.sqrt(squared_distances(geometry))


@measure("norm_difference")
def norm_difference(geometry: Geometry) -> Floats:
    """Return absolute differences of norms ``| |a| - |b| |``."""
    i, j = pair_indices(geometry.n_stimuli)
    norms = np.sqrt(geometry.squared_norms.clip(min=0))
    return np.abs(norms[..., i] - norms[..., j])


@measure("cosine")
def cosine(geometry: Geometry) -> Floats:
    """Return cosine distances ``1 - a.b / (|a| |b|)``, undefined for patterns of norm 0."""
    return _angular_distance(geometry.squared_norms, squared_distances(geometry), geometry.zero_norm)


@measure("unit_euclidean")
def unit_euclidean(geometry: Geometry) -> Floats:
    """Return Euclidean distances of patterns scaled to length 1, undefined for patterns of norm 0."""
    return np.sqrt(2 * cosine(geometry))


@measure("correlation")
def correlation(geometry: Geometry) -> Floats:
    """Return correlation distances ``1 - Pearson r``.

    They are cosine distances after each pattern's mean over units is subtracted. They are undefined for patterns
    without variance, and if the variance is below the rounding of the squared norm.
    """
    i, j = pair_indices(geometry.n_stimuli)
    sums, n_units = geometry.row_sums, geometry.n_units
    squared_norms = geometry.squared_norms - sums**2 / n_units
    distances = squared_distances(geometry) - (sums[..., i] - sums[..., j]) ** 2 / n_units
    undefined = geometry.zero_variance | (squared_norms <= ROUNDING * geometry.squared_norms)
    return _angular_distance(squared_norms, distances, undefined)


def _angular_distance(squared_norms: Floats, distances: Floats, undefined: NDArray[np.bool_]) -> Floats:
    """Return one minus the cosine of the angle, by the law of cosines.

    It is (|a - b|^2 - (|a| - |b|)^2) / (2 |a| |b|). Unlike ``1 - a.b / (|a| |b|)``, it has a small relative error for
    small angles between patterns of similar norm, down to zero.

    Parameters
    ----------
    squared_norms, undefined
        (..., n).
    distances
        (..., pairs) squared.
    """
    i, j = pair_indices(squared_norms.shape[-1])
    norms = np.sqrt(np.where(undefined, np.nan, squared_norms))
    first, second = norms[..., i], norms[..., j]
    product = first * second
    distances = np.maximum(distances, 0.0)
    difference = distances - (first - second) ** 2
    # The rounding of a norm enters the square times twice the difference of norms, which is at most the distance.
    rounding = ROUNDING * np.sqrt(distances) * np.maximum(first, second)
    result = np.where(difference > rounding, difference / (2 * product), 0.0)
    return np.where(np.isnan(product), np.nan, np.minimum(result, 2.0))
