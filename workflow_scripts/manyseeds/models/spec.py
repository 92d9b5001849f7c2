"""Networks as a study specifies them, and the shapes of All-CNNs.

Torch is not imported; `build` makes modules.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyseeds.study.architectures import ALL_CNNS, LATER_KEYS, NAMED_LAYERS, Convolution, readout_name

Weights = Mapping[str, NDArray[np.float32]]
"""Parameters and buffers by name."""


PADDING = {"valid": 0, "same": 1}
"""Zeros added on each side of the maps of a 3 x 3 convolution, by value of `last_3x3`."""


@dataclass(frozen=True)
class Network:
    """One architecture as a study specifies it (an entry of the config's `networks`)."""

    architecture: str
    width: float = 1.0
    readout_relu: bool = True
    last_3x3: str = "valid"
    initialisation: str = "he_normal"
    layers: tuple[str, ...] | Mapping[str, str] | str | None = None
    outputs: int | None = None
    kwargs: Mapping[str, Any] | None = None
    weights: str | None = None

    @classmethod
    def from_config(cls, entry: Mapping) -> "Network":
        """Build from one entry of the config's `networks`; its `name` does not affect the network."""
        layers = entry.get("layers")  # absent if only the weights matter
        if layers is not None and not isinstance(layers, str):
            layers = dict(layers) if isinstance(layers, Mapping) else tuple(layers)
        return cls(
            architecture=entry["architecture"],
            width=float(entry["width"]),
            readout_relu=bool(entry["readout_relu"]),
            last_3x3=entry["last_3x3"],
            initialisation=entry["initialisation"],
            layers=layers,
            outputs=entry.get("outputs"),
            kwargs=entry.get("kwargs"),
            weights=entry.get("weights"),
        )

    @property
    def named_layers(self) -> dict[str, str] | None:
        """Name of each analysed layer -> path of the module whose output it is.

        None if only the built module tells: no layer is named, or a preset is (`layer_presets`).
        """
        if self.layers is None:
            return NAMED_LAYERS.get(self.architecture)
        if isinstance(self.layers, str):
            return None
        return dict(self.layers) if isinstance(self.layers, Mapping) else {path: path for path in self.layers}

    def n_outputs(self, n_categories: int) -> int:
        """Return the number of outputs: its own, or one for each of the data's categories."""
        return n_categories if self.outputs is None else self.outputs

    @property
    def values(self) -> dict[str, Any]:
        """The settings as plain values, without later keys that are not set: digests and files stay as they were."""
        return {key: value for key, value in asdict(self).items() if key not in LATER_KEYS or value is not None}


def to_metadata(network: Network, image_shape: Sequence[int], n_categories: int) -> dict[str, str]:
    """Return the metadata from which the network of a weights file can be built again.

    Parameters
    ----------
    image_shape
        Height, width and channels of an image.
    """
    shapes = {"image_shape": [int(size) for size in image_shape], "n_categories": n_categories}
    return {"network": json.dumps(network.values | shapes, sort_keys=True)}


def from_metadata(metadata: Mapping[str, str]) -> tuple[Network, tuple[int, int, int], int]:
    """Return the network, image shape and number of categories that `to_metadata` recorded."""
    values = json.loads(metadata["network"])
    height, width, channels = values.pop("image_shape")
    n_categories = values.pop("n_categories")
    return Network.from_config(values), (height, width, channels), n_categories


def convolutions(network: Network, n_categories: int) -> list[tuple[Convolution, int]]:
    """Return the layers of an All-CNN with their numbers of output channels, the 1 x 1 readout last.

    `width` scales the hidden layers, never the readout, which has one channel for each category. With `last_3x3`, the
    last 3 x 3 convolution is ``valid`` (8 x 8 maps become 6 x 6) or keeps the ``same`` size.
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
