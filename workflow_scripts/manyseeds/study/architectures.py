"""What is known of architectures before any is built: the layers of the All-CNNs, and names of layers.

Read while the Snakefile is parsed: nothing but the standard library is imported. Sources: All-CNN-C from Springenberg
et al. (2014), table 1, with the choices of methods 3. All-CNN-7 is named but not specified in the published
text of Mehrer et al. (2020): the seven layers here are our own, of the same family.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Convolution:
    """One convolution of an All-CNN: square kernel, zero padding on both sides, followed by a ReLU."""

    name: str
    kernel: int
    channels: int
    stride: int = 1
    padding: int = 0

    def scaled(self, width: float) -> int:
        """Return the number of output channels of a network of relative `width` (at least one)."""
        return max(1, round(self.channels * width))


ALL_CNNS: dict[str, tuple[Convolution, ...]] = {
    "all_cnn_c": (
        Convolution("conv1", 3, 96, padding=1),
        Convolution("conv2", 3, 96, padding=1),
        Convolution("conv3", 3, 96, stride=2, padding=1),
        Convolution("conv4", 3, 192, padding=1),
        Convolution("conv5", 3, 192, padding=1),
        Convolution("conv6", 3, 192, stride=2, padding=1),
        Convolution("conv7", 3, 192),
        Convolution("conv8", 1, 192),
    ),
    "all_cnn_7": (
        Convolution("conv1", 3, 96, padding=1),
        Convolution("conv2", 3, 96, stride=2, padding=1),
        Convolution("conv3", 3, 192, padding=1),
        Convolution("conv4", 3, 192, stride=2, padding=1),
        Convolution("conv5", 3, 192),
        Convolution("conv6", 1, 192),
    ),
}
"""Hidden convolutions by architecture; a 1 x 1 convolution to the categories and a global average follow.

The padding of the last one with a 3 x 3 kernel, of which a 1 x 1 convolution follows, is a choice of each network's.
"""

NAMED_LAYERS: dict[str, dict[str, str]] = {
    # torchvision's: a ReLU is a module of its own, and its output that of the layer.
    "alexnet": {
        "conv1": "features.1",
        "conv2": "features.4",
        "conv3": "features.7",
        "conv4": "features.9",
        "conv5": "features.11",
        "fc6": "classifier.2",
        "fc7": "classifier.5",
        "fc8": "classifier.6",
    }
}
"""Analysed layers by architecture where their modules have other names: name of the layer -> path of its module."""

NAMED_IN = {
    "trajectory": "in trajectory.networks",
    "dropout": "in dropout.networks, and in the conditions' own `networks`,",
}
"""Where a config names the networks of an analysis that is confined to layers."""


def readout_name(architecture: str) -> str:
    """Return the name of the readout of an All-CNN, its last convolution."""
    return f"conv{len(ALL_CNNS[architecture]) + 1}"


def module_names(architecture: str) -> tuple[str, ...] | None:
    """Return the names of the modules of an architecture, where it is one of the All-CNNs; None: only torch knows."""
    if architecture not in ALL_CNNS:
        return None
    return (*(layer.name for layer in ALL_CNNS[architecture]), readout_name(architecture))


def layer_names(entry: Mapping) -> tuple[str, ...] | None:
    """Return the names of the layers that an entry of the config's `networks` has analysed; None: only torch knows."""
    if entry["layers"] is not None:
        return tuple(entry["layers"])
    if entry["architecture"] in NAMED_LAYERS:
        return tuple(NAMED_LAYERS[entry["architecture"]])
    return module_names(entry["architecture"])
