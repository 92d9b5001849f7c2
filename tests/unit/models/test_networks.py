"""Networks: their sizes, their maps, their initial weights, and what does not fit."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from manyseeds.errors import StudyError
from manyseeds.models import build, initialisation, spec
from manyseeds.models.initialisation import initial_weights
from manyseeds.models.spec import Network
from manyseeds.representations import activations

CIFAR10 = {"image_shape": (32, 32, 3), "n_categories": 10}
MAPS = {"all_cnn_c": [32, 32, 16, 16, 16, 8, 6, 6, 6], "all_cnn_7": [32, 16, 16, 8, 6, 6, 6]}


@pytest.mark.parametrize(("architecture", "n_parameters"), [("all_cnn_c", 1_369_738), ("all_cnn_7", 954_730)])
def test_number_of_parameters(architecture, n_parameters):
    module = build.build(Network(architecture), **CIFAR10)
    assert sum(parameter.numel() for parameter in module.parameters()) == n_parameters


@pytest.mark.parametrize("architecture", spec.ALL_CNNS)
def test_maps_and_rectification(architecture):
    network = Network(architecture, width=0.125, readout_relu=False)
    module = build.build(network, **CIFAR10)
    layers = build.analysed_layers(module, network)
    assert list(layers) == [f"conv{number + 1}" for number in range(len(MAPS[architecture]))]
    build.load(module, initial_weights(network, (32, 32, 3), 10, root_seed=0, seed=0), source="test")
    with activations.recorded(layers) as outputs, torch.no_grad():
        logits = module(torch.randn(4, 3, 32, 32))
    assert [output.shape[-1] for output in outputs.values()] == MAPS[architecture]
    *hidden, readout = outputs.values()
    assert all((output >= 0).all() and (output > 0).any() for output in hidden)
    assert (readout < 0).any()
    torch.testing.assert_close(logits, readout.mean(dim=(2, 3)))


@pytest.mark.parametrize("architecture", spec.ALL_CNNS)
def test_the_last_3x3_convolution_may_keep_the_size_of_its_maps(architecture):
    network = Network(architecture, width=0.125, last_3x3="same")
    module = build.build(network, **CIFAR10)
    with activations.recorded(build.analysed_layers(module, network)) as outputs, torch.no_grad():
        module(torch.randn(1, 3, 32, 32))
    assert [output.shape[-1] for output in outputs.values()] == [max(size, 8) for size in MAPS[architecture]]
    valid, same = (
        initial_weights(each, (32, 32, 3), 10, root_seed=0, seed=0)
        for each in (Network(architecture, width=0.125), network)
    )
    for name in valid:
        np.testing.assert_array_equal(valid[name], same[name])


def test_readout_relu_and_width():
    module = build.build(Network("all_cnn_c", width=0.25), **CIFAR10)
    assert module.conv1.out_channels == 24
    assert module.conv9.out_channels == 10
    assert (module(torch.randn(2, 3, 32, 32)) >= 0).all()


def test_he_normal_has_the_declared_deviation_and_zero_biases():
    weights = initial_weights(Network("all_cnn_c"), (32, 32, 3), 10, root_seed=0, seed=0)
    for name, array in weights.items():
        if name.endswith("bias"):
            assert not array.any()
        else:
            expected = np.sqrt(2 / np.prod(array.shape[1:]))
            # Standard error of an SD over m draws: sd / sqrt(2 m); five of them.
            assert abs(array.std() / expected - 1) < 5 / np.sqrt(2 * array.size)
            assert abs(array).max() > 2.5 * expected or array.size < 2000  # untruncated


def test_initial_weights_follow_seed_and_attempt_alone():
    def draw(**changes):
        address = {"root_seed": 0, "seed": 0, "attempt": 0} | changes
        return initial_weights(Network("all_cnn_7", width=0.125), (32, 32, 1), 10, **address)["conv1.weight"]

    np.testing.assert_array_equal(draw(), draw())
    for changes in ({"root_seed": 1}, {"seed": 1}, {"attempt": 1}):
        assert not np.array_equal(draw(), draw(**changes))


@pytest.mark.parametrize("architecture", spec.ALL_CNNS)
def test_weights_are_the_same_with_and_without_torch(architecture):
    network = Network(architecture, width=0.125)
    address = {"root_seed": 3, "seed": 5, "attempt": 1}
    by_numpy = initial_weights(network, (32, 32, 3), 10, **address)
    by_module = initialisation._of_any_network(network, (32, 32, 3), 10, **address)
    assert by_numpy.keys() == by_module.keys()
    for name in by_numpy:
        np.testing.assert_array_equal(by_numpy[name], by_module[name])


class Normalised(nn.Module):
    """An importable module of a user's own, with a normalisation and an in-place ReLU."""

    def __init__(self, num_classes):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.normalisation = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.readout = nn.Linear(4, num_classes)

    def forward(self, images):
        return self.readout(self.relu(self.normalisation(self.convolution(images))).mean(dim=(2, 3)))


OWN = f"{__name__}.Normalised"


