"""Other comparators of two networks' representations beside consistency (methods 5).

Comparators of RDMs take the entries above the diagonal. The others take inner products of centred patterns, K = H G H.
K follows from squared distances alone, so its rounding does not grow with the part that patterns have in common.

All comparators but `procrustes` are the cosine of one vector for each network, so those of many networks are one matrix
product. Vectors of many networks in many layers can be larger than memory. So they are in arrays of `scratch`, filled
row by row. Comments cite K19 (Kornblith et al. 2019) and So12 (Song et al. 2012).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svdvals
from scipy.linalg.lapack import dpstrf
from scipy.spatial.distance import squareform

from manyseeds.comparison.consistency import EPSILON, pairwise_r
from manyseeds.io.scratch import stack
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
        (N, pairs) squared distances that are centred.
    """

    defined: Bools
    distances: Floats


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
    return of_patterns(patterns_of(geometries, len(geometries), comparator), comparator)


# Comparators of RDMs


def of_rdms(vectors: Floats, comparator: str) -> Similarities:
    """Compare RDM vectors (N, P) over the entries that both vectors of a pair define (NaN: undefined).

    Ranks of `spearman` are among these entries, with mean ranks for ties.
    """
    n_stimuli = _stimuli_in_common(vectors)
    if comparator in ("r2", "r"):
        r, _ = pairwise_r(vectors)
        return Similarities(r**2 if comparator == "r2" else r, n_stimuli)
    values = np.full(n_stimuli.shape, np.nan)
    for kept, members, first, second in pairs_by_kept(_defined(vectors)):
        if kept.any():
            entries = (vectors[member, kept] for member in members)
            found = (_rank_correlations if comparator == "spearman" else cosines)(entries, len(members))
            _put(values, members, first, second, found)
    return Similarities(values, n_stimuli)


def _defined(vectors: Floats) -> Iterator[Bools]:
    """Yield for each vector which of its entries are defined."""
    return (~np.isnan(vector) for vector in vectors)


def _rank_correlations(vectors: Iterable[Floats], n_vectors: int) -> Floats:
    """Return the rank correlations (N, N) of N vectors (P,).

    Row by row, ranks take a third of the time that scipy needs for a matrix.
    """
    from scipy.stats import rankdata  # takes half a second, which most users of this module need not spend

    return pairwise_r(stack(map(rankdata, vectors), n_vectors))[0]


def _stimuli_in_common(vectors: Floats) -> NDArray[np.int64]:
    """Return the number of stimuli (N, N) with an entry that both of two RDM vectors (N, P) define."""
    n_stimuli = round((1 + np.sqrt(1 + 8 * vectors.shape[-1])) / 2)
    found = np.zeros((len(vectors), len(vectors)), np.int64)
    for kept, members, first, second in pairs_by_kept(_defined(vectors)):
        number = n_stimuli if kept.all() else int(squareform(kept, checks=False).any(axis=0).sum())
        _put(found, members, first, second, np.full((members.size, members.size), number))
    return found


# Comparators of patterns


def patterns_of(geometries: Iterable[Geometry], n_geometries: int, comparator: str) -> Patterns:
    """Return what a comparator of patterns needs of each geometry. Others but `cka_correlation` need the same."""
    defined = []

    def each_distances() -> Iterator[Floats]:
        for geometry in geometries:
            undefined, distances = _distances_to_centre(geometry, comparator)
            defined.append(~undefined)
            yield distances

    distances = stack(each_distances(), n_geometries)
    return Patterns(np.stack(defined), distances)


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
            found = cosines(map(FEATURES[comparator], of_members), len(members))
            _put(values, members, first, second, found)
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


def cosines(vectors: Iterable[Floats], n_vectors: int) -> Floats:
    """Return the cosines (N, N) of N vectors (P,) without undefined entries; NaN for a vector of norm 0."""
    of_length_1 = np.asarray(stack(map(_of_length_1, vectors), n_vectors))
    return np.clip(of_length_1 @ of_length_1.T, -1.0, 1.0)


def _of_length_1(vector: Floats) -> Floats:
    """Return a vector divided by its norm, in two steps so that no square overflows; NaN for a norm of 0."""
    largest = np.abs(vector).max(initial=0.0)
    scaled = vector / (largest if largest > 0 else np.nan)
    return scaled / np.sqrt((scaled**2).sum())


def _procrustes(patterns: Patterns, groups: NDArray) -> Floats:
    """Return the Procrustes similarities (N, N) of networks of the same group; NaN for others."""
    values = np.full((len(groups), len(groups)), np.nan)
    for kept, members, first, second in pairs_by_kept(patterns.defined):
        same = groups[members[first]] == groups[members[second]]
        if kept.sum() < FEWEST_STIMULI or not same.any():
            continue
        for group in np.unique(groups[members[first[same]]]):  # memory holds the roots of one group
            pairs = np.stack([first, second])[:, same & (groups[members[first]] == group)].T.tolist()
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


def pairs_by_kept(defined: Iterable[Bools]) -> Iterator[tuple[Bools, Places, Places, Places]]:
    """Yield the pairs of N networks by the entries that both define.

    Parameters
    ----------
    defined
        For each network (P,) which entries, or stimuli, it defines.

    Yields
    ------
    The entries (P,) that both networks of some pairs define, the networks (M,) of these pairs, and the two members of
    each pair as places among these networks. Each pair occurs once, also that of a network with itself.
    """
    numbers: dict[bytes, int] = {}
    kind = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in defined])
    kinds = [np.frombuffer(row, np.bool_) for row in numbers]
    first, second = np.triu_indices(len(kind))
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
