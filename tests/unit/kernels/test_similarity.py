"""Similarities of kernels against loops, brute force and known cases."""

from itertools import permutations

import numpy as np
import pytest

from manyseeds.kernels import similarity

SHAPE = (12, 4, 3, 3)


def kernels(seed, shape=SHAPE):
    return np.random.default_rng(seed).standard_normal(shape)


def test_correlations_are_those_of_numpy():
    a, b = kernels(0), kernels(1)
    expected = [[np.corrcoef(x.ravel(), y.ravel())[0, 1] for y in b] for x in a]
    np.testing.assert_allclose(similarity.correlations(a, b), expected, atol=1e-14)


@pytest.mark.parametrize("matching", similarity.SINGLE)
def test_a_layer_is_like_itself(matching):
    r = similarity.correlations(kernels(0), kernels(0))
    assert similarity.similarities(r, matching) == pytest.approx((1, 1, 1), abs=1e-12)


@pytest.mark.parametrize("matching", ["greedy", "optimal"])
def test_matchings_find_shuffled_kernels(matching):
    a, order = kernels(0), np.random.default_rng(1).permutation(SHAPE[0])
    found = similarity.SINGLE[matching](similarity.correlations(a, a[order]))
    np.testing.assert_allclose(found.r, 1, atol=1e-12)
    np.testing.assert_array_equal(order[found.order], np.arange(SHAPE[0]))
    assert abs(similarity.index(similarity.correlations(a, a[order])).similarity) < 0.5


def greedily(r):
    """A19's loop as it is written: kernels of a one after another, over those of b that are not used."""
    used, values = set(), []
    for row in r:
        best, which = 0.0, None
        for column, value in enumerate(row):
            if column not in used and value > best:
                best, which = value, column
        values.append(best)
        if which is not None:
            used.add(which)
    return values


@pytest.mark.parametrize("seed", range(5))
def test_greedy_matching_is_the_literal_loop(seed):
    r = similarity.correlations(kernels(seed), kernels(seed + 100))
    r[3] = -np.abs(r[3])  # finds nothing, and takes nothing
    r[7] = r[6]  # equals
    np.testing.assert_array_equal(similarity.greedy(r).r, greedily(r))
    mean, forth, back = similarity.similarities(r, "greedy")
    assert (forth, back) == (np.mean(greedily(r)), np.mean(greedily(r.T)))
    assert mean == pytest.approx((forth + back) / 2)


def test_greedy_matching_takes_the_first_of_equals():
    assert list(similarity.greedy(np.array([[0.5, 0.5], [0.5, 0.2]])).order) == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_optimal_matching_is_the_best_of_all(seed):
    r = similarity.correlations(kernels(seed, (5, 2, 3, 3)), kernels(seed + 9, (5, 2, 3, 3)))
    best = max(np.mean(r[np.arange(5), list(order)]) for order in permutations(range(5)))
    assert similarity.optimal(r).similarity == pytest.approx(best)
    taken = similarity.greedy(r).order
    assert (taken < 0).any() or similarity.optimal(r).r.sum() >= r[range(5), taken].sum()


def test_an_affine_change_of_a_kernel_leaves_its_r():
    a, b = kernels(0), kernels(1)
    changed = b * np.random.default_rng(2).uniform(0.1, 9, (12, 1, 1, 1)) + np.arange(12).reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(similarity.correlations(a, changed), similarity.correlations(a, b), atol=1e-12)


def test_constant_kernels_have_an_r_of_0_and_are_counted():
    a = kernels(0)
    a[2], a[5] = 0, 0.1
    assert list(np.flatnonzero(similarity.is_constant(similarity.flattened(a)))) == [2, 5]
    r = similarity.correlations(a, kernels(1))
    assert not r[[2, 5]].any()
    assert similarity.is_constant(np.ones((3, 1))).all()


def test_the_whole_layer_is_one_vector_of_matched_kernels():
    a, b = kernels(0), kernels(1)
    order = np.random.default_rng(3).permutation(SHAPE[0])
    expected = np.corrcoef(a.ravel(), b[order].ravel())[0, 1]
    assert similarity.whole_layer(a, b, order) == pytest.approx(expected)
    assert np.isnan(similarity.whole_layer(a, b, np.full(12, -1)))


def test_chance_levels_are_of_gaussian_kernels_of_the_same_shapes():
    shapes = {"conv1": (24, 3, 3, 3), "conv9": (10, 48, 1, 1)}
    values = similarity.chance_values(shapes, 60, seed=0)
    assert values["index"].shape == (60, 2)
    assert abs(values["index"].mean()) < 0.02
    assert (values["optimal"].mean(axis=0) > values["greedy"].mean(axis=0)).all()
    assert values["greedy"].mean() > 0.1  # few weights, many kernels: high by chance
    chance = similarity.quantile_chance(values["greedy"][:, 0])
    assert chance.mean < chance.high == np.quantile(values["greedy"][:, 0], 0.975)
    again = similarity.chance_values({"conv1": (24, 3, 3, 3)}, 60, seed=0)["greedy"]
    np.testing.assert_array_equal(again[0], values["greedy"][0, :1])
