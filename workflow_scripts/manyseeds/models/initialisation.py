"""Initial weights, drawn with numpy so that they are the same on every device."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyseeds import streams
from manyseeds.models.spec import Network, all_cnn_shapes
from manyseeds.study.architectures import ALL_CNNS


def he_normal(
    shapes: Mapping[str, Iterable[int]], *, root_seed: int, seed: int, attempt: int = 0, purpose: str = "init"
) -> dict[str, NDArray[np.float32]]:
    """Draw He-normal weights (He et al., 2015: SD = sqrt(2 / fan-in), untruncated) and zero biases.

    They are drawn with numpy in the order of `shapes`, so they are the same on every device. Parameters with one axis
    are taken for biases and set to zero.

    Parameters
    ----------
    root_seed, seed, attempt, purpose
        Address of the stream; `purpose` is its name.

    Returns
    -------
    dict
        Float32 arrays by parameter name.
    """
    draw = streams.generator(root_seed, purpose, seed, attempt=attempt)
    weights = {}
    for name, shape in shapes.items():
        shape = tuple(shape)
        if len(shape) < 2:
            weights[name] = np.zeros(shape, dtype=np.float32)
        else:
            deviation = np.sqrt(2.0 / np.prod(shape[1:]))
            weights[name] = (draw.standard_normal(shape) * deviation).astype(np.float32)
    return weights


def initial_weights(
    network: Network,
    image_shape: tuple[int, int, int],
    n_categories: int,
    *,
    root_seed: int,
    seed: int,
    attempt: int = 0,
) -> dict[str, NDArray]:
    """Return the initial weights of one instance: parameters and buffers by name.

    They are drawn, or taken from elsewhere as far as they fit (`starting_weights`).

    Parameters
    ----------
    image_shape
        Height, width and number of channels of an input image.
    root_seed, seed, attempt
        The study's `seed`, the seed of the instance's `init` stream, and the attempt (0 unless a collapsed run is
        redrawn).
    """
    if network.architecture in ALL_CNNS and network.initialisation == "he_normal":
        shapes = all_cnn_shapes(network, image_shape[2], n_categories)
        drawn = he_normal(shapes, root_seed=root_seed, seed=seed, attempt=attempt)
    else:
        drawn = _of_any_network(network, image_shape, n_categories, root_seed=root_seed, seed=seed, attempt=attempt)
    if network.weights is None:
        return drawn
    from manyseeds.models import starting_weights  # imports torch

    return starting_weights.placed(drawn, network, seed, image_shape, n_categories)


def drawn_again(
    network: Network, image_shape: tuple[int, int, int], n_categories: int, *, draw: Mapping[str, Any], attempt: int
) -> dict[str, NDArray]:
    """Return the weights with which an attempt of a training began.

    Parameters
    ----------
    draw
        The study's `seed` (`root_seed`), the seed of the instance's `init` stream (`seed`), and whether the condition
        varies this stream (`varies`). If not, all attempts begin with the same weights.
    attempt
        Number of the attempt, from 0.
    """
    address = {"root_seed": draw["root_seed"], "seed": draw["seed"], "attempt": attempt if draw["varies"] else 0}
    return initial_weights(network, image_shape, n_categories, **address)


def _of_any_network(
    network: Network,
    image_shape: tuple[int, int, int],
    n_categories: int,
    *,
    root_seed: int,
    seed: int,
    attempt: int,
) -> dict[str, NDArray]:
    """Return the initial state of one instance of a network that only torch knows.

    `he_normal` draws the weights of convolutions and linear layers with numpy, so they are the same on every device.
    The module's own code initialises everything else, and with `own` these weights too. It draws from torch, numpy or
    `random`, whose seeds are taken from the same stream.
    """
    # These import torch, which takes seconds; jobs for All-CNNs do not need it.
    from manyseeds.models.build import build
    from manyseeds.models.layer_presets import WEIGHTED
    from manyseeds.models.seeding import seeded

    with seeded(streams.torch_seed(root_seed, "init", seed, attempt=attempt)):
        module = build(network, image_shape, n_categories)
    state = {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}
    if network.initialisation == "he_normal":
        drawn = {name for name, child in module.named_modules() if isinstance(child, WEIGHTED)}
        shapes = {
            name: tuple(parameter.shape)
            for name, parameter in module.named_parameters()
            if name.rpartition(".")[0] in drawn
        }
        state |= he_normal(shapes, root_seed=root_seed, seed=seed, attempt=attempt)
    return state
