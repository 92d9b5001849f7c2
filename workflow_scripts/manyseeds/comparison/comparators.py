"""Other comparators of two networks' representations beside consistency (methods 5).

Comparators of RDMs take the entries above the diagonal. The others take inner products of centred patterns, K = H G H.
K follows from squared distances alone, so its rounding does not grow with the part that patterns have in common.

All comparators but `procrustes` are the cosine of one vector for each network, so those of many networks are one matrix
product. Comments cite K19 (Kornblith et al. 2019) and So12 (Song et al. 2012).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svdvals
from scipy.linalg.lapack import dpstrf
from scipy.spatial.distance import squareform

from manyseeds.comparison.consistency import EPSILON, pairwise_r
from manyseeds.representations.geometry import Floats, Geometry, squared_distances
from manyseeds.representations.measures import rdm

OF_RDMS = ("r2", "r", "spearman", "cosine")
"""Comparators of RDMs, whose value depends on the dissimilarity measure."""

OF_PATTERNS = ("cka", "cka_debiased", "cka_correlation", "procrustes")
"""Comparators of all inner products of patterns. They centre patterns, so a cocktail blank changes nothing."""

COMPARATORS = (*OF_RDMS, *OF_PATTERNS)

FEWEST_STIMULI = 4
"""Smallest number of stimuli for comparators of patterns."""

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Similarities:
    """Similarity of all pairs of N networks by one comparator.

    Attributes
    ----------
    values
        (N, N) symmetric; NaN where undefined. The diagonal compares a network with itself.
    n_stimuli
        (N, N) number of stimuli that both networks define.
    """

    values: Floats
    n_stimuli: NDArray[np.int64]


@dataclass(frozen=True)
class Patterns:
    """What comparators of patterns need of N networks.

    Attributes
    ----------
    defined
        (N, n) which stimuli a network defines.
    distances
        For each network the squared distances (pairs,) that are centred.
    """

    defined: Bools
    distances: Sequence[Floats]


def similarities(geometries: Sequence[Geometry], comparator: str, measure: str = "correlation") -> Similarities:
    """Compare all pairs of networks by one comparator.

    Parameters
    ----------
    geometries
        One for each of N networks, of the same n stimuli.
    comparator
        Name in `COMPARATORS`.
    measure
        Name of the dissimilarity measure, for comparators of RDMs.
    """
    if comparator in OF_RDMS:
        return of_rdms(np.stack([rdm(geometry, measure) for geometry in geometries]), comparator)
    return of_patterns(patterns_of(geometries, comparator), comparator)


# Comparators of RDMs


def of_rdms(vectors: Floats, comparator: str) -> Similarities:
    """Compare RDM vectors (N, P) over the entries that both vectors of a pair define (NaN: undefined).

    Ranks of `spearman` are among these entries, with mean ranks for ties.
    """
    n_stimuli = _stimuli_in_common(~np.isnan(vectors))
    if comparator in ("r2", "r"):
        r, _ = pairwise_r(vectors)
        return Similarities(r**2 if comparator == "r2" else r, n_stimuli)
    values = np.full(n_stimuli.shape, np.nan)
    for kept, members, first, second in pairs_by_kept(~np.isnan(vectors)):
        if kept.any():
            entries = vectors[np.ix_(members, kept)]
            found = pairwise_r(_ranks(entries))[0] if comparator == "spearman" else cosines(entries)
            _put(values, members, first, second, found)
    return Similarities(values, n_stimuli)


def _ranks(vectors: Floats) -> Floats:
    """Return the ranks in each of some vectors (N, P). Row by row, this takes a third of scipy's time for a matrix."""
    from scipy.stats import rankdata  # takes half a second, which most users of this module need not spend

    return np.stack([rankdata(vector) for vector in vectors])


def _stimuli_in_common(defined: Bools) -> NDArray[np.int64]:
    """Return the number of stimuli (N, N) with an entry that both vectors define, given which are defined (N, P)."""
    n_stimuli = round((1 + np.sqrt(1 + 8 * defined.shape[-1])) / 2)
    found = np.zeros((len(defined), len(defined)), np.int64)
    for kept, members, first, second in pairs_by_kept(defined):
        number = n_stimuli if kept.all() else int(squareform(kept, checks=False).any(axis=0).sum())
        _put(found, members, first, second, np.full((members.size, members.size), number))
    return found


