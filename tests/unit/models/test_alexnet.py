"""torchvision's AlexNet: its named layers are the layers of methods 3, whatever works in place."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from manyseeds.errors import StudyError
from manyseeds.models import build, initialisation
from manyseeds.models.spec import Network
from manyseeds.representations import activations

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
SHAPE, N_CATEGORIES = (64, 64, 3), 4


@pytest.fixture(scope="module")
def weights():
    return initialisation.initial_weights(Network("alexnet"), SHAPE, N_CATEGORIES, root_seed=0, seed=0)


@pytest.fixture(scope="module")
def alexnet(weights):
    module = build.build(Network("alexnet"), SHAPE, N_CATEGORIES)
    build.load(module, weights, source="test")
    return module


@pytest.fixture(scope="module")
def stimuli():
    return np.random.default_rng(0).standard_normal((2, *SHAPE)).astype(np.float32)


def responses(weights, images):
    """The network written out, dropout left out: every layer after its ReLU but the last."""
    parameters = {name: torch.from_numpy(array).double() for name, array in weights.items()}

    def convolve(maps, number, **options):
        weight, bias = parameters[f"features.{number}.weight"], parameters[f"features.{number}.bias"]
        return functional.conv2d(maps, weight, bias, **options).clamp(min=0)

    def project(vector, number):
        weight, bias = parameters[f"classifier.{number}.weight"], parameters[f"classifier.{number}.bias"]
        return vector @ weight.T + bias

    found = {"conv1": convolve(images, 0, stride=4, padding=2)}
    found["conv2"] = convolve(functional.max_pool2d(found["conv1"], 3, 2), 3, padding=2)
    found["conv3"] = convolve(functional.max_pool2d(found["conv2"], 3, 2), 6, padding=1)
    found["conv4"] = convolve(found["conv3"], 8, padding=1)
    found["conv5"] = convolve(found["conv4"], 10, padding=1)
    pooled = functional.adaptive_avg_pool2d(functional.max_pool2d(found["conv5"], 3, 2), (6, 6))
    found["fc6"] = project(pooled.flatten(1), 1).clamp(min=0)
    found["fc7"] = project(found["fc6"], 4).clamp(min=0)
    found["fc8"] = project(found["fc7"], 6)
    return {layer: response.flatten(1).numpy() for layer, response in found.items()}


def test_layers_are_recorded_after_their_relu_with_dropout_off(alexnet, weights, stimuli, tmp_path):
    alexnet.train()  # so that dropout is on unless the recording turns it off
    layers = build.analysed_layers(alexnet, Network("alexnet"))
    index = activations.dump(alexnet, layers, stimuli, tmp_path, device=torch.device("cpu"))
    assert index["layer"].tolist() == LAYERS
    expected = responses(weights, torch.from_numpy(stimuli).permute(0, 3, 1, 2).double())
    for layer in LAYERS:
        found = np.load(tmp_path / f"{layer}.npy")
        np.testing.assert_allclose(found, expected[layer], rtol=1e-3, atol=1e-4 * expected[layer].max(), err_msg=layer)
        assert (found.min() < 0) == (layer == "fc8"), layer


def test_it_has_the_parameters_of_the_published_network():
    # torchvision's documentation of AlexNet_Weights.IMAGENET1K_V1.
    module = build.build(Network("alexnet"), SHAPE, 1000)
    assert sum(parameter.numel() for parameter in module.parameters()) == 61_100_840


def test_modules_may_be_given_other_names(alexnet):
    network = Network("alexnet", layers={"first": "features.0", "logits": "classifier.6"})
    layers = build.analysed_layers(alexnet, network)
    assert layers == {"first": alexnet.features[0], "logits": alexnet.classifier[6]}
    plain = build.analysed_layers(alexnet, Network("alexnet", layers=("features.1",)))
    assert plain == {"features.1": alexnet.features[1]}


def test_a_name_for_a_module_that_is_not_there_is_refused(alexnet):
    with pytest.raises(StudyError, match=r"alexnet has no layer 'features.99'; it has features, features.0,"):
        build.analysed_layers(alexnet, Network("alexnet", layers={"conv1": "features.99"}))


def test_images_too_small_for_its_poolings_are_refused():
    with pytest.raises(StudyError, match="alexnet does not accept images of height x width x channels 32 x 32 x 3"):
        build.build(Network("alexnet"), (32, 32, 3), N_CATEGORIES)
