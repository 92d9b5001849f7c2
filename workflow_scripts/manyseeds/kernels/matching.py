"""Matching of the hidden channels of two whole networks, layer after layer (weight matching of Ainsworth et al. 2022).

Channels of a hidden layer have no names: a network with permuted channels computes the same function if the next layer
is permuted in the same way. So permutations of all hidden layers are sought that make the weights most alike. Inputs
and outputs keep their places, because colours and categories have names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from manyseeds.streams import generator

Floats = NDArray[np.float64]
Order = NDArray[np.int64]

MOST_SWEEPS = 100
SMALLEST_GAIN = 1e-12
"""Share of the value below which a sweep over all layers counts as no gain."""


@dataclass(frozen=True)
class Layer:
    """One layer of a chain: kernels (out, in, ...) in float64, and a bias (out,)."""

    kernels: Floats
    bias: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def biases(self) -> Floats:
        """Bias of each channel; zeros if the layer has none."""
        return self.bias if self.bias.size else np.zeros(len(self.kernels))

    def permuted(self, outputs: Order, inputs: Order) -> "Layer":
        """Return the layer with its output channels and its input channels in other orders."""
        return Layer(self.kernels[outputs][:, inputs], self.biases[outputs])


Chain = Sequence[Layer]
"""Layers of which each takes the outputs of the one before."""


def identity(chain: Chain) -> list[Order]:
    """Return the orders of the channels between layers, 0 to L, that leave a network as it is."""
    return [np.arange(chain[0].kernels.shape[1]), *(np.arange(len(layer.kernels)) for layer in chain)]


def permute(chain: Chain, orders: Sequence[Order]) -> list[Layer]:
    """Return a chain whose channels are permuted: place i of layer l holds channel ``orders[l + 1][i]``.

    The next layer takes its inputs in the same order, so the function stays the same.
    """
    return [layer.permuted(orders[place + 1], orders[place]) for place, layer in enumerate(chain)]


def random_orders(chain: Chain, random: np.random.Generator) -> list[Order]:
    """Draw random orders of all hidden channels; inputs and outputs keep their places."""
    first, *hidden, last = identity(chain)
    return [first, *(random.permutation(len(order)) for order in hidden), last]


def match(a: Chain, b: Chain, *, restarts: int, seed: int) -> list[Order]:
    """Return the orders of b's channels that make its weights most like those of a.

    Parameters
    ----------
    restarts
        Number of searches, the first from the channels as they are and the others from random orders. The best counts.
    seed
        Root of the random orders.
    """
    pair = _Pair(a, b)
    best, highest = identity(b), -np.inf
    for restart in range(restarts):
        random = generator(seed, "kernels/propagated", restart)
        start = identity(b) if restart == 0 else random_orders(b, random)
        orders, value = pair.ascend(start, random)
        if value > highest:
            best, highest = orders, value
    return best


class _Pair:
    """Two chains, their kernels laid out by output channels and by input channels: (K, all other axes)."""

    def __init__(self, a: Chain, b: Chain) -> None:
        self.a, self.b = a, b
        self.into_a, self.into_b = ([_by_output(layer.kernels) for layer in chain] for chain in (a, b))
        self.from_a, self.from_b = ([_by_input(layer.kernels) for layer in chain] for chain in (a, b))
        self.biases = [np.outer(x.biases, y.biases) for x, y in zip(a, b, strict=True)]

    def ascend(self, orders: list[Order], random: np.random.Generator) -> tuple[list[Order], float]:
        """Match one layer after another, in random order, until no sweep over all hidden layers gains anything.

        A layer is left out while the orders before and after it are those of its last turn: it would gain nothing.
        """
        value = self.value(orders)
        seen: dict[int, tuple[Order, Order]] = {}
        for _ in range(MOST_SWEEPS):
            gained = 0.0
            for place in map(int, random.permutation(len(self.a) - 1)):
                around = orders[place], orders[place + 2]
                if place in seen and all(map(np.array_equal, seen[place], around)):
                    continue
                gains, seen[place] = self.gains(orders, place), around
                rows, columns = linear_sum_assignment(gains, maximize=True)
                gained += float(gains[rows, columns].sum() - gains[rows, orders[place + 1]].sum())
                orders[place + 1] = np.asarray(columns, dtype=np.int64)
            value += gained
            if gained <= SMALLEST_GAIN * abs(value):
                break
        return orders, value

    def gains(self, orders: Sequence[Order], place: int) -> Floats:
        """Return the inner product that each pair of channels of a hidden layer (K, K) would add, a's by b's."""
        before, after = orders[place], orders[place + 2]
        gains = _rows(self.into_a[place]) @ _rows(self.into_b[place][:, before]).T + self.biases[place]
        return gains + _rows(self.from_a[place + 1]) @ _rows(self.from_b[place + 1][:, after]).T

    def value(self, orders: Sequence[Order]) -> float:
        """Return the inner product of all weights and biases of a and of the permuted b."""
        pairs = zip(self.a, permute(self.b, orders), strict=True)
        return float(sum(np.vdot(x.kernels, y.kernels) + x.biases @ y.biases for x, y in pairs))


def _by_output(kernels: Floats) -> Floats:
    """Return kernels as (out, in, pixels)."""
    return np.ascontiguousarray(kernels.reshape(*kernels.shape[:2], -1))


def _by_input(kernels: Floats) -> Floats:
    """Return kernels as (in, out, pixels)."""
    return np.ascontiguousarray(np.swapaxes(_by_output(kernels), 0, 1))


def _rows(kernels: Floats) -> Floats:
    return kernels.reshape(len(kernels), -1)
