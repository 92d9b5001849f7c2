"""Networks between two: fractions, orders, and the two ends."""

import numpy as np
import pytest

from manyseeds.kernels import merging
from manyseeds.kernels.similarity import correlations

RANDOM = np.random.default_rng(0)
PARENT = {
    "conv1.weight": RANDOM.standard_normal((6, 3, 3, 3)),
    "conv1.bias": RANDOM.standard_normal(6),
    "conv2.weight": RANDOM.standard_normal((4, 6, 1, 1)),
    "conv2.bias": RANDOM.standard_normal(4),
}
TUNED = {name: array + 0.3 * RANDOM.standard_normal(array.shape) for name, array in PARENT.items()}
FOUND = list(merging.all_merged(PARENT, TUNED, [0, 0.3, 1], 5, root_seed=0, seed=0))


@pytest.mark.parametrize(("place", "expected"), [(0, PARENT), (-1, TUNED)])
def test_the_ends_are_the_two_networks(place, expected):
    for name, array in expected.items():
        np.testing.assert_array_equal(FOUND[place].weights[name], array)


def test_the_kernels_that_changed_most_are_copied_first():
    r = {
        (layer, kernel): value
        for layer in ("conv1", "conv2")
        for kernel, value in enumerate(np.diagonal(correlations(PARENT[f"{layer}.weight"], TUNED[f"{layer}.weight"])))
    }
    order = merging.kernels_by_similarity(PARENT, TUNED)
    assert [r[each] for each in order] == sorted(r.values())
    merged = next(each for each in FOUND if each.keys["fraction"] == 0.3 and each.keys["order"] == "similarity")
    for (layer, kernel), chosen in zip(order, [True] * 3 + [False] * 7, strict=True):
        source = TUNED if chosen else PARENT
        for part in ("weight", "bias"):
            np.testing.assert_array_equal(merged.weights[f"{layer}.{part}"][kernel], source[f"{layer}.{part}"][kernel])


def test_random_orders_copy_as_many_kernels():
    drawn = [each for each in FOUND if each.keys["order"] == "random"]
    assert [each.keys["draw"] for each in drawn] == [0, 1, 2, 3, 4]
    for each in drawn:
        biases = [(each.weights[name] != PARENT[name]).sum() for name in ("conv1.bias", "conv2.bias")]
        assert sum(biases) == each.keys["n_kernels"] == 3
    assert len({each.weights["conv1.weight"].tobytes() for each in drawn}) > 1
    np.testing.assert_array_equal(PARENT["conv1.weight"], FOUND[0].weights["conv1.weight"])  # not changed in place
