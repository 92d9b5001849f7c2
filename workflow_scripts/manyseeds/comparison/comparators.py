"""Other comparators of two networks' representations beside consistency (methods 5).

Comparators of RDMs take the entries above the diagonal. The others take inner products of centred patterns, K = H G H.
K follows from squared distances alone, so its rounding does not grow with the part that patterns have in common.

All comparators but `procrustes` are the cosine of one vector for each network, so those of many networks are one matrix
product. Comments cite K19 (Kornblith et al. 2019) and So12 (Song et al. 2012).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, svdvals
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

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


def similarities(
    geometries: Sequence[Geometry], comparator: str, measure: str = "correlation", groups: Sequence[int] | None = None
) -> Similarities:
    """Compare all pairs of networks by one comparator.

    Parameters
    ----------
    geometries
        One for each of N networks, of the same n stimuli. A network may be given in several layers.
    comparator
        Name in `COMPARATORS`.
    measure
        Name of the dissimilarity measure, for comparators of RDMs.
    groups
        (N,) only pairs of equal numbers are compared by `procrustes`, which needs a decomposition for each pair; others
        are NaN. None: all pairs.
    """
    if comparator in OF_RDMS:
        return of_rdms(np.stack([rdm(geometry, measure) for geometry in geometries]), comparator)
    defined = ~np.stack([undefined_stimuli(geometry, comparator) for geometry in geometries])
    stored = [centrable_distances(geometry, comparator) for geometry in geometries]
    n_stimuli = defined.astype(np.int64) @ defined.T.astype(np.int64)
    if comparator == "procrustes":
        return Similarities(_procrustes(stored, defined, np.asarray(groups or [0] * len(stored))), n_stimuli)
    feature = FEATURES[comparator]
    values = np.full(n_stimuli.shape, np.nan)
    for kept, members, first, second in pairs_by_kept(defined):
        if kept.sum() >= FEWEST_STIMULI:
            vectors = np.stack([feature(_restricted(stored[place], kept)) for place in members])
            _put(values, members, first, second, cosines(vectors))
    return Similarities(values, n_stimuli)


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
            found = pairwise_r(rankdata(entries, axis=-1))[0] if comparator == "spearman" else cosines(entries)
            _put(values, members, first, second, found)
    return Similarities(values, n_stimuli)


def _stimuli_in_common(defined: Bools) -> NDArray[np.int64]:
    """Return the number of stimuli (N, N) with an entry that both vectors define, given which are defined (N, P)."""
    n_stimuli = round((1 + np.sqrt(1 + 8 * defined.shape[-1])) / 2)
    found = np.zeros((len(defined), len(defined)), np.int64)
    for kept, members, first, second in pairs_by_kept(defined):
        number = n_stimuli if kept.all() else int(squareform(kept, checks=False).any(axis=0).sum())
        _put(found, members, first, second, np.full((members.size, members.size), number))
    return found


# Comparators of patterns


def undefined_stimuli(geometry: Geometry, comparator: str) -> Bools:
    """Return which stimuli (n,) a comparator of patterns leaves out.

    These have a silent pattern; for `cka_correlation` a constant one. In a network that diverged, all are left out.
    """
    if comparator == "cka_correlation":
        square = squareform(rdm(geometry, "correlation"))
        return np.isnan(square).sum(axis=0) == geometry.n_stimuli - 1
    return geometry.zero_norm | ~np.isfinite(geometry.squared_norms)


def centrable_distances(geometry: Geometry, comparator: str) -> Floats:
    """Return squared distances (pairs,) whose centred matrix a comparator of patterns takes.

    Of row-standardised patterns, 1 - r is half the squared distance.
    """
    return 2 * rdm(geometry, "correlation") if comparator == "cka_correlation" else squared_distances(geometry)


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


def _procrustes(stored: Sequence[Floats], defined: Bools, groups: NDArray) -> Floats:
    """Return the Procrustes similarities (N, N) of networks of the same group; NaN for others."""
    values = np.full((len(stored), len(stored)), np.nan)
    for kept, members, first, second in pairs_by_kept(defined):
        if kept.sum() < FEWEST_STIMULI:
            continue
        same = groups[members[first]] == groups[members[second]]
        needed = np.unique([first[same], second[same]]).tolist()
        roots = {place: scaled_root(_restricted(stored[int(members[place])], kept)) for place in needed}
        for i, j in zip(first[same].tolist(), second[same].tolist(), strict=True):
            values[members[i], members[j]] = values[members[j], members[i]] = _nuclear_norm(roots[i], roots[j])
    return values


def _nuclear_norm(first: Floats, second: Floats) -> float:
    """Return the sum of the singular values of a product of two roots, at most 1; NaN for a root of rank 0."""
    return min(float(svdvals(first.T @ second).sum()), 1.0) if first.size and second.size else float("nan")


def scaled_root(distances: Floats) -> Floats:
    """Return U Lambda^(1/2) / sqrt(trace K), (n, rank), of K = U Lambda U', from squared distances D (n, n).

    Eigenvalues up to n epsilon times the largest are rounding. Without others the rank is 0.
    """
    eigenvalues, vectors = eigh(centred_gram(distances), driver="evd")
    kept = eigenvalues > len(distances) * np.finfo(np.float64).eps * max(float(eigenvalues[-1]), 0.0)
    if not kept.any():
        return np.empty((len(distances), 0))
    return vectors[:, kept] * np.sqrt(eigenvalues[kept] / eigenvalues[kept].sum())


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
    kinds, kind = np.unique(defined, axis=0, return_inverse=True)
    kind = kind.ravel()  # numpy 2.0 keeps an axis
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