def test_own_module_by_import_path():
    network = Network(OWN)
    weights = initial_weights(network, (32, 32, 3), 7, root_seed=0, seed=0)
    np.testing.assert_array_equal(weights["normalisation.weight"], np.ones(4))
    assert weights["readout.weight"].shape == (7, 4)
    assert weights["convolution.weight"].std() == pytest.approx(np.sqrt(2 / 27), rel=0.3)
    module = build.build(network, (32, 32, 3), 7)
    build.load(module, weights, source="test")
    assert list(build.analysed_layers(module, network)) == ["convolution", "readout"]


class Scaled(nn.Module):
    """Parameters that are neither convolutions' nor linear layers'."""

    def __init__(self, num_classes):
        super().__init__()
        self.readout = nn.Linear(3, num_classes)
        self.slope = nn.PReLU(3)
        self.scale = nn.Parameter(torch.full((3, 1, 1), 1e-6))

    def forward(self, images):
        return self.readout(self.slope(images * self.scale).mean(dim=(2, 3)))


def test_he_normal_draws_convolutions_and_linear_layers_alone():
    weights = initial_weights(Network(f"{__name__}.Scaled"), (8, 8, 3), 5, root_seed=0, seed=0)
    np.testing.assert_array_equal(weights["slope.weight"], np.full(3, 0.25, np.float32))
    np.testing.assert_array_equal(weights["scale"], np.full((3, 1, 1), 1e-6, np.float32))
    assert not weights["readout.bias"].any()
    assert weights["readout.weight"].std() > 0.3


def test_a_network_without_convolution_or_linear_layer_has_its_layers_named():
    network = Network("torch.nn.PReLU")
    with pytest.raises(StudyError, match=r"torch\.nn\.PReLU has no convolution or linear layer; list in `layers`"):
        build.analysed_layers(nn.Sequential(nn.PReLU()), network)


def test_own_initialisation_is_the_modules_and_seeded():
    def draw(seed):
        return initial_weights(Network(OWN, initialisation="own"), (32, 32, 3), 7, root_seed=0, seed=seed)

    before = torch.random.get_rng_state()
    first = draw(0)
    assert torch.equal(before, torch.random.get_rng_state())  # the caller's own stream is left alone
    np.testing.assert_array_equal(first["readout.weight"], draw(0)["readout.weight"])
    assert not np.array_equal(first["readout.weight"], draw(1)["readout.weight"])
    assert first["readout.bias"].any()  # torch's default draws biases; He-normal's are zero


def test_hooks_copy_what_in_place_modules_overwrite():
    network = Network(OWN, layers=("normalisation",))
    module = build.build(network, (32, 32, 3), 7)
    with activations.recorded(build.analysed_layers(module, network)) as outputs, torch.no_grad():
        module(torch.randn(8, 3, 32, 32))
    assert (outputs["normalisation"] < 0).any()


@pytest.mark.parametrize(
    ("network", "shape", "sentence"),
    [
        (Network("nowhere.Net"), (32, 32, 3), "nowhere"),
        (Network("torch.nn.Nothing"), (32, 32, 3), "unknown"),
        (Network("all_cnn_c"), (8, 8, 3), "8 x 8 x 3"),
        (Network(OWN), (32, 32, 1), "32 x 32 x 1"),
        (Network("torch.nn.Identity"), (32, 32, 3), "output of shape"),
    ],
)
def test_networks_that_cannot_be_are_refused_in_a_sentence(network, shape, sentence):
    with pytest.raises(StudyError, match=sentence):
        build.build(network, shape, 10)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import sys; sys.exit('left')", r"'leaving.Net' needs the module leaving, .* \(SystemExit: left\)"),
        ("def Net(): raise SystemExit(3)", r"leaving.Net cannot be built for 5 outputs \(SystemExit: 3\)"),
        (
            "from torch import nn\nclass Module(nn.Module):\n    def forward(self, images): exit()\n\n"
            "def Net(): return Module()",
            r"leaving.Net does not accept images of height x width x channels 8 x 8 x 3 \(SystemExit: None\)",
        ),
    ],
)
def test_code_that_ends_the_process_is_named(code, sentence, tmp_path, monkeypatch):
    (tmp_path / "leaving.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "leaving", raising=False)
    with pytest.raises(StudyError, match=sentence):
        build.build(Network("leaving.Net"), (8, 8, 3), 5)


def test_unknown_layers_are_refused():
    network = Network("all_cnn_7", layers=("conv1", "conv99"))
    with pytest.raises(StudyError, match=r"'conv99'.*conv7"):
        build.analysed_layers(build.build(network, **CIFAR10), network)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda weights: weights.pop("conv2.bias"), "conv2.bias .* is missing"),
        (lambda weights: weights.update({"conv2.bias": np.zeros(3, np.float32)}), r"conv2.bias has shape \(3,\)"),
        (lambda weights: weights.update({"fc.bias": np.zeros(3, np.float32)}), "no parameter named fc.bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused_whole(change, sentence):
    network = Network("all_cnn_7", width=0.125)
    module = build.build(network, **CIFAR10)
    before = build.weights_of(module)
    weights = initial_weights(network, (32, 32, 3), 10, root_seed=0, seed=0)
    change(weights)
    with pytest.raises(StudyError, match=f"my/file.safetensors: .*{sentence}"):
        build.load(module, weights, source="my/file.safetensors")
    assert all(np.array_equal(array, before[name]) for name, array in build.weights_of(module).items())
