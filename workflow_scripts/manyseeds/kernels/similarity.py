"""Similarity of the kernels of two convolutions: index, greedy and optimal matching, and chance levels (methods 11).

A kernel is the weights of one output channel as a vector; biases are no part of it. Comments abbreviate Akbarinia &
Gegenfurtner (2019) as A19.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from manyseeds.streams import generator

Floats = NDArray[np.float64]

CONSTANT = 1e-12
"""A kernel is constant if its range is at most this share of its largest absolute weight."""

UPPER_QUANTILE = 0.975
"""Quantile of the chance level."""


@dataclass(frozen=True)
class Matched:
    """Kernels of a layer matched between two networks.

    Attributes
    ----------
    r
        (K,) Pearson's r of each kernel of network a with its match; 0 without a match.
    order
        (K,) the kernel of network b that each kernel of network a is matched with; -1: none.
    """

    r: Floats
    order: NDArray[np.int64]

    @property
    def similarity(self) -> float:
        """Mean r over the kernels."""
        return float(self.r.mean())


def flattened(kernels: NDArray) -> Floats:
    """Return kernels (out, ...) as vectors (out, weights) in float64, in the order in which they are stored."""
    return np.asarray(kernels, dtype=np.float64).reshape(len(kernels), -1)


def is_constant(vectors: Floats) -> NDArray[np.bool_]:
    """Return which vectors (K, n) are constant; those of one weight are."""
    spread = vectors.max(axis=1) - vectors.min(axis=1)
    return spread <= CONSTANT * np.abs(vectors).max(axis=1)


def standardised(vectors: Floats) -> Floats:
    """Return vectors (K, n) centred and of length 1; constant ones as zeros, so that their r is 0 as in A19."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    centred[is_constant(vectors)] = 0
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0)


def correlations(a: NDArray, b: NDArray) -> Floats:
    """Return Pearson's r (K, K) of all kernels of two layers (K, ...), (K, ...)."""
    return np.clip(standardised(flattened(a)) @ standardised(flattened(b)).T, -1, 1)


def index(r: Floats) -> Matched:
    """Match each kernel with the one of the same number."""
    return Matched(np.diagonal(r).copy(), np.arange(len(r)))


def greedy(r: Floats) -> Matched:
    """Match kernels one after another with the most similar kernel that is left, as A19's code does.

    The first of equals is taken. If no kernel that is left has a positive r, the kernel has no match and an r of 0.
    """
    left = r.copy()
    found, order = np.zeros(len(r)), np.full(len(r), -1)
    for kernel, row in enumerate(left):
        match = int(np.argmax(row))
        if row[match] > 0:
            found[kernel], order[kernel] = row[match], match
            left[:, match] = -np.inf
    return Matched(found, order)


def optimal(r: Floats) -> Matched:
    """Match kernels so that their mean r is largest."""
    rows, columns = linear_sum_assignment(r, maximize=True)
    return Matched(r[rows, columns], np.asarray(columns, dtype=np.int64))


def whole_layer(a: NDArray, b: NDArray, order: NDArray[np.int64]) -> float:
    """Return Pearson's r of all weights of two layers, the kernels of b in the order of their matches.

    NaN if a kernel has no match, or the weights of a layer are constant.
    """
    if (order < 0).any():
        return float("nan")
    first, second = (standardised(flattened(each).reshape(1, -1)) for each in (a, np.asarray(b)[order]))
    return float((first @ second.T).item()) if first.any() and second.any() else float("nan")


SINGLE: dict[str, Callable[[Floats], Matched]] = {"index": index, "greedy": greedy, "optimal": optimal}
"""Matchings that take each layer by itself."""

PROPAGATED = "propagated"


@dataclass(frozen=True)
class Chance:
    """Chance level of a statistic: its mean and 97.5 % quantile for random kernels."""

    mean: float
    high: float


def similarities(r: Floats, matching: str, matched: Matched | None = None) -> tuple[float, float, float]:
    """Return the similarity of a layer by one matching: mean of both directions, from a to b, and from b to a.

    Only greedy matching differs between the directions.

    Parameters
    ----------
    matched
        The matching from a to b, if it is known.
    """
    forth = (matched or SINGLE[matching](r)).similarity
    back = SINGLE[matching](r.T).similarity if matching == "greedy" else forth
    return (forth + back) / 2, forth, back


def chance_values(shapes: dict[str, tuple[int, ...]], draws: int, seed: int) -> dict[str, Floats]:
    """Return the similarity (draws, layers) of pairs of layers with Gaussian kernels of the same shapes.

    All matchings of `SINGLE` match the same draws.
    """
    values = {matching: np.empty((draws, len(shapes))) for matching in SINGLE}
    for number in range(draws):
        a, b = gaussian_kernels(shapes, seed, number)
        for place, layer in enumerate(shapes):
            r = correlations(a[layer], b[layer])
            for matching, found in values.items():
                found[number, place] = similarities(r, matching)[0]
    return values


def gaussian_kernels(shapes: dict[str, tuple[int, ...]], seed: int, draw: int) -> tuple[dict[str, Floats], ...]:
    """Draw two networks of Gaussian kernels by layer."""
    drawing = [generator(seed, "kernels/chance", draw, attempt=network) for network in range(2)]
    return tuple({layer: random.standard_normal(shape) for layer, shape in shapes.items()} for random in drawing)


def quantile_chance(values: Floats) -> Chance:
    """Return the chance level from many draws (draws,)."""
    return Chance(float(values.mean()), float(np.quantile(values, UPPER_QUANTILE)))


def normal_chance(values: Floats) -> Chance:
    """Return the chance level from few draws (draws,): mean and mean + 1.96 SD."""
    return Chance(float(values.mean()), float(values.mean() + 1.96 * values.std(ddof=1)))
