"""Networks between a trained network and the same one trained further: some kernels of either (methods 11)."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyseeds.kernels.similarity import correlations
from manyseeds.kernels.variants import BIAS, WEIGHT, Weights, convolutions
from manyseeds.streams import generator

SIMILARITY, RANDOM = "similarity", "random"
"""Orders in which kernels are copied: the least similar ones first, or at random."""


class Merged(NamedTuple):
    """Weights of a parent into which some kernels were copied, and how these were chosen."""

    keys: dict[str, Any]
    weights: Weights


def kernels_by_similarity(parent: Weights, tuned: Weights) -> list[tuple[str, int]]:
    """Return all kernels, by layer and number, by their correlation with the parent's, the lowest first."""
    found = [
        (r, layer, kernel)
        for layer in convolutions(parent)
        for kernel, r in enumerate(np.diagonal(correlations(parent[layer + WEIGHT], tuned[layer + WEIGHT])))
    ]
    return [(layer, kernel) for _, layer, kernel in sorted(found, key=lambda each: each[0])]


def merge(parent: Weights, tuned: Weights, chosen: Sequence[tuple[str, int]]) -> dict[str, NDArray]:
    """Return the parent's weights with some kernels of the other network, and their biases."""
    weights = {name: np.array(array) for name, array in parent.items()}
    for layer, kernel in chosen:
        for name in (layer + WEIGHT, layer + BIAS):
            if name in weights:
                weights[name][kernel] = tuned[name][kernel]
    return weights


def all_merged(
    parent: Weights, tuned: Weights, fractions: Sequence[float], draws: int, *, root_seed: int, seed: int
) -> Iterator[Merged]:
    """Yield networks with growing fractions of kernels copied, by similarity and by several random orders.

    Parameters
    ----------
    draws
        Number of random orders, for fractions between 0 and 1.
    root_seed, seed
        `kernels.seed` of the config, and the seed of the instance.
    """
    by_similarity = kernels_by_similarity(parent, tuned)
    orders = [
        generator(root_seed, "kernels/merge", seed, attempt=draw).permutation(len(by_similarity))
        for draw in range(draws)
    ]
    for fraction in fractions:
        number = round(fraction * len(by_similarity))
        keys = {"fraction": fraction, "n_kernels": number}
        yield Merged(keys | {"order": SIMILARITY, "draw": None}, merge(parent, tuned, by_similarity[:number]))
        for draw, order in enumerate(orders if 0 < number < len(by_similarity) else ()):
            chosen = [by_similarity[place] for place in order[:number]]
            yield Merged(keys | {"order": RANDOM, "draw": draw}, merge(parent, tuned, chosen))
