"""Presets of analysed layers: the blocks of known families of networks, or all weighted layers but shortcuts.

Layers are modules, named by their paths. The families are those of torchvision and timm, whose modules differ in names.
"""

import re
from collections.abc import Mapping

from torch import nn

from manyseeds.errors import StudyError
from manyseeds.study.architectures import BLOCKS, NAMED_LAYERS, NO_SHORTCUTS, TIMM

WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear)
"""Convolutions and linear layers. They are analysed if a network does not name its layers, and `he_normal` draws them.
All other parameters (scales and shifts of normalisations, embeddings ...) are initialised by their modules.
"""

Modules = Mapping[str, nn.Module]
"""The modules of a network by path, in order."""

FAMILIES: dict[str, tuple[str, ...]] = {
    # The stem after its pooling, residual blocks after their last ReLU, and the readout.
    "resnet": (r"maxpool", r"layer\d+\.\d+", r"fc"),
    "resnext": (r"maxpool", r"layer\d+\.\d+", r"fc"),
    "wide_resnet": (r"maxpool", r"layer\d+\.\d+", r"fc"),
    "seresnet": (r"maxpool", r"layer\d+\.\d+", r"fc"),
    "regnet": (r"stem", r"trunk_output\.block\d+\.block\d+-\d+", r"s\d+\.b\d+", r"(head\.)?fc"),
    # Poolings end the blocks of a VGG; linear layers follow.
    "vgg": (r"features\.\d+:MaxPool2d", r"classifier\.\d+:Linear", r"pre_logits\.fc\d", r"head\.fc"),
    "densenet": (r"features\.pool0", r"features\.(denseblock|transition)\d+", r"classifier"),
    "squeezenet": (r"features\.\d+:Fire", r"classifier\.1"),
    "shufflenet": (r"maxpool", r"stage\d+\.\d+", r"conv5", r"fc"),
    "googlenet": (r"maxpool[12]", r"inception\d\w", r"fc"),
    "inception_v3": (r"maxpool[12]", r"Pool[12]", r"Mixed_\d\w", r"fc"),
    "mobilenet": (r"features\.\d+", r"bn[12]", r"blocks\.\d+\.\d+", r"classifier(\.\d+)?:Linear"),
    "efficientnet": (
        r"features\.\d+:Conv2dNormActivation",
        r"features\.\d+\.\d+:\w*MBConv",
        r"bn[12]",
        r"blocks\.\d+\.\d+",
        r"classifier(\.\d+)?:Linear",
    ),
    "convnext": (
        r"features\.0",
        r"features\.\d+\.\d+:CNBlock",
        r"stem",
        r"stages\.\d+\.blocks\.\d+",
        r"classifier\.2",
        r"head\.fc",
    ),
    "vit": (r"encoder\.layers\.encoder_layer_\d+", r"blocks\.\d+", r"heads\.head", r"head"),
    "deit": (r"blocks\.\d+", r"head"),
    "mixer": (r"blocks\.\d+", r"head"),
    "swin": (r"features\.\d+\.\d+:SwinTransformerBlock\w*", r"layers\.\d+\.blocks\.\d+", r"head(\.fc)?:Linear"),
}
"""Patterns of the blocks of each family, by the beginning of its networks' names. Each is a path, or path:class."""

SHORTCUT = re.compile(r"(^|\.)(downsample|shortcut)(\.|$)|(^|\.)block\d+-\d+\.proj\.")
"""Paths of modules within shortcuts: of residual networks, and of torchvision's RegNets."""


def find(preset: str, architecture: str, modules: Modules) -> dict[str, nn.Module]:
    """Return the analysed modules of a preset, by path, in the order in which the network declares them.

    Parameters
    ----------
    preset
        `blocks` (see `FAMILIES`) or `no_shortcuts`: all convolutions and linear layers outside shortcuts.
    architecture
        The network's name in the config; it tells the family.
    modules
        All modules of the network by path.

    Raises
    ------
    StudyError
        If the family is not known, or the network has no such module.
    """
    found: dict[str, nn.Module]
    if preset == NO_SHORTCUTS:
        found = {
            path: each for path, each in modules.items() if isinstance(each, WEIGHTED) and not SHORTCUT.search(path)
        }
    elif architecture in NAMED_LAYERS:
        found = {name: modules[path] for name, path in NAMED_LAYERS[architecture].items()}
    else:
        patterns = [re.compile(pattern) for pattern in _family(architecture)]
        found = {
            path: each for path, each in modules.items() if any(_fits(pattern, path, each) for pattern in patterns)
        }
    if not found:
        raise StudyError(
            f"networks: {architecture} has none of the layers of the preset {preset}; list in `layers` the modules to "
            f"analyse, out of {', '.join(modules)}."
        )
    return found


def _fits(pattern: re.Pattern, path: str, module: nn.Module) -> bool:
    return pattern.fullmatch(f"{path}:{type(module).__name__}" if ":" in pattern.pattern else path) is not None


def _family(architecture: str) -> tuple[str, ...]:
    """Return the patterns of a network's family: the one with the longest name that begins its name."""
    name = architecture.removeprefix(TIMM)
    families = [family for family in FAMILIES if name.startswith(family)]
    if not families:
        raise StudyError(
            f"networks: the preset {BLOCKS} does not know the blocks of {architecture}; it knows the families "
            f"{', '.join(FAMILIES)} of torchvision and timm. List the modules to analyse in `layers`."
        )
    return FAMILIES[max(families, key=len)]
