"""Ranks of RDM entries, also of entries that are there several times (methods 13)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def numbered(vector: Floats) -> NDArray[np.intp]:
    """Return a number for each entry (P,), the same for equal ones and in their order; NaN is not allowed."""
    return np.unique(vector, return_inverse=True)[1]


def mid_ranks(numbers: NDArray, times: Floats) -> Floats:
    """Return the mid-rank of each entry if it is there several times.

    Parameters
    ----------
    numbers
        (P,) from `numbered`, or some entries of that.
    times
        (P,) how often each entry is there, a whole number.
    """
    # Integers, because their sums take a tenth of the time.
    sizes = np.bincount(numbers, times).astype(np.int64)
    doubled = np.cumsum(sizes)
    doubled *= 2
    doubled -= sizes
    return (doubled[numbers] + 1) / 2


def correlations(ranks: Floats, others: Floats, times: Floats, *, expects_ties: bool) -> Floats:
    """Return correlations of ranks, of all entries as often as they are there.

    Parameters
    ----------
    ranks, others
        (N, P) and (S, P) mid-ranks.
    times
        (P,) as in `mid_ranks`.
    expects_ties
        Whether the correlation is the one that is expected if ties are broken at random (`outside.rho_a`).

    Returns
    -------
    ndarray
        (N, S); NaN for constant ranks.
    """
    total = times.sum()
    first, second = (each - (total + 1) / 2 for each in (ranks, others))
    products = (first * times) @ second.T
    squares = np.outer(*(np.einsum("kp,kp,p->k", each, each, times) for each in (first, second)))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 12 * products / (total**3 - total) if expects_ties else products / np.sqrt(squares)
        return np.where(squares > 0, found, np.nan)
