"""Consistency: the variance that the RDMs of two networks share (methods 5; Mehrer et al. 2020).

RDMs of N networks are vectors, stacked as (N, P), in the order of scipy's `squareform`. Undefined entries are NaN. Each
pair of networks leaves out the entries that are undefined in either RDM, and counts them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyseeds.representations.geometry import Geometry, average, centroids, pair_indices
from manyseeds.representations.measures import rdm

Floats = NDArray[np.float64]

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""The two members (K,), (K,) of each pair."""

BLOCK_VALUES = 2**20
"""Number of values held at once, 8 MiB in float64: RDM entries in comparisons, weights in groupings of stimuli."""

EPSILON = 1e-12
"""Relative spread below which entries count as constant: their sums may have this error from rounding."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of N networks in one kind of RDM entries.

    Leading axes, if any, are independent comparisons.

    Attributes
    ----------
    r, consistency
        (..., K) Pearson correlations and their squares, or means of these; NaN where undefined. K is the number of
        pairs of networks: by default all N (N - 1) / 2, in the order of scipy's `squareform`.
    n_entries
        Length of the RDM vectors.
    n_undefined
        (..., K) number of entries left out because they are undefined in either RDM.
    """

    r: Floats
    consistency: Floats
    n_entries: int
    n_undefined: NDArray[np.int64]


# Correlations of RDM vectors


def pairwise_r(vectors: NDArray[np.floating]) -> tuple[Floats, NDArray[np.int64]]:
    """Correlate all pairs of vectors, by products of centred vectors with zeros for undefined entries.

    Parameters
    ----------
    vectors
        (..., N, P), NaN where undefined.

    Returns
    -------
    r : ndarray
        (..., N, N) Pearson correlations over the entries that both vectors define; NaN if there are fewer than two
        entries or they do not vary.
    n_undefined : ndarray
        (..., N, N) number of entries left out.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    mean, largest = _mean_and_largest(vectors)
    n, x, xx, xy = np.zeros((4, *vectors.shape[:-1], vectors.shape[-2]))
    for block in _blocks(vectors):
        block = block - mean
        undefined = np.isnan(block)
        if undefined.any():
            defined = (~undefined).astype(np.float64)
            block[undefined] = 0.0
            n += defined @ np.swapaxes(defined, -1, -2)
            x += block @ np.swapaxes(defined, -1, -2)
            xx += block**2 @ np.swapaxes(defined, -1, -2)
        else:
            n += block.shape[-1]
            x += block.sum(axis=-1, keepdims=True)
            xx += np.einsum("...p,...p->...", block, block)[..., None]
        xy += block @ np.swapaxes(block, -1, -2)
    return _correlations(n, x, xx, xy, EPSILON * largest), vectors.shape[-1] - n.astype(np.int64)


def _blocks(vectors: Floats) -> Iterator[Floats]:
    """Yield some entries of all vectors at a time."""
    width = max(1, BLOCK_VALUES // max(1, math.prod(vectors.shape[:-1])))
    for start in range(0, vectors.shape[-1], width):
        yield vectors[..., start : start + width]


def _mean_and_largest(vectors: Floats) -> tuple[Floats, Floats]:
    """Return mean and largest absolute value (..., N, 1) of defined entries; 0 where there are none."""
    n, total, largest = np.zeros((3, *vectors.shape[:-1], 1))
    for block in _blocks(vectors):
        defined = ~np.isnan(block)
        n += defined.sum(axis=-1, keepdims=True)
        total += block.sum(axis=-1, keepdims=True, where=defined)
        largest = np.maximum(largest, np.abs(block).max(axis=-1, keepdims=True, where=defined, initial=0.0))
    return total / np.maximum(n, 1), largest


def _correlations(n: Floats, x: Floats, xx: Floats, xy: Floats, rounding: Floats) -> Floats:
    """Return Pearson correlations from sums over the entries that both vectors of a pair define.

    Parameters
    ----------
    n, x, xx, xy
        (..., N, N) number of entries, and sums of the row's vector, of its square, and of the product of both.
    rounding
        (..., N, 1) standard deviation up to which the row's vector counts as constant.
    """
    covariance = n * xy - x * np.swapaxes(x, -1, -2)
    variance = n * xx - x**2
    varies = variance > np.maximum(EPSILON * n * xx, (n * rounding) ** 2)
    variance = np.where(varies, variance, np.nan)
    return np.clip(covariance / np.sqrt(variance * np.swapaxes(variance, -1, -2)), -1.0, 1.0)


def agreement(vectors: NDArray[np.floating], pairs: Pairs | None = None) -> Agreement:
    """Return the agreement of N networks' RDM vectors (..., N, P), for all pairs or for given pairs."""
    r, n_undefined = pairwise_r(vectors)
    i, j = pair_indices(vectors.shape[-2]) if pairs is None else pairs
    return Agreement(r[..., i, j], r[..., i, j] ** 2, vectors.shape[-1], n_undefined[..., i, j])


# Kinds of entries


def within_category_mask(categories: ArrayLike) -> NDArray[np.bool_]:
    """Return which RDM entries (P,) are of two stimuli of the same category, given categories (n,)."""
    categories = np.asarray(categories)
    i, j = pair_indices(len(categories))
    return categories[i] == categories[j]


def within_category_mean(vectors: NDArray[np.floating], categories: ArrayLike) -> Agreement:
    """Return the agreement within each category, averaged over the categories where it is defined.

    Parameters
    ----------
    vectors
        (N, P) RDM vectors of all n stimuli.
    categories
        (n,) category of each stimulus.
    """
    categories = np.asarray(categories)
    i, j = pair_indices(len(categories))
    parts = [
        agreement(vectors[:, (categories[i] == category) & (categories[j] == category)])
        for category in np.unique(categories)
    ]
    return Agreement(
        r=mean_along_first_axis(np.stack([part.r for part in parts])),
        consistency=mean_along_first_axis(np.stack([part.consistency for part in parts])),
        n_entries=sum(part.n_entries for part in parts),
        n_undefined=np.sum([part.n_undefined for part in parts], axis=0),
    )


