"""Weights that were never trained are found, and trained ones are not taken for them."""

import numpy as np
import pytest
import torch
from torch import nn

from manyseeds.models import build
from manyseeds.models.initial_law import is_initial
from manyseeds.models.initialisation import initial_weights
from manyseeds.models.spec import Network

SHAPE, N = (16, 16, 3), 5


class Normalised(nn.Module):
    """A network with biases and a normalisation, which begin as constants."""

    def __init__(self, num_classes):
        super().__init__()
        self.convolution, self.normalisation = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.readout = nn.Linear(8, num_classes)

    def forward(self, images):
        return self.readout(self.normalisation(self.convolution(images)).relu().mean(dim=(2, 3)))


NETWORKS = [Network("all_cnn_7", width=0.1), Network(f"{__name__}.Normalised")]


def stepped(network, weights):
    """Weights after one step of gradient descent."""
    module = build.build(network, SHAPE, N)
    build.load(module, weights, source="test")
    module.train()
    images = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    nn.functional.cross_entropy(module(images), torch.arange(8) % N).backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    return build.weights_of(module)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("initialisation", ["own", "he_normal"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_initial_weights_are_told_from_those_of_a_single_step(network, initialisation, dtype):
    drawn = Network(network.architecture, width=network.width, initialisation=initialisation)
    for seed in range(5):
        weights = initial_weights(drawn, SHAPE, N, root_seed=7, seed=seed)
        rounded = {name: array.astype(dtype).astype(array.dtype) for name, array in weights.items()}
        assert is_initial(rounded, network, SHAPE, N)
        if initialisation == "he_normal" or network is NETWORKS[1]:  # else nothing begins as a constant
            assert not is_initial(stepped(network, weights), network, SHAPE, N)


@pytest.mark.parametrize("change", [lambda array: array * 1.2, lambda array: array + 0.2 * array.std(), abs])
@pytest.mark.parametrize("initialisation", ["own", "he_normal"])
def test_weights_of_another_law_are_not_initial(change, initialisation):
    network = Network("all_cnn_7", width=0.5, initialisation=initialisation)
    weights = initial_weights(network, SHAPE, N, root_seed=7, seed=0)
    changed = weights | {"conv5.weight": change(weights["conv5.weight"])}
    assert is_initial(weights, network, SHAPE, N)
    assert not is_initial(changed, network, SHAPE, N)
