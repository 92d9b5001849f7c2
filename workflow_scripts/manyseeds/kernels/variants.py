"""Variants of a network: other weights made from its own, without training (methods 11)."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from manyseeds.kernels import matching
from manyseeds.kernels.similarity import flattened
from manyseeds.streams import generator

Weights = Mapping[str, NDArray]
"""Parameters and buffers by name."""

WEIGHT, BIAS = ".weight", ".bias"


def convolutions(weights: Weights) -> list[str]:
    """Return the layers of a network that are convolutions over images, in natural order of their names."""
    names = [name.removesuffix(WEIGHT) for name, array in weights.items() if name.endswith(WEIGHT) and array.ndim == 4]
    return sorted(names, key=_natural)


def _natural(name: str) -> list[tuple[int, int | str]]:
    """Return a key by which conv2 comes before conv10, and numbers before words."""
    parts = "".join(sign if sign.isdigit() else f"\0{sign}\0" for sign in name).split("\0")
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def kernels_of(weights: Weights, layers: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the kernels (out, in, height, width) of some layers in float64."""
    return {layer: np.asarray(weights[layer + WEIGHT], dtype=np.float64) for layer in layers}


def chain(weights: Weights, layers: Sequence[str]) -> list[matching.Layer]:
    """Return convolutions that follow each other as a chain with their biases."""
    kernels = kernels_of(weights, layers)
    nothing = np.zeros(0)
    return [
        matching.Layer(kernels[layer], np.asarray(weights.get(layer + BIAS, nothing), dtype=np.float64))
        for layer in layers
    ]


def _with_layers(weights: Weights, layers: Sequence[str], changed: Sequence[matching.Layer]) -> dict[str, NDArray]:
    """Return weights in which some layers are replaced; biases only where there are any."""
    found = dict(weights)
    for name, layer in zip(layers, changed, strict=True):
        found[name + WEIGHT] = layer.kernels
        if name + BIAS in weights:
            found[name + BIAS] = layer.biases
    return found


def noisy(weights: Weights, r: float, *, root_seed: int, seed: int) -> dict[str, NDArray]:
    """Return weights whose kernels have Gaussian noise, so that their expected correlation with the old ones is r.

    Parameters
    ----------
    root_seed, seed
        `kernels.seed` of the config, and the seed of the instance.
    """
    random = generator(root_seed, f"kernels/noise/{r:g}", seed)
    found = dict(weights)
    for layer in convolutions(weights):
        kernels = np.asarray(weights[layer + WEIGHT], dtype=np.float64)
        spread = flattened(kernels).std(axis=1).reshape(-1, 1, 1, 1)
        found[layer + WEIGHT] = kernels + random.standard_normal(kernels.shape) * spread * np.sqrt(1 / r**2 - 1)
    return found


def rescaled(
    weights: Weights, spread: float, hidden: Sequence[str], *, root_seed: int, seed: int
) -> dict[str, NDArray]:
    """Return weights whose hidden kernels are multiplied by factors exp(spread N(0, 1)); biases are kept.

    The correlation of each kernel with the old one is 1, and the function is another one.
    """
    random = generator(root_seed, f"kernels/rescale/{spread:g}", seed)
    found = dict(weights)
    for layer in hidden:
        kernels = np.asarray(weights[layer + WEIGHT], dtype=np.float64)
        factors = np.exp(spread * random.standard_normal(len(kernels)))
        found[layer + WEIGHT] = kernels * factors.reshape(-1, 1, 1, 1)
    return found


def permuted(weights: Weights, layers: Sequence[str], *, root_seed: int, seed: int) -> dict[str, NDArray]:
    """Return the weights of the same function with its hidden channels in random order.

    Parameters
    ----------
    layers
        All layers of the network, of which each takes the outputs of the one before.
    """
    before = chain(weights, layers)
    orders = matching.random_orders(before, generator(root_seed, "kernels/permuted", seed))
    return _with_layers(weights, layers, matching.permute(before, orders))