def mean_along_first_axis(values: Floats) -> Floats:
    """Return the mean of defined values over the first axis; NaN where there are none."""
    undefined = np.isnan(values)
    n = len(values) - undefined.sum(axis=0)
    sums = np.sum(values, axis=0, where=~undefined)
    return np.divide(sums, n, out=np.full(np.shape(sums), np.nan), where=n > 0)


def has_categories(categories: ArrayLike) -> bool:
    """Return whether stimuli are of several categories; if all are of one, only whole RDMs can be compared."""
    return np.unique(np.asarray(categories)).size > 1


def stacked_rdms(
    geometries: Sequence[Geometry], normalise: Callable[[Geometry], Geometry], categories: ArrayLike, measure: str
) -> tuple[Floats, Floats]:
    """Return the RDMs of N networks, of all n stimuli (N, P) and of the categories' centroids (N, C (C - 1) / 2).

    Memory holds one normalised geometry at a time, because normalising one takes less time than an RDM of it.

    Parameters
    ----------
    geometries
        Raw geometries, one per network.
    normalise
        Applied to each geometry.
    categories
        (n,) category of each stimulus.
    measure
        Name of the dissimilarity measure.
    """
    n, n_categories = len(categories := np.asarray(categories)), np.unique(categories).size
    vectors, centroid_vectors = (np.empty((len(geometries), size * (size - 1) // 2)) for size in (n, n_categories))
    for network, geometry in enumerate(geometries):
        normalised = normalise(geometry)
        vectors[network] = rdm(normalised, measure)
        centroid_vectors[network] = rdm(centroids(normalised, categories), measure)
    return vectors, centroid_vectors


def agreements(
    vectors: NDArray[np.floating], centroid_vectors: NDArray[np.floating], categories: ArrayLike
) -> dict[str, Agreement]:
    """Return the agreement of N networks by kind, for all kinds of methods 5 but random groups.

    Stimuli of a single category have the kind exemplar alone.

    Parameters
    ----------
    vectors, centroid_vectors
        From `stacked_rdms`.
    categories
        (n,) category of each stimulus.
    """
    if not has_categories(categories):
        return {"exemplar": agreement(vectors)}
    return {
        "exemplar": agreement(vectors),
        "centroid": agreement(centroid_vectors),
        "within_category": agreement(vectors[:, within_category_mask(categories)]),
        "within_category_mean": within_category_mean(vectors, categories),
    }


# Random grouping of stimuli, the control of centroid consistency


def random_partitions(categories: ArrayLike, n_partitions: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw random partitions of the stimuli into groups of the categories' own sizes.

    Parameters
    ----------
    categories
        (n,) category of each stimulus.

    Returns
    -------
    ndarray
        (n_partitions, n) group of each stimulus, 0, 1, ...: the categories, shuffled.
    """
    _, groups = np.unique(np.asarray(categories), return_inverse=True)
    return rng.permuted(np.tile(groups, (n_partitions, 1)), axis=1)


def random_centroid_agreement(
    geometries: Sequence[Geometry], partitions: NDArray[np.int64], measures: Sequence[str]
) -> dict[str, Agreement]:
    """Return the agreement of N networks on centroids of random groups, which all networks share.

    Parameters
    ----------
    geometries
        One per network, of the same n stimuli.
    partitions
        (B, n) from `random_partitions`.
    measures
        Names of the dissimilarity measures.

    Returns
    -------
    dict
        By measure, with a leading axis of B partitions.
    """
    found: dict[str, list[Agreement]] = {measure: [] for measure in measures}
    for means in _averaging_matrices(partitions):  # memory holds the RDMs of few partitions if groups are many
        grouped = [average(geometry, means) for geometry in geometries]
        for measure in measures:
            found[measure].append(agreement(np.stack([rdm(geometry, measure) for geometry in grouped], axis=1)))
    return {measure: _joined(batches) for measure, batches in found.items()}


def _joined(batches: Sequence[Agreement]) -> Agreement:
    """Join independent comparisons of the same entries along the first axis."""
    r, consistencies, n_undefined = (
        np.concatenate([getattr(batch, name) for batch in batches]) for name in ("r", "consistency", "n_undefined")
    )
    return Agreement(r, consistencies, batches[0].n_entries, n_undefined)


def stacked(agreements: Sequence[Agreement]) -> Agreement:
    """Stack comparisons of entries of one number along a new first axis."""
    r, consistencies, n_undefined = (
        np.stack([getattr(each, name) for each in agreements]) for name in ("r", "consistency", "n_undefined")
    )
    return Agreement(r, consistencies, agreements[0].n_entries, n_undefined)


def mean_agreement(over: Agreement) -> Agreement:
    """Return the mean of defined values over the first axis, and the largest number of entries left out."""
    return Agreement(
        mean_along_first_axis(over.r),
        mean_along_first_axis(over.consistency),
        over.n_entries,
        over.n_undefined.max(axis=0),
    )


def _averaging_matrices(partitions: NDArray[np.int64]) -> Iterator[Floats]:
    """Yield averaging matrices (b, groups, n), one block of partitions at a time."""
    n_groups = int(partitions.max()) + 1
    step = max(1, BLOCK_VALUES // (n_groups * partitions.shape[1]))
    for start in range(0, len(partitions), step):
        members = partitions[start : start + step, None, :] == np.arange(n_groups)[:, None]
        yield members / members.sum(axis=-1, keepdims=True)
