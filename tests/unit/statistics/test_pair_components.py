"""Variance components of pairs, against hand computation and brute-force simulation."""

import numpy as np
import pytest

from manyseeds.statistics.pair_components import pair_components


def pairs_of(effects, rest):
    """Pair values a_i + a_j + e_ij, (..., K)."""
    first, second = np.triu_indices(effects.shape[-1], 1)
    return effects[..., first] + effects[..., second] + rest


def test_four_networks_by_hand():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 9.0])  # pairs 01 02 03 12 13 23; mean 4
    row_means = np.array([(1 + 2 + 3) / 3, (1 + 4 + 5) / 3, (2 + 4 + 9) / 3, (3 + 5 + 9) / 3])
    effects = 3 / 2 * (row_means - 4)
    rest = [
        v - 4 - effects[i] - effects[j] for v, i, j in zip(values, (0, 0, 0, 1, 1, 2), (1, 2, 3, 2, 3, 3), strict=True)
    ]
    mean_square_networks, mean_square_pairs = 2 * (effects**2).sum() / 3, np.square(rest).sum() / 2
    found = pair_components(values, 4)
    assert found.pairs == pytest.approx(mean_square_pairs)
    assert found.networks == pytest.approx((mean_square_networks - mean_square_pairs) / 2)
    assert found.variance_of_mean(4) == pytest.approx(max(found.networks, 0) + mean_square_pairs / 6)


@pytest.mark.parametrize("n_networks", [5, 10, 20])
@pytest.mark.parametrize(("networks", "pairs"), [(1.0, 0.0), (1.0, 2.0), (0.0, 1.0)])
def test_components_and_variance_are_those_of_the_simulation(n_networks, networks, pairs):
    draws = np.random.default_rng(n_networks)
    n_pairs = n_networks * (n_networks - 1) // 2
    effects = np.sqrt(networks) * draws.normal(size=(20_000, n_networks))
    values = pairs_of(effects, np.sqrt(pairs) * draws.normal(size=(20_000, n_pairs)))
    found = pair_components(values, n_networks)
    assert np.mean(found.networks) == pytest.approx(networks, abs=0.03)
    assert np.mean(found.pairs) == pytest.approx(pairs, abs=0.05)
    expected = 4 * networks / n_networks + 2 * pairs / (n_networks * (n_networks - 1))
    assert np.var(values.mean(axis=1)) == pytest.approx(expected, rel=0.04)
    if networks:  # else the component that cannot be negative is biased upwards
        assert np.mean(found.variance_of_mean(n_networks)) == pytest.approx(expected, rel=0.06)


def test_additive_values_have_no_pair_component():
    effects = np.random.default_rng(0).normal(size=7)
    assert pair_components(pairs_of(effects, 0.0), 7).pairs == pytest.approx(0, abs=1e-24)


def test_the_jackknife_counts_the_pair_component_more_than_twice():
    """Expectation 4 a / N + 4 e / (N (N - 2)) instead of 4 a / N + 2 e / (N (N - 1)) (methods 5)."""
    n, draws = 6, np.random.default_rng(1)
    first, second = np.triu_indices(n, 1)
    values = draws.normal(size=(20_000, first.size))
    members = np.array([(first != i) & (second != i) for i in range(n)], float)
    without = values @ members.T / members.sum(axis=1)
    jackknife = (n - 1) / n * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    assert np.mean(jackknife) == pytest.approx(4 / (n * (n - 2)), rel=0.03)
    assert np.mean(pair_components(values, n).pairs) * 2 / (n * (n - 1)) == pytest.approx(2 / (n * (n - 1)), rel=0.03)


def test_an_undefined_pair_leaves_the_components_undefined():
    values = np.arange(12.0).reshape(2, 6)
    values[0, 3] = np.nan
    found = pair_components(values, 4)
    assert np.isnan([found.networks[0], found.pairs[0]]).all()
    assert np.isfinite([found.networks[1], found.pairs[1]]).all()


def test_three_networks_are_refused():
    with pytest.raises(ValueError, match="need 4 networks, found 3"):
        pair_components(np.ones(3), 3)
