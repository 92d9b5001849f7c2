"""Permutation test of the relation between two statistics of pairs of networks (methods 6)."""

from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

MOST_ENUMERATED = 5040
"""Largest number of permutations that are all made, 7!; of more networks `N_DRAWN` permutations are drawn."""
N_DRAWN = 10_000
TOLERANCE = 1e-12
"""A permuted correlation this close to the observed one counts as large: they may differ by rounding alone."""

BLOCK_VALUES = 2**18
"""Largest number of permuted values at a time."""

Floats = NDArray[np.float64]


def mantel(x: Floats, y: Floats, orders: NDArray[np.intp]) -> float:
    """Return the two-sided p-value of the correlation of two statistics of pairs of networks.

    Networks of `y` are permuted, rows and columns together, because pairs that share a network are not independent.

    Parameters
    ----------
    x, y
        (K,) values of all pairs of N networks in the order of ``numpy.triu_indices(N, 1)``.
    orders
        (B, N) of `network_orders`.

    Returns
    -------
    float
        (1 + number of permutations with |r*| >= |r|) / (1 + number of permutations), the identity not among them; NaN
        if a value is undefined or a variable is constant.
    """
    if not np.isfinite([x, y]).all() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    centred = x - x.mean()
    scale = np.linalg.norm(centred) * np.linalg.norm(y - y.mean())
    observed = abs(centred @ y) / scale
    drawn = np.abs(_permuted_products(centred, y, orders)) / scale
    return float((1 + np.count_nonzero(drawn >= observed - TOLERANCE)) / (1 + len(orders)))


def _permuted_products(x: Floats, y: Floats, orders: NDArray[np.intp]) -> Floats:
    """Return the inner products (B,) of x with y under each order of the networks.

    Few orders at a time stay in the cache, which takes a sixth of the time of all at once.
    """
    n_networks = orders.shape[1]
    first, second = np.triu_indices(n_networks, 1)
    square = squareform(y).ravel()
    step = max(1, BLOCK_VALUES // len(x))
    blocks = (orders[start : start + step] for start in range(0, len(orders), step))
    return np.concatenate([square.take(block[:, first] * n_networks + block[:, second]) @ x for block in blocks])


def network_orders(n_networks: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return orders of N networks (B, N) without the identity: all, or drawn ones if there are many."""
    identity = np.arange(n_networks)
    if factorial(n_networks) <= MOST_ENUMERATED:
        return np.array(list(permutations(identity)))[1:]
    orders = np.stack([rng.permutation(n_networks) for _ in range(N_DRAWN)])
    return orders[(orders != identity).any(axis=1)]
