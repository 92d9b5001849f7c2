"""Planned numbers of networks and stimuli, against explicit formulas, enumeration and simulation."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats

from manyseeds.io import tables
from manyseeds.statistics import resampling
from manyseeds.statistics.howmany import (
    Plan,
    Precision,
    how_many,
    precision_of,
    predicted_deviation,
    subset_deviation,
)
from manyseeds.statistics.intervals import PairStatistics
from manyseeds.statistics.pair_components import Components, pair_components

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
PLAN = Plan(half_width=0.02, networks=[3, 5, 10, 40], stimuli=[50, 400], subsets=4000, seed=0)
N = 8
KEYS = {"architecture": "a", "condition": "b", "epoch": 3, "layer": "conv1", "layer_index": 0, "measure": "cosine"}
KEYS |= {"normalisation": "none", "dropout_samples": 0, "kind": "exemplar"}


def pair_values(rng, n=N, of_network=0.05, of_pair=0.03):
    a = rng.normal(scale=of_network, size=n)
    return np.array([0.5 + a[i] + a[j] + rng.normal(scale=of_pair) for i, j in combinations(range(n), 2)])


@pytest.fixture
def values():
    return pair_values(np.random.default_rng(5))


def statistics(values, resamples=None):
    return PairStatistics(pd.DataFrame([KEYS]), N, np.triu_indices(N, 1), values[None], [resamples], 100)


def half_width(values, n, m):
    """Half-width of a study with m networks, from the pair values of n."""
    found = pair_components(values, n)
    variance = 4 * max(float(found.networks), 0) / m + 2 * float(found.pairs) / (m * (m - 1))
    return stats.t.ppf(0.975, m - 1) * np.sqrt(variance)


def without(values, left_out):
    kept = [left_out not in pair for pair in combinations(range(N), 2)]
    return values[kept]


@pytest.mark.parametrize("m", [3, 5, 10, 40])
def test_half_widths_and_their_intervals_are_those_of_leaving_out_one_network_after_another(values, m):
    found = precision_of(values, N, None, None)
    middle, low, high = (float(ends[0]) for ends in found.half_widths(np.array([m])))
    logs = np.log([half_width(without(values, i), N - 1, m) for i in range(N)])
    error = np.sqrt((N - 1) / N * ((logs - logs.mean()) ** 2).sum())
    factor = np.exp(stats.t.ppf(0.975, N - 1) * error)
    assert middle == pytest.approx(half_width(values, N, m))
    assert (low, high) == pytest.approx((middle / factor, middle * factor))


def test_the_study_at_hand_has_the_half_width_of_its_components(values):
    interval = resampling.component_interval(values, N)
    middle = precision_of(values, N, None, None).half_widths(np.array([N]))[0]
    assert float(middle[0]) == pytest.approx(float(interval.high - interval.low) / 2)


def test_more_networks_and_more_stimuli_give_narrower_intervals(values):
    rng = np.random.default_rng(0)
    found = precision_of(values, N, values + rng.normal(scale=0.1, size=(200, len(values))), 100)
    numbers = np.arange(3, 200)
    assert (np.diff(found.half_widths(numbers)[0]) < 0).all()
    few, many = (found.half_widths(numbers, n)[0] for n in (50, 400))
    assert (many < few).all()
    assert (many > found.half_widths(numbers)[0]).all()


def test_stimuli_add_their_variance_in_inverse_proportion_to_their_number(values):
    resamples = values + np.random.default_rng(1).normal(scale=0.1, size=(300, 1))
    found = precision_of(values, N, resamples, 100)
    of_stimuli = resamples.mean(axis=1).var(ddof=1) * 100 / 99 * 100 / 400
    components = pair_components(values, N)
    variance = 4 * float(components.networks) / 10 + 2 * float(components.pairs) / 90 + of_stimuli
    assert float(found.half_widths(np.array([10]), 400)[0][0]) == pytest.approx(
        stats.t.ppf(0.975, 9) * np.sqrt(variance)
    )


@pytest.mark.parametrize("wanted", [0.1, 0.05, 0.02])
def test_the_number_needed_is_the_first_that_suffices(values, wanted):
    found = precision_of(values, N, None, None)
    middle, low, high = found.needed(wanted)
    assert half_width(values, N, int(middle)) <= wanted
    assert middle == 3 or half_width(values, N, int(middle) - 1) > wanted
    ends = [ends <= wanted for ends in found.half_widths(np.arange(3, 1001))[1:]]
    assert (low, high) == tuple(3 + np.argmax(end) if end.any() else pytest.approx(np.nan, nan_ok=True) for end in ends)
    assert low <= middle


def test_more_networks_than_a_thousand_are_not_named(values):
    assert np.isnan(precision_of(values, N, None, None).needed(1e-6)).all()


def test_the_spread_of_subsets_is_predicted_exactly():
    """Over all subsets, with the components of the population of networks at hand."""
    rng = np.random.default_rng(2)
    n, size = 7, 4
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = pair_values(rng, n)
    matrix += matrix.T
    values = matrix[np.triu_indices(n, 1)]
    means = [matrix[np.ix_(s, s)][np.triu_indices(size, 1)].mean() for s in combinations(range(n), size)]
    plan = Plan(0.02, [], [], 20_000, 0)
    assert subset_deviation(values, n, size, plan) == pytest.approx(np.std(means), rel=0.03)
    assert predicted_deviation(pair_components(values, n), n, size) == pytest.approx(np.std(means), rel=1e-9)


def test_additive_values_have_no_pair_component():
    a = np.random.default_rng(3).normal(size=N)
    values = np.array([a[i] + a[j] for i, j in combinations(range(N), 2)])
    found = precision_of(values, N, None, None)
    assert float(found.whole.pairs) == pytest.approx(0, abs=1e-25)
    assert found.network_share == pytest.approx(1)


def test_a_negative_component_counts_as_zero():
    found = Precision(
        Components(np.array(-0.1), np.array(0.4)), Components(np.full(6, -0.1), np.full(6, 0.4)), np.nan, None
    )
    assert found.network_share == 0
    assert float(found.half_widths(np.array([5]))[0][0]) == pytest.approx(stats.t.ppf(0.975, 4) * np.sqrt(2 * 0.4 / 20))


@pytest.mark.slow
def test_the_interval_of_the_half_width_covers_the_true_one():
    rng = np.random.default_rng(7)
    true = stats.t.ppf(0.975, 19) * np.sqrt(4 * 0.05**2 / 20 + 2 * 0.03**2 / (20 * 19))
    covered = []
    for _ in range(400):
        _, low, high = precision_of(pair_values(rng, 10), 10, None, None).half_widths(np.array([20]))
        covered.append(low[0] <= true <= high[0])
    assert 0.92 <= np.mean(covered) <= 1  # simulated elsewhere: 96 to 99 %


def test_tables_have_a_row_for_each_planned_number(values):
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=0.01, size=(50, len(values)))
    found, answers = how_many(statistics(values, lambda: values + noise), PLAN)
    for frame, name in ((found, "howmany"), (answers, "howmany_answer")):
        tables.conform(frame.assign(contrast=None), tables.read_schema(SCHEMAS / f"{name}.schema.json"))
    assert found["n_networks"].tolist() == [3, 5, 8, 10, 40] * 3
    assert found["n_stimuli"].fillna(0).tolist() == [0] * 5 + [50] * 5 + [400] * 5
    checked = found["subsets_sd"].notna()
    assert checked.tolist() == [True, True, *[False] * 13]
    np.testing.assert_allclose(
        found.loc[checked, "subsets_sd"].astype(float), found.loc[checked, "predicted_sd"].astype(float), rtol=0.05
    )
    assert answers["n_needed"].tolist() == [precision_of(values, N, None, None).needed(0.02)[0]]


def test_few_networks_and_undefined_pairs_have_no_row(values):
    values[3] = np.nan
    assert how_many(statistics(values), PLAN)[0].empty
    four = PairStatistics(
        pd.DataFrame([KEYS]), 4, np.triu_indices(4, 1), pair_values(np.random.default_rng(0), 4)[None], [None]
    )
    assert how_many(four, PLAN)[1].empty