# Comparators of patterns


def patterns_of(geometries: Iterable[Geometry], comparator: str) -> Patterns:
    """Return what a comparator of patterns needs of each geometry. Others but `cka_correlation` need the same."""
    undefined, distances = zip(*(_distances_to_centre(geometry, comparator) for geometry in geometries), strict=True)
    return Patterns(~np.stack(undefined), distances)


def _distances_to_centre(geometry: Geometry, comparator: str) -> tuple[Bools, Floats]:
    """Return which stimuli (n,) a comparator leaves out, and the squared distances (pairs,) that it centres.

    It leaves out silent patterns; `cka_correlation` leaves out constant ones. In a network that diverged, all are left
    out. Of row-standardised patterns, 1 - r is half the squared distance.
    """
    if comparator != "cka_correlation":
        return geometry.zero_norm | ~np.isfinite(geometry.squared_norms), squared_distances(geometry)
    distances = rdm(geometry, "correlation")
    n_undefined = squareform(np.isnan(distances), checks=False).sum(axis=0)
    return n_undefined == geometry.n_stimuli - 1, 2 * distances


def of_patterns(patterns: Patterns, comparator: str, groups: Sequence[int] | None = None) -> Similarities:
    """Compare the patterns of N networks.

    Parameters
    ----------
    patterns
        Result of `patterns_of`. A network may be given in several layers.
    groups
        (N,) only pairs of equal numbers are compared by `procrustes`, which needs a decomposition for each pair; others
        are NaN. None: all pairs.
    """
    defined = patterns.defined
    n_stimuli = defined.astype(np.int64) @ defined.T.astype(np.int64)
    if comparator == "procrustes":
        return Similarities(_procrustes(patterns, np.asarray(groups or [0] * len(defined))), n_stimuli)
    values = np.full(n_stimuli.shape, np.nan)
    for kept, members, first, second in pairs_by_kept(defined):
        if kept.sum() >= FEWEST_STIMULI:
            of_members = (_restricted(patterns.distances[place], kept) for place in members)
            vectors = np.stack([FEATURES[comparator](distances) for distances in of_members])
            _put(values, members, first, second, cosines(vectors))
    return Similarities(values, n_stimuli)


def centred_gram(distances: Floats) -> Floats:
    """Return inner products K = H G H = -H D H / 2 of centred patterns, from squared distances D (n, n)."""
    to_all = distances.mean(axis=1)
    return (to_all[:, None] + to_all - distances - to_all.mean()) / 2


def u_centred(distances: Floats) -> Floats:
    """Return the off-diagonal matrix G of So12, centred so that each row sums to 0, from squared distances D (n, n).

    U-centring removes what belongs to a row or a column, so G_ij and -D_ij / 2 give the same.
    """
    n = len(distances)
    gram = -distances / 2
    np.fill_diagonal(gram, 0.0)
    sums = gram.sum(axis=1)
    centred = gram - (sums[:, None] + sums) / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    is_rounding = np.abs(centred).max() <= EPSILON * np.abs(gram).max()  # all distances are equal
    return np.zeros_like(centred) if is_rounding else centred


def _cka_vector(distances: Floats) -> Floats:
    """Return the vector whose cosine is CKA (K19): the diagonal, and sqrt 2 times the entries above it."""
    gram = centred_gram(distances)
    return np.concatenate([np.diagonal(gram), np.sqrt(2) * gram[np.triu_indices(len(gram), 1)]])


def _debiased_vector(distances: Floats) -> Floats:
    """Return the vector whose cosine is the debiased CKA."""
    return squareform(u_centred(distances), checks=False)


FEATURES: dict[str, Callable[[Floats], Floats]] = {
    "cka": _cka_vector,
    "cka_debiased": _debiased_vector,
    "cka_correlation": _debiased_vector,
}
"""By comparator: the vector of a network, from squared distances (n, n)."""


