"""Stand-ins for layers without a deterministic backward pass, against the layers themselves."""

import pytest
import torch
from torch import nn

from manyseeds.models import pooling
from manyseeds.models.pooling import AveragePooling, replace_pooling


@pytest.mark.parametrize("maps", [(6, 6), (1, 1), (13, 13), (7, 3), (18, 12)])
@pytest.mark.parametrize("size", [(6, 6), (7, 7), (3, 5)])
def test_average_pooling_has_torchs_values_and_gradients(maps, size):
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, *maps, generator=draw, dtype=torch.float64)
    weights = torch.randn(2, 3, *size, generator=draw, dtype=torch.float64)
    found, gradients = [], []
    for layer in (AveragePooling(*size), nn.AdaptiveAvgPool2d(size)):
        inputs = images.clone().requires_grad_()
        found.append(layer(inputs))
        (found[-1] * weights).sum().backward()
        gradients.append(inputs.grad)
    # The windows' weights are float32.
    torch.testing.assert_close(*found, rtol=0, atol=1e-6)
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6)


def test_matrices_are_made_once_for_maps_of_a_size_and_are_no_weights(monkeypatch):
    """A captured step cannot wait for a copy from the CPU; and what is made in inference is used in training, too."""
    layer, maps = AveragePooling(3, 3), torch.rand(2, 1, 7, 5)
    with torch.inference_mode():
        first = layer(maps)
    with monkeypatch.context() as patch:
        patch.setattr(pooling, "averaging", None)
        torch.testing.assert_close(layer(maps.requires_grad_()), first.clone(), rtol=0, atol=0)
        layer(maps).sum().backward()
    assert layer(torch.rand(1, 4, 4)).shape == (1, 3, 3)
    assert not layer.state_dict()


def test_poolings_are_replaced_wherever_they_are_and_a_plain_mean_is_left():
    module = nn.Sequential(
        nn.AdaptiveAvgPool2d((6, 6)), nn.Sequential(nn.AdaptiveAvgPool2d(7)), nn.AdaptiveAvgPool2d((1, 1))
    )
    replace_pooling(module)
    assert [type(child) for child in (module[0], module[1][0], module[2])] == [
        AveragePooling,
        AveragePooling,
        nn.AdaptiveAvgPool2d,
    ]
    assert module(torch.ones(1, 1, 20, 20)).shape == (1, 1, 1, 1)
