"""Relations against scipy, pingouin and a percentage bend correlation written from P13's definition."""

import numpy as np
import pingouin
import pytest
from scipy import stats

from manyseeds.statistics.correlations import METHODS, MIN_POINTS, relate


def points(n=16, seed=0):
    draws = np.random.default_rng(seed)
    x = draws.normal(size=n)
    return x, 0.4 * draws.normal(size=n) - x


def percentage_bend(x, y, beta=0.2):
    """Wilcox's `pbcor`: bend what lies beyond the (1 - beta) quantile of the absolute deviations from the median."""
    bent = []
    for values in (x, y):
        median = np.median(values)
        omega = np.sort(np.abs(values - median))[int((1 - beta) * len(values)) - 1]
        psi = (values - median) / omega
        low, high = (psi < -1).sum(), (psi > 1).sum()
        location = (values[np.abs(psi) <= 1].sum() + omega * (high - low)) / (len(values) - low - high)
        bent.append(np.clip((values - location) / omega, -1, 1))
    a, b = bent
    return (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())


def test_pearson_is_scipys():
    x, y = points()
    n, relations = relate(x, y)
    expected = stats.pearsonr(x, y)
    interval = expected.confidence_interval(0.95)
    assert n == 16
    assert relations["pearson"].value == pytest.approx(expected.statistic)
    assert relations["pearson"].p == pytest.approx(expected.pvalue)
    assert (relations["pearson"].low, relations["pearson"].high) == pytest.approx((interval.low, interval.high))


def test_percentage_bend_is_wilcoxs():
    x, y = points()
    assert relate(x, y)[1]["percentage_bend"].value == pytest.approx(percentage_bend(x, y))


def test_skipped_is_pearson_without_the_outliers():
    x, y = points()
    x[3], y[3] = 9.0, 9.0
    _, relations = relate(x, y)
    without = np.arange(16) != 3
    expected = stats.pearsonr(x[without], y[without])
    assert relations["skipped"].value == pytest.approx(expected.statistic)
    assert relations["skipped"].p == pytest.approx(expected.pvalue)
    assert relations["skipped"].high == pytest.approx(expected.confidence_interval(0.95).high)
    assert relations["pearson"].value > 0 > relations["skipped"].value
    assert relations["percentage_bend"].value < 0


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("n", [6, 9, 30])
@pytest.mark.parametrize("name", METHODS)
def test_all_are_pingouins(name, n):
    x, y = points(n, seed=n)
    result = pingouin.corr(x, y, **METHODS[name]).iloc[0]
    relation = relate(x, y)[1][name]
    assert (relation.value, relation.p) == pytest.approx((result["r"], result["p_val"]))
    np.testing.assert_allclose([relation.low, relation.high], result["CI95"], atol=0.006)


def is_null(relation):
    return np.isnan([relation.value, relation.p, relation.low, relation.high]).all()


@pytest.mark.parametrize("name", METHODS)
def test_null_below_five_points_and_for_constants(name):
    x, y = points(MIN_POINTS)
    assert not is_null(relate(x, y)[1][name])
    assert is_null(relate(x[:-1], y[:-1])[1][name])
    assert is_null(relate(np.full(5, 0.1), y)[1][name])
    assert is_null(relate(x, np.zeros(5))[1][name])


def test_undefined_points_are_left_out_and_not_counted():
    x, y = points(12)
    n, relations = relate(np.append(x, np.nan), np.append(y, 1.0))
    assert n == 12
    assert relations == relate(x, y)[1]


def test_a_perfect_relation_has_an_interval_of_no_width():
    relation = relate(np.arange(6), 2.0 * np.arange(6))[1]["pearson"]
    np.testing.assert_allclose([relation.value, relation.low, relation.high], 1, rtol=1e-12)