def cosines(vectors: Floats) -> Floats:
    """Return the cosines (N, N) of vectors (N, P) without undefined entries; NaN for a vector of norm 0."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=0.0)
    scaled = vectors / np.where(largest > 0, largest, np.nan)  # so that no square overflows
    scaled /= np.linalg.norm(scaled, axis=-1, keepdims=True)
    return np.clip(scaled @ scaled.T, -1.0, 1.0)


def _procrustes(patterns: Patterns, groups: NDArray) -> Floats:
    """Return the Procrustes similarities (N, N) of networks of the same group; NaN for others."""
    values = np.full((len(groups), len(groups)), np.nan)
    for kept, members, first, second in pairs_by_kept(patterns.defined):
        same = groups[members[first]] == groups[members[second]]
        if kept.sum() < FEWEST_STIMULI or not same.any():
            continue
        pairs = list(zip(first[same].tolist(), second[same].tolist(), strict=True))
        needed = {place for pair in pairs for place in pair}
        roots = {i: scaled_root(_restricted(patterns.distances[int(members[i])], kept)) for i in needed}
        for i, j in pairs:
            values[members[i], members[j]] = values[members[j], members[i]] = _nuclear_norm(roots[i], roots[j])
    return values


def _nuclear_norm(first: Floats, second: Floats) -> float:
    """Return the sum of the singular values of a product of two roots, at most 1; NaN for a root of rank 0."""
    if not first.size or not second.size:
        return float("nan")
    return 1.0 if first is second else min(float(svdvals(first.T @ second).sum()), 1.0)


def scaled_root(distances: Floats) -> Floats:
    """Return a root F of K = F F', divided by sqrt(trace K), (n, rank), from squared distances D (n, n).

    All roots have the same singular values with another network's. Cholesky's, with pivots, takes a seventh of the time
    of an eigendecomposition. Pivots up to n epsilon times the largest are rounding. Without others the rank is 0.
    """
    gram = centred_gram(distances)
    n = len(gram)
    rounding = n * np.finfo(np.float64).eps * float(np.diagonal(gram).max())
    factor, pivots, rank, _ = dpstrf(gram, tol=rounding, lower=1)
    root = np.empty((n, rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    norm = np.linalg.norm(root)
    return root / norm if norm > 0 else root[:, :0]


def angle(similarity: Floats) -> Floats:
    """Return the angular Procrustes distance, the arc cosine of the similarity, in radians."""
    return np.arccos(similarity)


def _restricted(distances: Floats, kept: Bools) -> Floats:
    """Return squared distances (k, k) of the kept stimuli, from those of all pairs (pairs,)."""
    return squareform(distances, checks=False)[np.ix_(kept, kept)]


# Pairs that leave out the same


def pairs_by_kept(defined: Bools) -> Iterator[tuple[Bools, Places, Places, Places]]:
    """Yield the pairs of N networks by the entries that both define.

    Parameters
    ----------
    defined
        (N, P) which entries, or stimuli, a network defines.

    Yields
    ------
    The entries (P,) that both networks of some pairs define, the networks (M,) of these pairs, and the two members of
    each pair as places among these networks. Each pair occurs once, also that of a network with itself.
    """
    numbers: dict[bytes, int] = {}
    kind = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in defined])
    kinds = [np.frombuffer(row, np.bool_) for row in numbers]
    first, second = np.triu_indices(len(defined))
    low, high = np.minimum(kind[first], kind[second]), np.maximum(kind[first], kind[second])
    of_kept: dict[bytes, list[tuple[int, int]]] = {}
    for a, b in sorted(set(zip(low.tolist(), high.tolist(), strict=True))):
        of_kept.setdefault((kinds[a] & kinds[b]).tobytes(), []).append((a, b))
    for combinations in of_kept.values():
        chosen = np.any([(low == a) & (high == b) for a, b in combinations], axis=0)
        members, places = np.unique([first[chosen], second[chosen]], return_inverse=True)
        i, j = places.reshape(2, -1)
        yield kinds[combinations[0][0]] & kinds[combinations[0][1]], members, i, j


def _put(into: NDArray, members: Places, first: Places, second: Places, found: NDArray) -> None:
    """Copy the values of some pairs from a matrix of their networks to the matrix of all networks."""
    into[members[first], members[second]] = into[members[second], members[first]] = found[first, second]
