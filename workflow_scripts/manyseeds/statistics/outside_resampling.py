"""Agreement with RDMs from outside on resampled stimuli (methods 13).

If stimulus i is drawn w_i times, entry (i, j) counts w_i w_j times, as in `stimulus_resampling`. Entries that are
undefined in any network or subject are left out of all draws.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from manyseeds.comparison.outside import OF_RANKS, RHO_A, Compared, Numbers, Outside, compare_networks, with_values
from manyseeds.comparison.ranking import correlations, mid_ranks, numbered

Floats = NDArray[np.float64]

OF_PRODUCTS = ("pearson", "cosine")
"""Comparisons whose draws are matrix products. Entries of `OF_RANKS` are ranked again in each draw.

The others, tau a and the whitened cosine, are not resampled.
"""


def compare_outside(
    networks: Floats, theirs: Outside, keys: dict[str, Any], weights: Floats, numbers: Numbers | None = None
) -> Compared:
    """Compare networks with an RDM from outside, on all stimuli that the two have in common and on draws of these.

    Parameters
    ----------
    networks
        (N, P) RDM vectors of the common stimuli.
    keys
        As in `Compared`.
    weights
        (B, m) from `stimulus_weights`; B may be 0.
    numbers
        From `numbers_of`, if known.
    """
    comparison, measure = keys["comparison"], keys["measure"]
    values, ensemble = compare_networks(networks, theirs, comparison, measure, numbers)
    ours, others = with_values(values)
    draws = np.empty(0)
    if len(weights) and ours.any():
        chosen = None if numbers is None else numbers[[*np.flatnonzero(ours), -1]]
        draws = resampled_means(networks[ours], theirs.vectors[others], comparison, weights, chosen)
    undefined = np.isnan(networks)[:, None] | np.isnan(theirs.vectors)
    n_undefined = int(undefined.sum(axis=-1).max())
    return Compared(keys, values, ensemble, draws, len(theirs.places), networks.shape[1], n_undefined)


def resampled_means(
    networks: Floats, subjects: Floats, comparison: str, weights: Floats, numbers: Numbers | None = None
) -> Floats:
    """Return the mean agreement over networks and subjects in each draw of stimuli.

    Parameters
    ----------
    networks, subjects
        (N, P) and (S, P) RDM vectors of m stimuli.
    comparison
        Name in `outside.COMPARISONS`.
    weights
        (B, m) from `stimulus_weights`.
    numbers
        From `numbers_of`, if known.

    Returns
    -------
    ndarray
        (B,); empty for comparisons that are not resampled.
    """
    defined = np.asarray(~np.isnan(np.concatenate([networks, subjects])).any(axis=0))
    if comparison in OF_PRODUCTS:
        return _by_products(networks, subjects, defined, weights, centres=comparison == "pearson")
    if comparison in OF_RANKS:
        known = list(numbers[:-1]) if numbers is not None and defined.all() else None
        ours = known or [numbered(each[defined]) for each in networks]
        theirs = [numbered(each[defined]) for each in subjects]
        return _by_ranks(ours, theirs, defined, weights, expects_ties=comparison == RHO_A)
    return np.empty(0)


def _by_products(networks: Floats, subjects: Floats, defined: NDArray, weights: Floats, *, centres: bool) -> Floats:
    """Return means of weighted correlations, or of cosines."""

    def total(entries: Floats) -> Floats:
        """Return the weighted sum (B,) of entries (P,) that are zero where undefined."""
        return np.einsum("bi,bi->b", weights @ squareform(entries, checks=False), weights) / 2

    def standardised(vectors: Floats) -> list[Floats]:
        """Return vectors without undefined entries, scaled so that squares are near one."""
        filled = np.where(defined, vectors, 0.0)
        centred = np.where(defined, filled - filled.sum(axis=1, keepdims=True) / max(1, defined.sum()), 0.0)
        chosen = centred if centres else filled
        return list(chosen / np.maximum(np.abs(chosen).max(axis=1, keepdims=True), np.finfo(float).tiny))

    ours, theirs = standardised(networks), standardised(subjects)
    n = total(defined.astype(np.float64))
    sums, squares = ([[total(v**power) for v in side] for side in (ours, theirs)] for power in (1, 2))
    means = np.zeros(len(weights))
    for i, one in enumerate(ours):
        for s, other in enumerate(theirs):
            product, scale = total(one * other), 1.0
            variances = [squares[0][i], squares[1][s]]
            if centres:
                product = product - sums[0][i] * sums[1][s] / n
                variances = [variances[0] - sums[0][i] ** 2 / n, variances[1] - sums[1][s] ** 2 / n]
            with np.errstate(divide="ignore", invalid="ignore"):
                scale = np.sqrt(variances[0] * variances[1])
                means += np.where(scale > 0, product / scale, np.nan)
    return means / (len(ours) * len(theirs))


def _by_ranks(
    numbers: Sequence[NDArray], subjects: Sequence[NDArray], defined: NDArray, weights: Floats, *, expects_ties: bool
) -> Floats:
    """Return means of correlations of weighted mid-ranks, or of their expectation if ties are broken at random."""
    first, second = np.triu_indices(weights.shape[1], 1)
    first, second = first[defined], second[defined]
    means = np.empty(len(weights))
    room = np.empty((2, len(first)))  # used again and again: to allocate it takes longer than to fill it
    for draw, counts in enumerate(weights):
        times = np.multiply(counts.take(first, out=room[0]), counts.take(second, out=room[1]), out=room[0])
        drawn = np.flatnonzero(times)  # about four entries of ten
        times = times[drawn]
        ours, theirs = (np.stack([mid_ranks(each[drawn], times) for each in side]) for side in (numbers, subjects))
        means[draw] = correlations(ours, theirs, times, expects_ties=expects_ties).mean()
    return means
