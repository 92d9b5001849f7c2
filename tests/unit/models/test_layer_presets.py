"""Presets of layers, on networks of torchvision and timm whose numbers of blocks and weighted layers are published."""

import re

import pytest
import torch
from libraries import timm
from torch import nn

from manyseeds.errors import StudyError
from manyseeds.models import layer_presets
from manyseeds.models.torchvision_import import import_models

TIMM = "timm:"

# A ResNet-n has n weighted layers on its main path: a stem, two or three in each block, and a readout.
RESNETS = {"resnet18": 8, "resnet34": 16, "resnet50": 16, "timm:resnet18": 8, "timm:resnext50_32x4d": 16}
BLOCKS = {architecture: n + 2 for architecture, n in RESNETS.items()} | {
    "alexnet": 8,
    "vgg11": 5 + 3,
    "densenet121": 1 + 4 + 3 + 1,
    "squeezenet1_1": 8 + 1,
    "shufflenet_v2_x1_0": 1 + 4 + 8 + 4 + 2,
    "googlenet": 2 + 9 + 1,
    "inception_v3": 2 + 11 + 1,
    "mobilenet_v2": 1 + 17 + 1 + 1,
    "mobilenet_v3_small": 1 + 11 + 1 + 2,
    "efficientnet_b0": 1 + 16 + 1 + 1,
    "convnext_tiny": 1 + 18 + 1,
    "vit_b_16": 12 + 1,
    "swin_t": 12 + 1,
    "timm:vgg11": 5 + 2 + 1,
    "timm:densenet121": 1 + 4 + 3 + 1,
    "timm:inception_v3": 2 + 11 + 1,
    "timm:mobilenetv2_100": 1 + 17 + 1 + 1,
    "timm:efficientnet_b0": 1 + 16 + 1 + 1,
    "timm:convnext_tiny": 1 + 18 + 1,
    "timm:regnety_004": 1 + 16 + 1,
    "timm:vit_tiny_patch16_224": 12 + 1,
    "timm:deit_tiny_patch16_224": 12 + 1,
    "timm:mixer_s32_224": 8 + 1,
    "timm:swin_tiny_patch4_window7_224": 12 + 1,
}


def modules(architecture: str) -> dict[str, nn.Module]:
    """The modules of a network without weights, which would take memory and time."""
    models, name = import_models(), architecture.removeprefix(TIMM)
    with torch.device("meta"):
        if architecture.startswith(TIMM):
            network = timm().create_model(name, num_classes=10)
        else:
            network = getattr(models, name)(num_classes=10)
    return {path: each for path, each in network.named_modules() if path}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torchvision, about weights that it does not draw here
@pytest.mark.parametrize("architecture", BLOCKS)
def test_blocks_of_each_family(architecture):
    found = layer_presets.find("blocks", architecture, modules(architecture))
    assert len(found) == BLOCKS[architecture], list(found)
    readout = list(found.values())[-1]
    assert isinstance(readout, (nn.Linear, nn.Conv2d))
    assert 10 in (getattr(readout, "out_features", None), getattr(readout, "out_channels", None))


def test_blocks_do_not_overlap():
    """A block within another one would count its units twice."""
    for architecture in ("resnet50", "efficientnet_b0", "swin_t", "densenet121"):
        paths = list(layer_presets.find("blocks", architecture, modules(architecture)))
        assert not [(a, b) for a in paths for b in paths if b.startswith(f"{a}.")], architecture


@pytest.mark.parametrize(("architecture", "n"), [(name, int(re.findall(r"\d+", name)[0])) for name in RESNETS])
def test_without_shortcuts_a_resnet_has_as_many_layers_as_its_name_says(architecture, n):
    found = layer_presets.find("no_shortcuts", architecture, modules(architecture))
    assert len(found) == n, list(found)
    weighted = [each for each in modules(architecture).values() if isinstance(each, (nn.Conv2d, nn.Linear))]
    assert len(weighted) > n  # with its shortcuts


def test_a_transformer_keeps_its_projections_without_shortcuts():
    found = layer_presets.find("no_shortcuts", "timm:vit_tiny_patch16_224", modules("timm:vit_tiny_patch16_224"))
    assert "blocks.0.attn.proj" in found
    assert "patch_embed.proj" in found


def test_other_families_are_refused():
    with pytest.raises(StudyError, match=r"does not know the blocks of my\.Net; it knows the families resnet, "):
        layer_presets.find("blocks", "my.Net", {"fc": nn.Linear(2, 2)})
    with pytest.raises(StudyError, match=r"resnet18 has none of the layers of the preset blocks; .* out of head\."):
        layer_presets.find("blocks", "resnet18", {"head": nn.Identity()})
