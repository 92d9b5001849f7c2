"""Relations against scipy, pingouin, and both robust correlations written from their definitions as loops."""

from unittest.mock import Mock

import numpy as np
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.covariance import MinCovDet

from manyseeds.statistics import correlations
from manyseeds.statistics.correlations import METHODS, MIN_POINTS, percentage_bend, relate, skipped

ORACLES = {
    "skipped": lambda x, y: pingouin.correlation.skipped(x, y, corr_type="pearson"),
    "percentage_bend": pingouin.correlation.percbend,
}


def points(n=16, seed=0):
    draws = np.random.default_rng(seed)
    x = draws.normal(size=n)
    return x, 0.4 * draws.normal(size=n) - x


def with_outliers(x, y):
    """One point in eight or more, of any direction and far away."""
    draws = np.random.default_rng(x.size)
    chosen = draws.choice(x.size, max(1, x.size // 8), replace=False)
    x[chosen], y[chosen] = 9 * draws.normal(size=(2, chosen.size))
    return x, y


SHAPES = {
    "normal": points,
    "heavy_tails": lambda n, seed: tuple(np.random.default_rng(seed).standard_t(1.5, size=(2, n))),
    "outliers": lambda n, seed: with_outliers(*points(n, seed)),
    "ties": lambda n, seed: tuple(np.round(values, 1) for values in points(n, seed)),
    "lattice": lambda n, seed: tuple(np.random.default_rng(seed).integers(9, size=(2, n)) / 10),
    "line_and_noise": lambda n, seed: with_outliers(np.linspace(0, 1, n), 0.7 * np.linspace(0, 1, n)),
}


def bend_by_hand(x, y, beta=0.2):
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


def ideal_fourths(values):
    """Frigge, Hoaglin & Iglewicz 1989, with ranks from 1 as they are printed."""
    ascending = [None, *sorted(values)]
    n = len(values)
    j = int(np.floor(n / 4 + 5 / 12))
    h = n / 4 + 5 / 12 - j
    k = n - j + 1
    return (1 - h) * ascending[j] + h * ascending[j + 1], (1 - h) * ascending[k] + h * ascending[k - 1]


def outliers_by_hand(x, y):
    """Wilcox's `outpro` with the minimum covariance determinant, one line and one point after the other."""
    rows = np.column_stack((x, y))
    centre = MinCovDet(random_state=42).fit(rows).location_
    found = set()
    for through in rows:
        direction = (through - centre) / np.linalg.norm(through - centre)
        lengths = [np.linalg.norm((row - centre) @ direction * direction) for row in rows]
        lower, upper = ideal_fourths(lengths)
        limit = np.median(lengths) + np.sqrt(stats.chi2.ppf(0.975, 2)) * (upper - lower)
        found |= {index for index, length in enumerate(lengths) if length > limit}
    return sorted(found)


def test_pearson_is_scipys():
    x, y = points()
    n, relations = relate(x, y)
    expected = stats.pearsonr(x, y)
    interval = expected.confidence_interval(0.95)
    assert n == 16
    assert relations["pearson"].value == pytest.approx(expected.statistic)
    assert relations["pearson"].p == pytest.approx(expected.pvalue)
    assert (relations["pearson"].low, relations["pearson"].high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("beta", [0.1, 0.2, 0.4])
def test_percentage_bend_is_wilcoxs(beta):
    x, y = points()
    assert percentage_bend(x, y, beta)[0] == pytest.approx(bend_by_hand(x, y, beta))


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


@pytest.mark.parametrize(("n", "seed"), [(6, 1), (7, 0), (8, 6), (21, 1)])
def test_outliers_are_those_of_the_definition(n, seed):
    x, y = SHAPES["heavy_tails"](n, seed)
    left = np.delete(np.arange(n), outliers_by_hand(x, y))
    assert len(left) < n
    assert skipped(x, y) == (*map(float, stats.pearsonr(x[left], y[left])), len(left))


@pytest.mark.filterwarnings("ignore")  # pingouin lets its own, scikit-learn's and numpy's through
@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 15, 30, 60])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ORACLES)
def test_robust_ones_are_pingouins(name, shape, n):
    for seed in range(2):
        x, y = SHAPES[shape](n, seed)
        expected = ORACLES[name](x, y)
        np.testing.assert_allclose(METHODS[name](x, y)[:2], expected[:2], rtol=0, atol=1e-10)
        if name == "skipped":
            assert METHODS[name](x, y)[2] == n - expected[2].sum()


