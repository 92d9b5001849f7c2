"""Architectures before they are built: the layers of the All-CNNs, and the names of layers.

Read while the Snakefile is parsed, so only the standard library is imported. All-CNN-C is from Springenberg et al.
(2014), table 1, with the choices of methods 3. Mehrer et al. (2020) name All-CNN-7 but do not specify it. Its seven
layers here are our own choice, of the same family.
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
        """Return the number of output channels at a relative `width`, at least one."""
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
"""Hidden convolutions by architecture. A 1 x 1 convolution to the categories and a global average follow.

Each network sets the padding of its last 3 x 3 convolution itself (`last_3x3`).
"""

NAMED_LAYERS: dict[str, dict[str, str]] = {
    # torchvision's ReLUs are modules of their own; the output of a layer is that of its ReLU.
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
"""Analysed layers whose modules have other names, by architecture: name of the layer -> path of its module."""

BLOCKS, NO_SHORTCUTS = "blocks", "no_shortcuts"
"""Presets of analysed layers, which only a built network can resolve (`models.layer_presets`)."""

LATER_KEYS = ("outputs", "kwargs", "weights")
"""Keys of the config's `networks` that earlier versions did not have."""

TIMM = "timm:"
"""Beginning of the architecture of a network of timm; its name there follows."""

DEFAULT = "default"
"""Value of the config's `networks[].weights`: the weights that torchvision or timm has for the network."""

RESERVED = ("num_classes", "n_categories", "weights", "checkpoint_path", "cache_dir", "scriptable", "exportable")
"""Arguments of constructors that a config may not set, besides those that begin with ``pretrained``.

The number of outputs has a key of its own, and weights are read in one place.
"""

STREAMS = ("init", "order", "augment", "dropout")
"""The four streams of a training; a condition's `vary` names the streams that follow the instance's seed."""

NAMED_IN = {
    "trajectory": "in trajectory.networks",
    "dropout": "in dropout.networks, and in the conditions' own `networks`,",
}
"""Keys of a config that name the networks of an analysis restricted to some layers."""


def readout_name(architecture: str) -> str:
    """Return the name of the readout of an All-CNN, its last convolution."""
    return f"conv{len(ALL_CNNS[architecture]) + 1}"


def module_names(architecture: str) -> tuple[str, ...] | None:
    """Return the names of an All-CNN's modules, or None for another architecture: only torch knows."""
    if architecture not in ALL_CNNS:
        return None
    return (*(layer.name for layer in ALL_CNNS[architecture]), readout_name(architecture))


def used_streams(architecture: str, *, augmentation: str, dropout: float) -> tuple[str, ...]:
    """Return the random streams from which a training draws.

    Networks that are no All-CNNs may have dropout of their own, so their dropout stream counts as used.
    """
    used = {
        "init": True,
        "order": True,
        "augment": augmentation != "none",
        "dropout": dropout > 0 or module_names(architecture) is None,
    }
    return tuple(stream for stream in STREAMS if used[stream])


def layer_names(entry: Mapping) -> tuple[str, ...] | None:
    """Return the analysed layers of an entry of the config's `networks`, or None if only torch knows."""
    if isinstance(entry["layers"], str):
        return None
    if entry["layers"] is not None:
        return tuple(entry["layers"])
    if entry["architecture"] in NAMED_LAYERS:
        return tuple(NAMED_LAYERS[entry["architecture"]])
    return module_names(entry["architecture"])
