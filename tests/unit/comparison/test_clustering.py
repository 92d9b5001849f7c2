"""The category clustering index against explicit loops and closed forms."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from manyseeds.comparison.clustering import category_clustering_index

CATEGORIES = np.array([4] * 3 + [0] * 5 + [1] * 2)


def explicit_means(rdm: np.ndarray) -> tuple[float, float]:
    across, within, k = [], [], 0
    for i in range(CATEGORIES.size):
        for j in range(i + 1, CATEGORIES.size):
            if not np.isnan(rdm[k]):
                (within if CATEGORIES[i] == CATEGORIES[j] else across).append(rdm[k])
            k += 1
    return np.mean(across), np.mean(within)


@pytest.mark.parametrize("n_undefined", [0, 9])
def test_index_agrees_with_explicit_loops(n_undefined):
    rng = np.random.default_rng(0)
    rdm = pdist(rng.normal(size=(CATEGORIES.size, 4)))
    rdm[rng.permutation(rdm.size)[:n_undefined]] = np.nan
    across, within, cci = category_clustering_index(rdm, CATEGORIES)
    expected = explicit_means(rdm)
    assert (across, within) == pytest.approx(expected)
    assert cci == pytest.approx((expected[0] - expected[1]) / sum(expected))


def test_index_is_one_for_points_and_zero_for_none():
    points = pdist(np.eye(5)[CATEGORIES])
    assert category_clustering_index(points, CATEGORIES)[2] == 1
    assert category_clustering_index(np.ones_like(points), CATEGORIES)[2] == 0


def test_index_does_not_depend_on_scale_or_on_the_order_of_stimuli():
    rng = np.random.default_rng(1)
    patterns = rng.normal(size=(CATEGORIES.size, 5)) + 5 * np.eye(5)[CATEGORIES]
    order = rng.permutation(CATEGORIES.size)
    cci = category_clustering_index(pdist(patterns), CATEGORIES)[2]
    assert category_clustering_index(7 * pdist(patterns), CATEGORIES)[2] == pytest.approx(cci)
    assert category_clustering_index(pdist(patterns[order]), CATEGORIES[order])[2] == pytest.approx(cci)
    assert cci > 0.2


def test_index_is_undefined_where_nothing_differs_or_nothing_is_defined():
    zero = np.zeros(45)
    assert category_clustering_index(zero, CATEGORIES)[:2] == (0, 0)
    assert np.isnan(category_clustering_index(zero, CATEGORIES)[2])
    assert np.isnan(category_clustering_index(np.full(45, np.nan), CATEGORIES)).all()