@pytest.mark.parametrize("n", [6, 30])
def test_intervals_are_pingouins(n):
    for name, relation in relate(*points(n, seed=n))[1].items():
        left = METHODS[name](*points(n, seed=n))[2]
        expected = pingouin.compute_esci(stat=relation.value, nx=left, ny=left, eftype="r", decimals=12)
        np.testing.assert_allclose([relation.low, relation.high], expected, atol=1e-11)


def is_null(relation):
    return np.isnan([relation.value, relation.p, relation.low, relation.high]).all()


@pytest.mark.parametrize("name", METHODS)
def test_null_below_five_points_and_for_constants(name):
    x, y = points(MIN_POINTS)
    assert not is_null(relate(x, y)[1][name])
    assert is_null(relate(x[:-1], y[:-1])[1][name])
    assert is_null(relate(np.full(5, 0.1), y)[1][name])
    assert is_null(relate(x, np.zeros(5))[1][name])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [5, 9, 15])
def test_the_robust_centre_is_scikit_learns_bit_by_bit_by_a_covariance_of_our_own(n, monkeypatch):
    counted = Mock(side_effect=correlations._covariance)
    monkeypatch.setattr(correlations, "_covariance", counted)
    points = np.random.default_rng(n).normal(size=(n, 2)) * (1, 30)
    assert np.array_equal(correlations._robust_centre(points), MinCovDet(random_state=42).fit(points).location_)
    assert counted.call_count > 40


def test_skipped_is_null_where_most_points_coincide():
    x, y = np.append(np.zeros(7), 1.0), np.append(np.zeros(7), 2.0)
    with pytest.raises(ValueError, match="support data is equal to 0"), pytest.warns(match="not full rank"):
        ORACLES["skipped"](x, y)
    relations = relate(x, y)[1]
    assert is_null(relations["skipped"])
    assert relations["pearson"].value == pytest.approx(1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("left", [0, 1])
def test_skipped_is_null_if_all_points_or_all_but_one_are_outliers(left, monkeypatch):
    monkeypatch.setattr(correlations, "_bivariate_outliers", lambda centred: np.arange(len(centred)) >= left)
    assert is_null(relate(*points())[1]["skipped"])


@pytest.mark.filterwarnings("error")
def test_skipped_is_null_if_a_variable_is_constant_without_the_outliers():
    x, y = np.append(np.zeros(9), 50.0), np.append(np.arange(9.0), 4.0)
    assert skipped(x, y)[2] == 9
    assert is_null(relate(x, y)[1]["skipped"])


def test_rounding_makes_no_outliers():
    """Half of the points are as far left of the centre as the others are right: all are at the limit, but for one."""
    x, y = np.array([0, 1, 1, 1, 0, 0, 1, 1]), np.array([9, 6, 10, 2, 8, 9, 9, 9])
    expected = stats.pearsonr(np.delete(x, 3), np.delete(y, 3))
    for unit in (1, 0.1, 1 / 3):
        assert skipped(unit * x, unit * y) == pytest.approx((*expected, 7))


@pytest.mark.filterwarnings("error")
def test_percentage_bend_is_null_where_hardly_any_value_differs_from_the_median():
    x, y = np.append(np.zeros(8), [1.0, 2.0]), np.arange(10.0)
    assert is_null(relate(x, y)[1]["percentage_bend"])
    assert is_null(relate(y, x)[1]["percentage_bend"])
    x[0] = 0.5
    assert not is_null(relate(x, y)[1]["percentage_bend"])


@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_never_a_crash_or_a_warning(rows):
    x, y = np.array(rows, dtype=float).T / 3
    for relation in relate(x, y)[1].values():
        assert is_null(relation) or (abs(relation.value) <= 1 and 0 <= relation.p <= 1)


def test_undefined_points_are_left_out_and_not_counted():
    x, y = points(12)
    n, relations = relate(np.append(x, np.nan), np.append(y, 1.0))
    assert n == 12
    assert relations == relate(x, y)[1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", METHODS)
def test_a_perfect_relation_has_an_interval_of_no_width(name):
    relation = relate(np.arange(6), 2.0 * np.arange(6))[1][name]
    np.testing.assert_allclose([relation.value, relation.low, relation.high], 1, rtol=1e-12)
    assert relation.p == pytest.approx(0, abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_a_spread_near_rounding_is_no_warning():
    _, y = points()
    assert not is_null(relate(1 + 1e-15 * np.arange(16), y)[1]["pearson"])
