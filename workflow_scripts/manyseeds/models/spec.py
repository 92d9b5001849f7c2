"""Networks as a study asks for them, and the shapes of All-CNNs. Free of torch; `build` makes modules of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from manyseeds.study.architectures import ALL_CNNS, NAMED_LAYERS, Convolution, readout_name

Weights = Mapping[str, NDArray[np.float32]]
"""Parameters and buffers by name."""


PADDING = {"valid": 0, "same": 1}
"""Zeros on each side of maps that a 3 x 3 kernel goes over, by what becomes of their size."""


@dataclass(frozen=True)
class Network:
    """One architecture as a study asks for it (an entry of the config's `networks`)."""

    architecture: str
    width: float = 1.0
    readout_relu: bool = True
    last_3x3: str = "valid"
    initialisation: str = "he_normal"
    layers: tuple[str, ...] | Mapping[str, str] | None = None

    @classmethod
    def from_config(cls, entry: Mapping) -> "Network":
        """Build from one entry of the config's `networks`; its `name` plays no part in what the network is."""
        layers = entry.get("layers")  # absent where only the weights matter
        if layers is not None:
            layers = dict(layers) if isinstance(layers, Mapping) else tuple(layers)
        return cls(
            architecture=entry["architecture"],
            width=float(entry["width"]),
            readout_relu=bool(entry["readout_relu"]),
            last_3x3=entry["last_3x3"],
            initialisation=entry["initialisation"],
            layers=layers,
        )

    @property
    def named_layers(self) -> dict[str, str] | None:
        """Name of each analysed layer -> path of the module whose output it is; None: nothing says which."""
        if self.layers is None:
            return NAMED_LAYERS.get(self.architecture)
        return dict(self.layers) if isinstance(self.layers, Mapping) else {path: path for path in self.layers}


def convolutions(network: Network, n_categories: int) -> list[tuple[Convolution, int]]:
    """Return the layers of an All-CNN with their numbers of output channels, the 1 x 1 readout last.

    `width` scales the hidden layers, never the readout, which has one channel for each category. `last_3x3` says
    whether the last convolution with a 3 x 3 kernel is ``valid`` (8 x 8 maps become 6 x 6) or keeps the ``same`` size.
    """
    *hidden, last_3x3, one_by_one = ALL_CNNS[network.architecture]
    hidden += [replace(last_3x3, padding=PADDING[network.last_3x3]), one_by_one]
    readout = Convolution(readout_name(network.architecture), 1, n_categories)
    return [(layer, layer.scaled(network.width)) for layer in hidden] + [(readout, n_categories)]


def all_cnn_shapes(network: Network, in_channels: int, n_categories: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of an All-CNN: weights [out, in, kernel, kernel], biases [out]."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, out_channels in convolutions(network, n_categories):
        shapes[f"{layer.name}.weight"] = (out_channels, in_channels, layer.kernel, layer.kernel)
        shapes[f"{layer.name}.bias"] = (out_channels,)
        in_channels = out_channels
    return shapes
