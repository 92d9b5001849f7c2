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


class _Product:
    """Inner products of the channels of a layer of a and of b, over kernels whose other channels are permuted in b.

    They are sums over these other channels. If few of them get another place, only their terms change.
    """

    def __init__(self, a: Floats, b: Floats) -> None:
        """Both are laid out as (other channels, pixels, channels)."""
        self.a, self.b = a, b
        self.order: Order | None = None
        self.products = np.zeros((a.shape[2], b.shape[2]))

    def at(self, order: Order) -> Floats:
        """Return the inner products (K, K), a's by b's, if b's other channels are in an order."""
        moved = np.arange(len(order)) if self.order is None else np.flatnonzero(order != self.order)
        if self.order is None or len(moved) > len(order) / 2:
            self.products = _rows(self.a).T @ _rows(self.b[order])
        elif len(moved):
            change = self.b[order[moved]] - self.b[self.order[moved]]
            self.products = self.products + _rows(self.a[moved]).T @ _rows(change)
        self.order = order
        return self.products


class _Pair:
    """Two chains, with the parts of the gains of each hidden layer."""

    def __init__(self, a: Chain, b: Chain) -> None:
        self.a, self.b = a, b
        self.into = [(_by_input(x.kernels), _by_input(y.kernels)) for x, y in zip(a[:-1], b[:-1], strict=True)]
        self.out_of = [(_by_output(x.kernels), _by_output(y.kernels)) for x, y in zip(a[1:], b[1:], strict=True)]
        self.biases = [np.outer(x.biases, y.biases) for x, y in zip(a[:-1], b[:-1], strict=True)]

    def ascend(self, orders: list[Order], random: np.random.Generator) -> tuple[list[Order], float]:
        """Match one layer after another, in random order, until no sweep over all hidden layers gains anything.

        A layer is left out while the orders before and after it are those of its last turn: it would gain nothing.
        """
        value = self.value(orders)
        seen: dict[int, tuple[Order, Order]] = {}
        into, out_of = ([_Product(*both) for both in layers] for layers in (self.into, self.out_of))
        for _ in range(MOST_SWEEPS):
            gained = 0.0
            for place in map(int, random.permutation(len(self.a) - 1)):
                around = orders[place], orders[place + 2]
                if place in seen and all(map(np.array_equal, seen[place], around)):
                    continue
                seen[place] = around
                # What each pair of channels (K, K) would add, a's by b's.
                gains = into[place].at(around[0]) + self.biases[place] + out_of[place].at(around[1])
                rows, columns = linear_sum_assignment(gains, maximize=True)
                gained += float(gains[rows, columns].sum() - gains[rows, orders[place + 1]].sum())
                orders[place + 1] = np.asarray(columns, dtype=np.int64)
            value += gained
            if gained <= SMALLEST_GAIN * abs(value):
                break
        return orders, value

    def value(self, orders: Sequence[Order]) -> float:
        """Return the inner product of all weights and biases of a and of the permuted b."""
        pairs = zip(self.a, permute(self.b, orders), strict=True)
        return float(sum(np.vdot(x.kernels, y.kernels) + x.biases @ y.biases for x, y in pairs))


def _by_output(kernels: Floats) -> Floats:
    """Return kernels (out, in, ...) as (out, pixels, in)."""
    return np.ascontiguousarray(np.swapaxes(kernels.reshape(*kernels.shape[:2], -1), 1, 2))


def _by_input(kernels: Floats) -> Floats:
    """Return kernels (out, in, ...) as (in, pixels, out)."""
    return _by_output(np.swapaxes(kernels, 0, 1))


def _rows(kernels: Floats) -> Floats:
    """Return kernels (channels, pixels, channels) as a matrix with a column for each of the last channels."""
    return kernels.reshape(-1, kernels.shape[2])
