"""Variance components of values of pairs of networks, and the variance of their mean (methods 5).

A symmetric pair value is ``s_ij = mu + a_i + a_j + e_ij``: a part of each network and a part of the pair (Hoeffding's
decomposition; general and specific combining ability of Griffing 1956). Pair values are vectors of length
K = N (N - 1) / 2 in the order of ``numpy.triu_indices(N, 1)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_NETWORKS_COMPONENTS = 4
"""Smallest number of networks for the pair component, whose degrees of freedom are N (N - 3) / 2."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Unbiased variance components.

    Arrays have the leading shape of the values, and are NaN where a pair is undefined.

    Attributes
    ----------
    networks
        Variance of the part of a network. The estimate can be negative.
    pairs
        Variance of the part of a pair.
    """

    networks: Floats
    pairs: Floats

    def variance_of_mean(self, n_networks: int | NDArray[np.int64]) -> Floats:
        """Return the variance of the mean over all pairs of N networks, equation (V) of methods 5.

        A negative component of networks counts as zero.
        """
        shared = 4 * np.maximum(self.networks, 0) / n_networks
        return shared + 2 * self.pairs / (n_networks * (n_networks - 1))


def pair_components(values: NDArray, n_networks: int) -> Components:
    """Return the variance components of pair values.

    Parameters
    ----------
    values
        (..., K) values of all pairs of N networks.

    Raises
    ------
    ValueError
        If there are fewer than four networks.
    """
    n = n_networks
    if n < MIN_NETWORKS_COMPONENTS:
        raise ValueError(f"Variance components need {MIN_NETWORKS_COMPONENTS} networks, found {n}.")
    first, second = np.triu_indices(n, 1)
    deviations = values - values.mean(axis=-1, keepdims=True)
    of_network = np.zeros((values.shape[-1], n))
    of_network[np.arange(first.size), first] = of_network[np.arange(first.size), second] = 1
    effects = deviations @ of_network / (n - 2)
    rest = deviations - effects[..., first] - effects[..., second]
    mean_square_networks = (n - 2) * (effects**2).sum(axis=-1) / (n - 1)
    mean_square_pairs = (rest**2).sum(axis=-1) / (n * (n - 3) / 2)
    return Components((mean_square_networks - mean_square_pairs) / (n - 2), mean_square_pairs)
