"""Weights that are still distributed as they are drawn before training: a sign that a network was never trained."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from manyseeds.models.initialisation import initial_weights
from manyseeds.models.spec import Network, Weights

LAWS = ("own", "he_normal")
"""Initialisations that are compared, as in the config's `networks`."""

N_VALUES = 10_000
"""Largest number of values of each parameter that are compared."""

P = 1e-6
"""Probability that untrained weights are taken for trained ones, over all parameters of a network."""

ROUNDING = 2**-10
"""Largest relative difference of constants, such as the scales of normalisations, from their initial value."""


def is_initial(weights: Weights, network: Network, image_shape: tuple[int, int, int], n_categories: int) -> bool:
    """Return whether all weights of a network are distributed as initial ones.

    They are compared with a fresh draw of the module's constructor, and with one of He-normal weights. One step of
    training is seen if biases, scales or statistics of normalisations begin as constants. If none do, only a training
    that changes the distribution of a parameter is seen.
    """
    for law in LAWS:
        drawn = replace(network, initialisation=law, layers=None, weights=None)
        fresh = initial_weights(drawn, image_shape, n_categories, root_seed=0, seed=0)
        if all(_is_alike(weights[name], array, P / len(fresh)) for name, array in fresh.items()):
            return True
    return False


def _is_alike(found: NDArray, drawn: NDArray, p: float) -> bool:
    """Return whether two arrays are equal constants, or may be samples of one distribution (Kolmogorov-Smirnov)."""
    if drawn.size == 0 or np.all(drawn == drawn.flat[0]):
        return bool(np.allclose(found, drawn, rtol=ROUNDING, atol=0))
    first, second = (array.ravel()[:: -(-array.size // N_VALUES)].astype(np.float64) for array in (found, drawn))
    return bool(stats.ks_2samp(first, second).pvalue > p)
