"""Networks before training: the weights they began with, and geometries without files of activations."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch import nn

from manyseeds.errors import StudyError
from manyseeds.models import build, initialisation
from manyseeds.models.spec import Network
from manyseeds.representations import activations, geometry, geometry_files, untrained

NETWORK = Network("all_cnn_7", width=0.05, readout_relu=False)
SHAPE = (12, 12, 1)
CPU = torch.device("cpu")


@pytest.fixture
def module():
    module = build.build(NETWORK, SHAPE, 3)
    build.load(module, initialisation.initial_weights(NETWORK, SHAPE, 3, root_seed=0, seed=0), source="test")
    return module


@pytest.fixture
def stimuli():
    images = np.random.default_rng(0).standard_normal((20, *SHAPE)).astype(np.float32)
    images[5] = 0  # with zero biases, every layer is silent for it
    return images


@pytest.mark.parametrize("values_at_once", [1, 20 * 1500, 2**28], ids=["layer by layer", "some together", "all"])
def test_geometries_are_those_of_recorded_activations(module, stimuli, tmp_path, values_at_once):
    layers = build.analysed_layers(module, NETWORK)
    activations.dump(module, layers, stimuli, tmp_path, device=CPU)
    found = untrained.measure_layers(module, layers, stimuli, device=CPU, name="seed 0", values_at_once=values_at_once)
    assert list(found) == list(layers)
    for layer, measured in found.items():
        expected = geometry.measure_geometry(np.load(tmp_path / f"{layer}.npy"), name=layer)
        for field in geometry_files.STORED:
            assert_array_equal(getattr(measured, field), getattr(expected, field), err_msg=f"{layer}, {field}")


@pytest.mark.parametrize("most", [1, 7, 10, 12, 100])
def test_sets_of_layers_are_consecutive_and_as_large_as_they_may_be(most):
    units = {"a": 3, "b": 4, "c": 20, "d": 5, "e": 5, "f": 2}
    sets = list(untrained.sets_of_layers(units, most))
    assert [layer for chosen in sets for layer in chosen] == list(units)
    sizes = [sum(units[layer] for layer in chosen) for chosen in sets]
    assert all(size <= most or len(chosen) == 1 for size, chosen in zip(sizes, sets, strict=True))
    assert all(size + units[after[0]] > most for size, (_, after) in zip(sizes, pairwise(sets), strict=False))
    assert list(untrained.sets_of_layers({}, most)) == []


@pytest.mark.parametrize(("varies", "attempt", "drawn"), [(True, 0, 0), (True, 2, 2), (False, 2, 0)])
def test_weights_are_drawn_again_for_the_attempt_if_their_stream_varies(varies, attempt, drawn):
    draw = {"root_seed": 4, "seed": 3, "varies": varies}
    found = initialisation.drawn_again(NETWORK, SHAPE, 3, draw=draw, attempt=attempt)
    expected = initialisation.initial_weights(NETWORK, SHAPE, 3, root_seed=4, seed=3, attempt=drawn)
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        assert_array_equal(found[name], weights)
        assert weights.dtype == np.float32


class Overflowing(nn.Module):
    def forward(self, images):
        return images * np.float32(3e38) * np.float32(3e38)


def test_activations_that_are_not_finite_are_undefined_if_the_network_collapsed_and_named_otherwise(stimuli):
    module = nn.Sequential(Overflowing())
    options = {"device": CPU, "name": "networks/seed1/epoch0.safetensors"}
    geometries = untrained.measure_layers(module, {"out": module[0]}, stimuli, **options, is_collapsed=True)
    assert np.isnan(geometries["out"].gram).all()
    with pytest.raises(StudyError, match=r"networks/seed1/epoch0.safetensors, out: row 0 .* not finite"):
        untrained.measure_layers(module, {"out": module[0]}, stimuli, **options)
