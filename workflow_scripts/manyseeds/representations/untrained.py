"""Geometries of layers, of networks before training among others (methods 8).

Activations are held in memory, a few layers at a time, and are not written.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from manyseeds.representations.activations import collect
from manyseeds.representations.geometry import Geometry, measure_geometry

VALUES_AT_ONCE = 2**28
"""Number of activations held at once, 1 GiB in float32, unless one layer has more."""


def measure_layers(
    module: nn.Module,
    layers: Mapping[str, nn.Module],
    stimuli: NDArray[np.float32],
    *,
    device: torch.device,
    name: str,
    is_collapsed: bool = False,
    values_at_once: int = VALUES_AT_ONCE,
) -> dict[str, Geometry]:
    """Return the geometries of layers without writing their activations.

    The stimuli pass through the network once for each set of layers that is held together.

    Parameters
    ----------
    layers
        The analysed modules by layer name, in order.
    stimuli
        Preprocessed images [n, height, width, channels].
    name
        Name of the network in errors.
    is_collapsed
        As in `geometry.measure_geometry`.
    values_at_once
        Largest number of activations of a set of several layers.
    """
    units = {layer: array.shape[1] for layer, array in collect(module, layers, stimuli[:1], device).items()}
    geometries = {}
    for chosen in sets_of_layers(units, values_at_once // max(1, len(stimuli))):
        activations = collect(module, {layer: layers[layer] for layer in chosen}, stimuli, device)
        for layer in chosen:
            where = f"{name}, {layer}"
            geometries[layer] = measure_geometry(activations.pop(layer), name=where, is_collapsed=is_collapsed)
    return geometries


def sets_of_layers(units: Mapping[str, int], most: int) -> Iterator[list[str]]:
    """Yield sets of consecutive layers with at most `most` units together; a larger layer is alone."""
    chosen: list[str] = []
    for layer, n_units in units.items():
        if chosen and sum(units[each] for each in chosen) + n_units > most:
            yield chosen
            chosen = []
        chosen.append(layer)
    if chosen:
        yield chosen
