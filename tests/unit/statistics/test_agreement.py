"""Agreement of classifiers against scikit-learn, scipy and statsmodels."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.multitest import multipletests

from manyseeds.statistics import agreement

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 10, 400)


def answers(accuracy, seed):
    random = np.random.default_rng(seed)
    return np.where(random.random(400) < accuracy, LABELS, random.integers(0, 10, 400)).astype(np.int16)


@pytest.mark.parametrize("seed", range(4))
def test_kappa_is_that_of_scikit_learn_on_correctness(seed):
    a, b = answers(0.7, seed), answers(0.5, seed + 50)
    found = agreement.agreement(a, b, LABELS)
    assert found["kappa"] == pytest.approx(cohen_kappa_score(a == LABELS, b == LABELS))
    assert found["difference"] == pytest.approx(np.mean(b == LABELS) - np.mean(a == LABELS))
    assert found["agreement"] == pytest.approx(np.mean(a == b))
    wrong = (a != LABELS) & (b != LABELS)
    assert found["same_error"] == pytest.approx(np.mean(a[wrong] == b[wrong]))


def test_kappa_of_equal_opposite_independent_and_perfect_networks():
    right = np.arange(400) % 2 == 0
    assert agreement.kappa(right, right) == 1
    assert agreement.kappa(right, ~right) == -1
    many = np.random.default_rng(0).random((2, 200_000)) < 0.6
    assert abs(agreement.kappa(*many)) < 0.01
    assert np.isnan(agreement.kappa(np.ones(9, bool), np.ones(9, bool)))


@pytest.mark.parametrize(("b", "c"), [(0, 0), (3, 9), (9, 3), (40, 41), (0, 12)])
def test_mcnemar_is_the_exact_binomial_test(b, c):
    expected = binomtest(b, b + c).pvalue if b + c else 1
    assert agreement.mcnemar(b, c) == pytest.approx(expected)


def test_no_common_error_is_undefined():
    assert np.isnan(agreement.agreement(LABELS, LABELS, LABELS)["same_error"])
    assert agreement.agreement(LABELS, LABELS, LABELS)["mcnemar_p"] == 1


def test_equivalence_is_two_one_sided_tests_of_a_paired_difference():
    b, c, m = 45, 50, 4000
    differences = np.repeat([-1, 1, 0], [b, c, m - b - c])
    half = agreement.paired_half_width(np.array(b), np.array(c), m)
    assert half == pytest.approx(norm.ppf(0.95) * differences.std() / np.sqrt(m))
    error = half / norm.ppf(0.95)
    for margin in (0.003, 0.006, 0.02):
        p = max(norm.sf((margin - (c - b) / m) / error), norm.sf((margin + (c - b) / m) / error))
        assert agreement.is_equivalent(np.array((c - b) / m), half, margin) == (p < 0.05)


def test_holm_is_that_of_statsmodels():
    p = RANDOM.random(20) ** 3
    p[[3, 8]] = np.nan
    expected = np.full(20, np.nan)
    expected[np.isfinite(p)] = multipletests(p[np.isfinite(p)], method="holm")[1]
    np.testing.assert_allclose(agreement.holm(p), expected)
    assert agreement.holm([]).size == 0
