"""Matching of whole networks, and variants: what they keep and what they change."""

import numpy as np
import plain_matching
import pytest
import torch
from plain_matching import inner_product

from manyseeds.kernels import matching, similarity, variants
from manyseeds.models import build, forward, initialisation
from manyseeds.models.spec import Network

NETWORK = Network("all_cnn_c", width=0.125, readout_relu=False)
SHAPE = (16, 16, 3)


def weights(seed=0):
    found = initialisation.initial_weights(NETWORK, SHAPE, 10, root_seed=0, seed=seed)
    random = np.random.default_rng(seed)
    return {name: array + 0.1 * random.standard_normal(array.shape) for name, array in found.items()}


def logits(some):
    module = build.build(NETWORK, SHAPE, 10).double()
    module.load_state_dict({name: torch.from_numpy(np.asarray(array, float)) for name, array in some.items()})
    images = torch.from_numpy(np.random.default_rng(1).standard_normal((4, *SHAPE)))
    with torch.no_grad():
        return module.eval()(forward.as_batch(images)).numpy()


LAYERS = variants.convolutions(weights())


def matched_similarities(a, b, **options):
    first, second = (variants.chain(each, LAYERS) for each in (a, b))
    found = matching.permute(second, matching.match(first, second, **{"restarts": 2, "seed": 0} | options))
    return [
        similarity.index(similarity.correlations(x.kernels, y.kernels)).similarity
        for x, y in zip(first, found, strict=True)
    ]


def test_layers_are_in_natural_order():
    names = {f"{name}.weight": np.zeros((1, 1, 1, 1)) for name in ("conv10", "conv2", "b.1.c", "b.0.c")}
    assert variants.convolutions(names | {"fc.weight": np.zeros((1, 1))}) == ["b.0.c", "b.1.c", "conv2", "conv10"]
    assert [f"conv{number}" for number in range(1, 10)] == LAYERS


def test_a_permuted_copy_is_the_same_function():
    before = weights()
    after = variants.permuted(before, LAYERS, root_seed=0, seed=0)
    assert np.abs(after["conv3.weight"] - before["conv3.weight"]).max() > 0.1
    np.testing.assert_allclose(logits(after), logits(before), atol=1e-5)


def test_a_permuted_copy_is_found_by_matching_whole_networks_and_not_by_kernels_alone():
    before = weights()
    after = variants.permuted(before, LAYERS, root_seed=0, seed=0)
    np.testing.assert_allclose(matched_similarities(before, after), 1, atol=1e-12)
    kernels = [variants.kernels_of(each, LAYERS)["conv5"] for each in (before, after)]
    greedy = similarity.similarities(similarity.correlations(*kernels), "greedy")[0]
    assert greedy < 0.4  # its inputs are permuted too


def test_matching_never_lowers_the_inner_product():
    a, b = variants.chain(weights(0), LAYERS), variants.chain(weights(1), LAYERS)
    value = inner_product(a, b, matching.identity(b))
    one = inner_product(a, b, matching.match(a, b, restarts=1, seed=0))
    several = inner_product(a, b, matching.match(a, b, restarts=4, seed=0))
    assert value < one <= several


@pytest.mark.parametrize("seed", [0, 1])
def test_matching_is_that_of_the_published_algorithm(seed):
    a, b = variants.chain(weights(0), LAYERS), variants.chain(weights(1), LAYERS)
    found = matching.match(a, b, restarts=3, seed=seed)
    expected = plain_matching.match(a, b, restarts=3, seed=seed)
    for order, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(order, other)


def test_products_that_change_in_some_terms_are_those_of_all_terms():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 20, 9, 7))
    product, order = matching._Product(a, b), np.arange(20)
    for n_moved in (0, 2, 3, 10, 12, 20, 0, 5):
        order = order.copy()
        order[:n_moved] = np.roll(order[:n_moved], 1)
        expected = np.einsum("ipk,ipl->kl", a, b[order])
        np.testing.assert_allclose(product.at(order), expected, rtol=0, atol=1e-12)


def test_matching_keeps_the_places_of_colours_and_categories():
    a, b = variants.chain(weights(0), LAYERS), variants.chain(weights(1), LAYERS)
    first, *_, last = matching.match(a, b, restarts=2, seed=0)
    np.testing.assert_array_equal(first, np.arange(3))
    np.testing.assert_array_equal(last, np.arange(10))


def test_rescaled_kernels_correlate_perfectly_and_compute_something_else():
    before = weights()
    after = variants.rescaled(before, 0.3, LAYERS[:-1], root_seed=0, seed=0)
    for layer in LAYERS:
        r = similarity.correlations(*(variants.kernels_of(each, [layer])[layer] for each in (before, after)))
        np.testing.assert_allclose(np.diagonal(r), 1, atol=1e-12)
        np.testing.assert_array_equal(after[f"{layer}.bias"], before[f"{layer}.bias"])
    np.testing.assert_array_equal(after["conv9.weight"], before["conv9.weight"])
    assert np.abs(logits(after) - logits(before)).max() > 0.1


@pytest.mark.parametrize("r", [0.99, 0.9])
def test_noise_has_the_correlation_that_is_asked_for(r):
    before = {
        "conv1.weight": np.random.default_rng(0).standard_normal((400, 8, 3, 3))
        * np.arange(1, 401)[:, None, None, None]
    }
    found = np.diagonal(
        similarity.correlations(before["conv1.weight"], variants.noisy(before, r, root_seed=0, seed=0)["conv1.weight"])
    )
    assert abs(found.mean() - r) < 4 * found.std() / np.sqrt(400) + 1e-4


def test_variants_depend_on_the_seed_of_the_instance_alone():
    before = weights()
    one, again, other = (variants.noisy(before, 0.99, root_seed=0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one["conv1.weight"], again["conv1.weight"])
    assert (one["conv1.weight"] != other["conv1.weight"]).any()
    np.testing.assert_array_equal(one["conv1.bias"], before["conv1.bias"])
