"""What instances have in common: agreement of stimuli, categories and pairs, and conserved dimensions (methods 12).

Lists are held out: they are chosen in one half of the networks and reported in the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from manyseeds.comparison.comparators import centred_gram, cosines
from manyseeds.comparison.consistency import EPSILON, mean_along_first_axis, pairwise_r

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Halves = tuple[tuple[int, ...], tuple[int, ...]]
"""Numbers of the networks of two halves; the first is not larger."""

FEWEST_FOR_HALVES = 4
"""Smallest number of networks whose halves have pairs."""

FEWEST_FOR_GROUPS = 5
"""Smallest number of networks for a second eigenvector that says something."""

FEWEST_ENTRIES = 3
"""Smallest number of entries of a row for a correlation."""


# Halves


def halves_of(n_networks: int, most: int, rng: np.random.Generator) -> list[Halves]:
    """Return splits of networks into two halves that differ by one network at most; none below four networks.

    All splits are returned in random order if they are at most `most`, else as many that are drawn, each once.
    """
    n, size = n_networks, n_networks // 2
    if n < FEWEST_FOR_HALVES:
        return []
    n_all = comb(n, size) // (2 if n % 2 == 0 else 1)
    found: dict[tuple[int, ...], None] = {}
    if n_all <= most:
        every = [first for first in combinations(range(n), size) if n % 2 or 0 in first]
        found = dict.fromkeys(every[place] for place in rng.permutation(len(every)))
    while len(found) < min(most, n_all):
        first = rng.permutation(n)[:size].tolist()
        if n % 2 == 0 and 0 not in first:
            first = [each for each in range(n) if each not in first]
        found.setdefault(tuple(sorted(first)))
    return [(first, tuple(each for each in range(n) if each not in first)) for first in found]


def halved_stimuli(categories: ArrayLike, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw two disjoint halves of the stimuli, within each category; of an odd number the second has one more."""
    categories = np.asarray(categories)
    first, second = [], []
    for category in np.unique(categories):
        members = rng.permutation(np.flatnonzero(categories == category))
        first.append(members[: len(members) // 2])
        second.append(members[len(members) // 2 :])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def pairs_within(members: Sequence[int], n_networks: int) -> Bools:
    """Return which pairs of networks (K,), in the order of `triu_indices`, are of two members."""
    first, second = np.triu_indices(n_networks, 1)
    return np.isin(first, members) & np.isin(second, members)


def spearman_brown(first: Floats, second: Floats) -> float:
    """Return the reliability of the mean of two halves from their Spearman correlation; NaN if it is undefined."""
    from scipy.stats import rankdata  # takes half a second, which most users of this module need not spend

    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < FEWEST_ENTRIES:
        return float("nan")
    ranks = np.stack([rankdata(each[both]) for each in (first, second)])
    r = float(pairwise_r(ranks)[0][0, 1])
    return 2 * r / (1 + r) if r > -1 else float("nan")


# One component or groups of networks


def second_eigenvector(r: Floats) -> Floats:
    """Return the eigenvector (N,) of the second largest eigenvalue of a correlation matrix (N, N)."""
    return np.linalg.eigh(r)[1][:, -2]


def replication_of_groups(matrices: Floats, categories: ArrayLike, n_splits: int, rng: np.random.Generator) -> float:
    """Return the mean |cosine| of the second eigenvectors from disjoint halves of the stimuli.

    Parameters
    ----------
    matrices
        (N, n, n) RDMs.

    Returns
    -------
    float
        NaN below five networks, or if a correlation is undefined.
    """
    if len(matrices) < FEWEST_FOR_GROUPS:
        return float("nan")
    cosine_of_halves = []
    for _ in range(n_splits):
        vectors = []
        for half in halved_stimuli(categories, rng):
            part = matrices[:, half[:, None], half][:, *np.triu_indices(len(half), 1)]
            part = part[:, ~np.isnan(part).any(axis=0)]
            r = pairwise_r(part)[0] if part.shape[1] else np.full((len(matrices),) * 2, np.nan)
            if not np.isfinite(r).all():
                return float("nan")
            vectors.append(second_eigenvector(r))
        cosine_of_halves.append(abs(float(vectors[0] @ vectors[1])))
    return float(np.mean(cosine_of_halves))


# Agreement of stimuli and of blocks of categories


def row_correlations(matrices: Floats, allowed: Bools) -> Floats:
    """Correlate the rows of RDMs between networks.

    Parameters
    ----------
    matrices
        (N, n, n) RDMs. Entries that any network does not define are left out for all.
    allowed
        (n, n) entries of each row that count; the diagonal never does.

    Returns
    -------
    ndarray
        (K, n) for each pair of networks and stimulus; NaN for fewer than three entries, or for constant ones.
    """
    counted = allowed & ~np.isnan(matrices).any(axis=0)
    np.fill_diagonal(counted, False)
    n_entries = counted.sum(axis=1)
    rows = np.stack([_standardised_rows(matrix, counted, n_entries) for matrix in matrices])
    first, second = np.triu_indices(len(matrices), 1)
    return np.stack([np.einsum("st,st->s", rows[i], rows[j]) for i, j in zip(first, second, strict=True)])


def _standardised_rows(matrix: Floats, counted: Bools, n_entries: NDArray[np.int64]) -> Floats:
    """Return rows of mean 0 and norm 1, 0 where entries do not count; NaN where they say nothing."""
    values = np.where(counted, matrix, 0.0)
    means = values.sum(axis=1) / np.maximum(n_entries, 1)
    centred = np.where(counted, values - means[:, None], 0.0)
    norms = np.sqrt((centred**2).sum(axis=1))
    varies = norms > EPSILON * np.abs(values).max(axis=1) * np.sqrt(np.maximum(n_entries, 1))
    is_known = varies & (n_entries >= FEWEST_ENTRIES)
    return np.divide(centred, norms[:, None], out=np.full_like(centred, np.nan), where=is_known[:, None])


def block_correlations(matrices: Floats, categories: ArrayLike) -> Iterator[tuple[object, object, Floats]]:
    """Yield two categories and the correlation (K,) of their block of RDM entries between networks.

    The block of a category with itself has each pair of stimuli once.
    """
    categories = np.asarray(categories)
    upper = np.triu(np.ones(matrices.shape[1:], bool), 1)
    pairs = np.triu_indices(len(matrices), 1)
    names = list(dict.fromkeys(categories.tolist()))
    for place, one in enumerate(names):
        for other in names[place:]:
            block = np.outer(categories == one, categories == other)
            entries = matrices[:, (block | block.T) & upper]
            entries = entries[:, ~np.isnan(entries).any(axis=0)]
            r = pairwise_r(entries)[0][pairs] if entries.shape[1] else np.full(len(pairs[0]), np.nan)
            yield one, other, r


# Agreement of pairs of stimuli


def standardised(vectors: Floats) -> Floats:
    """Return RDM vectors (N, P) of mean 0 and SD 1 over the entries that all networks define; NaN elsewhere."""
    defined = ~np.isnan(vectors).any(axis=0)
    found = np.full_like(vectors, np.nan)
    kept = vectors[:, defined]
    if kept.shape[1]:
        deviations = kept.std(axis=1, keepdims=True)
        centred = kept - kept.mean(axis=1, keepdims=True)
        found[:, defined] = np.divide(centred, deviations, out=np.full_like(kept, np.nan), where=deviations > 0)
    return found


def spread_over(vectors: Floats, members: Sequence[int]) -> Floats:
    """Return the standard deviation (P,) of standardised entries over some networks."""
    return vectors[list(members)].std(axis=0, ddof=1)


def held_out_extremes(chosen_by: Floats, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the n lowest and of the n highest defined values, each from the most extreme."""
    order = np.argsort(chosen_by, kind="stable")  # NaN last
    order = order[: np.isfinite(chosen_by).sum()]
    n = min(n, len(order) // 2)
    return order[:n], order[::-1][:n]


# Conserved dimensions


@dataclass(frozen=True)
class Dimensions:
    """How far the main dimensions of one half of the networks are those of each network of the other half.

    Attributes
    ----------
    cross
        (N, Q) variance of each network in the first q dimensions of the other half's compromise, as a share of its own.
        Mean over the splits that have the network in the half that is not used.
    own
        (N, Q) the same in its own first q dimensions.
    category
        (Q,) share of each dimension of a compromise that lies in the categories.
    """

    cross: Floats
    own: Floats
    category: Floats


def conserved_dimensions(
    distances: Sequence[Floats], categories: ArrayLike, splits: Sequence[Halves], most: int
) -> Dimensions | None:
    """Compare main dimensions of halves of the networks with those of each network in the other half.

    Parameters
    ----------
    distances
        (n, n) squared distances of each network's patterns.
    splits
        Halves of the networks; without any there is nothing to compare.
    most
        Largest number of dimensions. There are fewer if the compromise of any half has fewer.

    Returns
    -------
    Dimensions or None
        None without splits, or if a network's patterns are undefined or do not vary.
    """
    grams = [centred_gram(each) for each in distances]
    traces = np.array([np.trace(gram) for gram in grams])
    if not splits or not np.isfinite(traces).all() or (traces <= 0).any():
        return None
    grams = [gram / trace for gram, trace in zip(grams, traces, strict=True)]
    cka = cosines((gram.ravel() for gram in grams), len(grams))
    sides = [side for halves in splits for side in (halves, halves[::-1])]
    compromises = [_compromise(grams, cka, used, min(len(grams[0]) - 1, most)) for used, _ in sides]
    n_dimensions = min(vectors.shape[1] for vectors in compromises)
    own = np.cumsum([_largest(gram, n_dimensions)[0] for gram in grams], axis=1)
    cross: list[list[Floats]] = [[] for _ in grams]
    in_categories = []
    for (_, left), every in zip(sides, compromises, strict=True):
        vectors = every[:, :n_dimensions]
        in_categories.append(_in_categories(vectors, categories))
        for network in left:
            cross[network].append(np.cumsum(np.einsum("nk,nk->k", vectors, grams[network] @ vectors)))
    return Dimensions(np.stack([np.mean(each, axis=0) for each in cross]), own, np.mean(in_categories, axis=0))


def _largest(matrix: Floats, n: int) -> tuple[Floats, Floats]:
    """Return the n largest eigenvalues, from the largest, with their eigenvectors (rows, n)."""
    size = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=[size - n, size - 1])
    return values[::-1], vectors[:, ::-1]


def _compromise(grams: Sequence[Floats], cka: Floats, used: Sequence[int], n: int) -> Floats:
    """Return the main dimensions (stimuli, n) of the compromise of some networks (DISTATIS; Abdi et al. 2005).

    They are fewer than n if no variance is left, as in layers of few units: more of them would be arbitrary.
    """
    used = list(used)
    weights = np.abs(np.linalg.eigh(cka[np.ix_(used, used)])[1][:, -1])
    weights = weights / weights.sum()
    parts = (weight * grams[each] / np.linalg.norm(grams[each]) for weight, each in zip(weights, used, strict=True))
    values, vectors = _largest(np.sum(list(parts), axis=0), n)
    return vectors[:, values > values[0] * len(vectors) * np.finfo(np.float64).eps]


def _in_categories(vectors: Floats, categories: ArrayLike) -> Floats:
    """Return the share (n,) of each dimension that is constant within categories; dimensions have mean 0."""
    _, groups = np.unique(np.asarray(categories), return_inverse=True)
    members = (groups == np.arange(groups.max() + 1)[:, None]).astype(np.float64)
    means = members @ vectors / members.sum(axis=1, keepdims=True)
    return (means**2 * members.sum(axis=1, keepdims=True)).sum(axis=0)


def distances_to_centroids(distances: Floats, categories: ArrayLike) -> Floats:
    """Return each stimulus's distance (n,) to its category's centroid, by the mean of these, from squared distances."""
    categories = np.asarray(categories)
    found = np.empty(len(distances))
    for category in np.unique(categories):
        members = np.flatnonzero(categories == category)
        block = distances[np.ix_(members, members)]
        found[members] = np.sqrt(np.maximum(block.mean(axis=1) - block.mean() / 2, 0.0))
    mean = found.mean()
    return found / mean if mean > 0 else np.full(len(found), np.nan)


def mean_over_pairs(values: Floats, pairs: Bools | None = None) -> Floats:
    """Return the mean (n,) of defined values (K, n) over pairs of networks, all or some."""
    return mean_along_first_axis(values if pairs is None else values[pairs])
