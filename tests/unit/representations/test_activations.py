"""Activations: what is written is what the layers answered."""

import numpy as np
import pytest
import torch

from manyseeds.errors import StudyError
from manyseeds.models import build, initialisation
from manyseeds.models.spec import Network
from manyseeds.representations import activations

NETWORK = Network("all_cnn_7", width=0.05, readout_relu=False)


@pytest.fixture
def network():
    module = build.build(NETWORK, (12, 12, 1), 3)
    build.load(module, initialisation.initial_weights(NETWORK, (12, 12, 1), 3, root_seed=0, seed=0), source="test")
    return module


@pytest.fixture
def stimuli():
    draw = np.random.default_rng(0)
    images = draw.standard_normal((activations.BATCH + 7, 12, 12, 1)).astype(np.float32)
    images[5] = 0  # with zero biases, every layer is silent for it
    return images


def test_files_hold_every_layers_activations(network, stimuli, tmp_path):
    layers = build.analysed_layers(network, NETWORK)
    index = activations.dump(network, layers, stimuli, tmp_path, device=torch.device("cpu"))
    response = torch.from_numpy(stimuli).permute(0, 3, 1, 2)
    with torch.no_grad():
        for row in index.itertuples():
            response = getattr(network, row.layer)(response)
            expected = response.flatten(1).numpy()
            found = np.load(tmp_path / f"{row.layer}.npy", mmap_mode="r")
            assert found.flags.c_contiguous
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
            assert row.n_units == expected.shape[1]
    assert list(index) == ["layer", "layer_index", "n_units"]
    assert index["layer"].tolist() == list(layers)
    assert index["layer_index"].tolist() == list(range(len(layers)))


def test_known_activations_take_the_places_of_some_layers(network, stimuli, tmp_path):
    layers = build.analysed_layers(network, NETWORK)
    dumped = activations.dump(network, layers, stimuli, tmp_path, device=torch.device("cpu"))
    known = np.random.default_rng(1).random((len(stimuli), 4)).astype(np.float32)
    known[3], known[:, 2] = 0, 0
    others = {layer: (tmp_path / f"{layer}.npy").read_bytes() for layer in layers if layer != "conv5"}
    index = activations.write_layers({"conv5": known}, tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "conv5.npy"), known)
    assert others == {layer: (tmp_path / f"{layer}.npy").read_bytes() for layer in others}
    assert index["n_units"].tolist() == [4]
    assert (index.dtypes == dumped.dtypes).all()


def test_hooks_are_gone_afterwards(network, stimuli, tmp_path):
    layers = build.analysed_layers(network, NETWORK)
    activations.dump(network, layers, stimuli, tmp_path, device=torch.device("cpu"))
    assert not any(module._forward_hooks for module in network.modules())


def test_activations_do_not_depend_on_the_other_stimuli(network, stimuli, tmp_path):
    layers = {"conv7": network.conv7}
    activations.dump(network, layers, stimuli, tmp_path / "all", device=torch.device("cpu"))
    activations.dump(network, layers, stimuli[::-1], tmp_path / "reversed", device=torch.device("cpu"))
    one, other = (np.load(tmp_path / folder / "conv7.npy") for folder in ("all", "reversed"))
    np.testing.assert_allclose(one, other[::-1], rtol=1e-5, atol=1e-6)


class Odd(torch.nn.Module):
    """A network with a layer that gives two things, and one that takes no part."""

    def __init__(self):
        super().__init__()
        self.both = torch.nn.GRU(3, 2)
        self.idle = torch.nn.Linear(2, 2)

    def forward(self, images):
        return self.both(images.mean(dim=(2, 3)))[0]


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("both", "the output of layer both is a tuple, expected"),
        ("idle", "the forward pass does not use the layer idle"),
    ],
)
def test_layers_that_cannot_be_recorded_are_named(layer, sentence):
    odd = Odd()
    with pytest.raises(StudyError, match=f"^networks: {sentence}"):
        activations.collect(odd, {layer: getattr(odd, layer)}, np.zeros((1, 4, 4, 3), np.float32), torch.device("cpu"))


def test_an_analysis_is_confined_to_its_layers(network):
    layers = build.analysed_layers(network, NETWORK)
    assert list(activations.choose(layers, ["conv9", "conv7", "conv2"], "trajectory")) == ["conv7", "conv2"]
    with pytest.raises(
        StudyError, match=r"dropout\.layers: found conv9, expected at least one of conv1, .*, conv7; or name"
    ):
        activations.choose(layers, ["conv9"], "dropout")
