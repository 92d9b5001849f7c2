"""Which images a condition leaves: halves that are disjoint and stratified, categories that are relabelled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyseeds.data import subsets
from manyseeds.data.images import Images
from manyseeds.errors import StudyError

LABELS = np.array([2, 0, 1, 1, 0, 2, 2, 0, 1, 0, 2])


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(0, 2**32))
def test_halves_are_disjoint_complete_and_stratified(labels, seed):
    labels = np.array(labels)
    a, b = (subsets.select(labels, images=half, seed=seed) for half in subsets.HALVES)
    assert sorted([*a, *b]) == list(range(len(labels)))
    assert (np.diff(a) > 0).all()
    assert (np.diff(b) > 0).all()
    difference = np.bincount(labels[a], minlength=5) - np.bincount(labels[b], minlength=5)
    np.testing.assert_array_equal(difference, np.bincount(labels, minlength=5) % 2)


def test_halves_follow_their_seed():
    labels = np.zeros(100, dtype=int)
    a, again, other = (subsets.select(labels, images="a", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, again)
    assert set(a) != set(other)


def test_all_images_are_left_without_a_restriction():
    np.testing.assert_array_equal(subsets.select(LABELS), np.arange(len(LABELS)))


def test_categories_are_kept_and_relabelled_in_the_order_given():
    kept = subsets.select(LABELS, categories=[2, 0])
    assert set(LABELS[kept]) == {0, 2}
    assert len(kept) == np.isin(LABELS, [0, 2]).sum()
    np.testing.assert_array_equal(subsets.relabelled(LABELS[kept], [2, 0]), np.where(LABELS[kept] == 2, 0, 1))


def test_a_half_of_some_categories():
    kept = subsets.select(LABELS, images="b", seed=3, categories=[1, 2])
    assert np.bincount(LABELS[kept], minlength=3).tolist() == [0, 1, 2]


def test_a_category_that_the_data_do_not_have():
    subsets.check_categories(None, ["cat", "dog"])
    subsets.check_categories([1, 0], ["cat", "dog"])
    with pytest.raises(StudyError, match=r"found category 2, expected numbers from 0 to 1 \(cat to dog\)"):
        subsets.check_categories([0, 2], ["cat", "dog"])


def test_a_subset_of_images_keeps_each_image_with_its_label():
    inputs = np.arange(len(LABELS), dtype=np.float32).reshape(-1, 1, 1, 1)
    images = Images(inputs, LABELS, 3)
    assert images.subset() is images
    subset = images.subset(categories=[1, 2])
    assert subset.n_categories == 2
    positions = subset.inputs.ravel().astype(int)
    np.testing.assert_array_equal(LABELS[positions] - 1, subset.labels)
    assert subset.digest != images.digest
