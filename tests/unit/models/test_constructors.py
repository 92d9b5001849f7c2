"""Networks of timm, arguments of constructors, and outputs that are not the data's categories."""

import sys

import pytest
import torch
from libraries import timm
from torch import nn

from manyseeds.errors import StudyError
from manyseeds.models import build, spec
from manyseeds.models.constructors import construct
from manyseeds.models.spec import Network

SMALL = "timm:test_resnet"
"""The smallest residual network of timm, which is made for tests."""


class Head(nn.Module):
    """A linear network of the tests."""

    def __init__(self, num_classes: int, bias: bool = True):
        super().__init__()
        self.fc = nn.Linear(3 * 8 * 8, num_classes, bias=bias)

    def forward(self, images):
        return self.fc(images.flatten(1))


def test_a_network_of_timm_is_the_one_that_timm_makes():
    expected = timm().create_model(SMALL.removeprefix("timm:"), pretrained=False, num_classes=7).state_dict()
    found = build.build(Network(SMALL, outputs=7), (64, 64, 3), 20).state_dict()
    assert {name: tensor.shape for name, tensor in found.items()} == {
        name: tensor.shape for name, tensor in expected.items()
    }


def test_outputs_of_its_own_are_built_and_checked():
    network = Network("test_constructors.Head", outputs=7)
    assert build.build(network, (8, 8, 3), 2).fc.out_features == 7
    assert build.build(Network("test_constructors.Head"), (8, 8, 3), 2).fc.out_features == 2
    with pytest.raises(StudyError, match=r"returns an output of shape \(1000,\), expected 7\."):
        build.build(Network("test_constructors.fixed", outputs=7), (8, 8, 3), 2)
    with pytest.raises(StudyError, match=r"returns an output of shape \(1000,\), but the data have 2 categories\."):
        build.build(Network("test_constructors.fixed"), (8, 8, 3), 2)


def fixed() -> nn.Module:
    """A network with a thousand outputs, whatever is asked."""
    return Head(1000)


def test_arguments_reach_the_constructor():
    assert build.build(Network("test_constructors.Head", kwargs={"bias": False}), (8, 8, 3), 2).fc.bias is None
    sentence = r"cannot be built for 2 outputs, colour='red' \(TypeError: .*'colour'\)\."
    with pytest.raises(StudyError, match=sentence):
        construct("test_constructors.Head", 2, {"colour": "red"})


def test_they_are_written_with_the_weights_and_change_no_earlier_digest():
    plain = Network("all_cnn_c")
    assert not {"outputs", "kwargs"} & plain.values.keys()
    described = Network("test_constructors.Head", outputs=7, kwargs={"bias": False})
    assert spec.from_metadata(spec.to_metadata(described, (8, 8, 3), 2)) == (described, (8, 8, 3), 2)


def test_unknown_names_and_a_missing_timm_are_one_sentence_each(monkeypatch):
    timm()
    with pytest.raises(StudyError, match=r"timm [\d.]+ has no network 'resnet_of_mine'; it has .*resnet"):
        construct("timm:resnet_of_mine", 2, {})
    monkeypatch.setitem(sys.modules, "timm", None)  # so its import fails
    with pytest.raises(StudyError, match=r"networks: timm:resnet18 needs the package timm, which cannot be imported"):
        construct("timm:resnet18", 2, {})


def test_a_network_of_timm_is_trained_like_any_other():
    timm()
    module = build.build(Network(SMALL), (32, 32, 3), 5)
    loss = nn.functional.cross_entropy(module.train()(torch.randn(4, 3, 32, 32)), torch.arange(4))
    loss.backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
