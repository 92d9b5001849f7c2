"""Weight matching as published (Ainsworth et al. 2022), which computes all products again for each assignment."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from manyseeds.kernels import matching
from manyseeds.streams import generator


def match(a: matching.Chain, b: matching.Chain, *, restarts: int, seed: int) -> list[matching.Order]:
    """Return the orders of b's channels that `matching.match` should find, by the same random draws."""
    found = []
    for restart in range(restarts):
        random = generator(seed, "kernels/propagated", restart)
        orders = matching.identity(b) if restart == 0 else matching.random_orders(b, random)
        found.append(ascended(a, b, orders, random))
    return max(found, key=lambda orders: inner_product(a, b, orders))


def ascended(a, b, orders, random):
    value, before = inner_product(a, b, orders), -np.inf
    while value - before > 1e-12 * abs(value):
        for place in random.permutation(len(a) - 1):
            orders[place + 1] = linear_sum_assignment(gains(a, b, orders, place), maximize=True)[1]
        before, value = value, inner_product(a, b, orders)
    return orders


def gains(a, b, orders, place):
    x, y = a[place], b[place]
    into = np.einsum("kihw,lihw->kl", x.kernels, y.kernels[:, orders[place]], optimize=True)
    of_next = a[place + 1].kernels, b[place + 1].kernels[orders[place + 2]]
    return into + np.outer(x.biases, y.biases) + np.einsum("okhw,olhw->kl", *of_next, optimize=True)


def inner_product(a, b, orders):
    layers = zip(a, matching.permute(b, orders), strict=True)
    return sum((x.kernels * y.kernels).sum() + (x.biases * y.biases).sum() for x, y in layers)
