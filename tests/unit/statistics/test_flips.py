"""Whether single networks would have led to another conclusion."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from manyseeds.errors import StudyError
from manyseeds.statistics.flips import flip, flip_of_means, networks_needed


def test_flips_are_counted_over_all_pairs_with_half_of_each_tie():
    better, worse = np.array([3.0, 2.0, 1.0]), np.array([2.0, 0.0])
    expected = np.mean([(a < b) + 0.5 * (a == b) for a in better for b in worse])
    assert flip(better, worse).observed == pytest.approx(expected)


def test_normal_theory_is_that_of_a_difference_of_two_draws():
    better, worse = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 2.5, 1.0])
    sd = np.sqrt(better.var(ddof=1) + worse.var(ddof=1))
    found = flip(better, worse)
    assert found.normal == pytest.approx(stats.norm(better.mean() - worse.mean(), sd).cdf(0))
    assert found.low < found.normal < found.high
    assert flip_of_means(better, worse, 4) == pytest.approx(stats.norm(0.875 + 0.5, sd / 2).cdf(0))


def test_the_interval_covers_the_truth_and_is_not_far_too_wide():
    """95 to 99 % in the simulations of methods 13; here 2,000 studies of 8 and 6 networks."""
    rng, truth, covered = np.random.default_rng(0), stats.norm.cdf(-0.8 / np.sqrt(1 + 4)), []
    for _ in range(2000):
        found = flip(rng.normal(0.8, 1, 8), rng.normal(0, 2, 6))
        covered.append(found.low <= truth <= found.high)
    assert 0.94 <= np.mean(covered) <= 0.995


def test_lists_and_series_are_groups_in_either_order():
    better, worse = [3.0, 2.0, 1.0], pd.Series([2.0, 0.0, 1.5, 0.0], index=[4, 5, 6, 7])
    expected = flip(np.array(better), worse.to_numpy())
    assert flip(better, worse) == flip(worse, better) == expected
    assert expected.observed < 0.5


@pytest.mark.parametrize(
    ("better", "words"),
    [
        ([1.0, np.nan], "better: found nan at place 1, expected finite values; leave it out"),
        ([], r"better: found shape \(0,\), expected one value for each of one or more networks"),
        (3.0, r"better: found shape \(\), expected one value"),
        (["a"], "better: expected a list of numbers"),
    ],
)
def test_values_that_do_not_exist_are_refused(better, words):
    with pytest.raises(StudyError, match=words):
        flip(better, np.ones(3))


def test_few_or_equal_networks():
    three = np.array([1.0, 2.0, 3.0])
    assert np.isnan(flip(three, three - 1).low)
    assert np.isnan(flip(three[:1], three).normal)
    same = np.ones(5)
    assert (flip(same, same).observed, flip(same, same).normal) == (0.5, 0.5)
    assert flip(same + 1, same).normal == 0
    assert flip_of_means(same, same, 3) == 0.5


def test_the_number_of_networks_needed_is_the_least_one():
    rng = np.random.default_rng(0)
    better, worse = rng.normal(0.5, 1, 10), rng.normal(0, 1, 10)
    needed = networks_needed(better, worse)
    assert flip_of_means(better, worse, needed) <= 0.05 < flip_of_means(better, worse, needed - 1)
    assert networks_needed(worse, worse) is None
    assert networks_needed(np.ones(5) + 1, np.ones(5)) == 1
