"""Consistency against numpy's correlations, pandas' pairwise deletion, rsatoolbox and explicit loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rsatoolbox.rdm import RDMs, compare

from manyseeds.comparison import consistency
from manyseeds.comparison.consistency import (
    agreement,
    pairwise_r,
    random_partitions,
    within_category_mask,
    within_category_mean,
)
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.measures import MEASURES, rdm

CATEGORIES = np.array([3] * 4 + [0] * 6 + [1] * 5 + [7] * 3)
N = CATEGORIES.size


def networks(n_networks: int = 4, seed: int = 0, units: int = 60) -> list[np.ndarray]:
    """Return activations of networks that share part of their patterns."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(8, units))[CATEGORIES] + rng.normal(size=(N, units))
    return [np.maximum(shared + rng.normal(size=(N, units)), 0) for _ in range(n_networks)]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.stack([rdm(measure_geometry(a, name="a"), "correlation") for a in networks()])


@pytest.fixture(scope="module")
def gaps(vectors) -> np.ndarray:
    """RDM vectors with undefined entries, of one network in a whole stimulus."""
    gaps = vectors.copy()
    gaps[np.random.default_rng(1).random(gaps.shape) < 0.1] = np.nan
    i, j = np.triu_indices(N, 1)
    gaps[2, (i == 5) | (j == 5)] = np.nan
    return gaps


def correlation_of_defined(a: np.ndarray, b: np.ndarray) -> float:
    defined = ~np.isnan(a) & ~np.isnan(b)
    return np.corrcoef(a[defined], b[defined])[0, 1]


# Correlations of RDM vectors


def test_r_agrees_with_numpy_and_rsatoolbox(vectors):
    r, n_undefined = pairwise_r(vectors)
    np.testing.assert_allclose(r, np.corrcoef(vectors), rtol=1e-10)
    np.testing.assert_allclose(r, compare(RDMs(vectors), RDMs(vectors), method="corr"), rtol=1e-10)
    assert (n_undefined == 0).all()


def test_undefined_entries_are_left_out_pairwise_and_counted(gaps):
    r, n_undefined = pairwise_r(gaps)
    np.testing.assert_allclose(r, pd.DataFrame(gaps.T).corr().to_numpy(), rtol=1e-10)
    for a in range(len(gaps)):
        for b in range(len(gaps)):
            assert n_undefined[a, b] == sum(np.isnan(x) or np.isnan(y) for x, y in zip(gaps[a], gaps[b], strict=True))


def test_blocks_and_leading_axes_change_nothing(gaps, monkeypatch):
    batch = np.stack([gaps, gaps[::-1], gaps**2])
    r, n_undefined = pairwise_r(batch)
    monkeypatch.setattr(consistency, "BLOCK_VALUES", 12 * 7)  # 7 entries a block; some blocks have no gap
    blocks = pairwise_r(batch)
    np.testing.assert_allclose(blocks[0], r, rtol=1e-10)
    np.testing.assert_array_equal(blocks[1], n_undefined)
    for k in range(3):
        np.testing.assert_allclose(pairwise_r(batch[k])[0], r[k], rtol=1e-10)


def test_vectors_without_variance_have_no_correlation(vectors):
    n_entries = vectors.shape[1]
    small = 5 + 1e-9 * vectors[2]  # varies, though little beside its mean
    rounded = 0.1 * (1 + 1e-16 * np.arange(n_entries))  # varies by nothing but rounding
    odd = np.vstack([vectors[:2], rounded, np.full(n_entries, np.nan), small])
    r, n_undefined = pairwise_r(odd)
    assert rounded.std() > 0
    assert np.isnan(r[2]).all()
    assert np.isnan(r[3]).all()
    assert (n_undefined[3] == n_entries).all()
    assert (n_undefined[2, [0, 1, 2, 4]] == 0).all()
    np.testing.assert_allclose(r[4, :2], np.corrcoef(vectors[:3])[2, :2], rtol=1e-5)


@pytest.mark.parametrize("value", np.linspace(0.1, 3, 8))
def test_variance_must_be_left_where_both_are_defined(value):
    vectors = np.array(
        [
            [1.1, 2.3, value, value, value],
            [np.nan, np.nan, 1.0, 2.0, 4.0],
            [2.0, 9.0, 4.0, np.nan, np.nan],
        ]
    )
    r, n_undefined = pairwise_r(vectors)
    assert np.isnan(r[0, 1])  # the first does not vary over the last three entries
    assert np.isnan(r[1, 2])  # one entry is left
    np.testing.assert_array_equal(n_undefined, [[0, 2, 2], [2, 2, 4], [2, 4, 2]])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_r_is_invariant_to_scale_and_shift(seed, scale, shift):
    vectors = np.random.default_rng(seed).normal(size=(3, 40))
    vectors[1, 7] = np.nan
    r, _ = pairwise_r(vectors)
    np.testing.assert_allclose(pairwise_r(scale * vectors + shift)[0], r, atol=1e-8)
    np.testing.assert_allclose(r, r.T)
    assert (np.abs(r) <= 1).all()


# Kinds of entries


def test_pairs_of_networks_come_in_the_order_of_squareform(vectors):
    exemplar = agreement(vectors)
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    for k, (a, b) in enumerate(pairs):
        assert exemplar.r[k] == pytest.approx(np.corrcoef(vectors[a], vectors[b])[0, 1])
        assert exemplar.consistency[k] == pytest.approx(exemplar.r[k] ** 2)
    assert (exemplar.n_entries, len(exemplar.r)) == (N * (N - 1) // 2, len(pairs))


def test_within_category_entries():
    expected = [CATEGORIES[i] == CATEGORIES[j] for i in range(N) for j in range(i + 1, N)]
    np.testing.assert_array_equal(within_category_mask(CATEGORIES), expected)


def test_within_category_kinds(gaps):
    geometries = [measure_geometry(a, name="a") for a in networks()]
    _, centroids = consistency.stacked_rdms(geometries, lambda raw: raw, CATEGORIES, "correlation")
    kinds = consistency.agreements(gaps, centroids, CATEGORIES)
    pooled, averaged = kinds["within_category"], kinds["within_category_mean"]
    pairs = [(i, j) for i in range(N) for j in range(i + 1, N)]
    entries = {c: [k for k, (i, j) in enumerate(pairs) if CATEGORIES[i] == CATEGORIES[j] == c] for c in (0, 1, 3, 7)}
    everything = [k for e in entries.values() for k in e]
    k = 0
    for a in range(4):
        for b in range(a + 1, 4):
            assert pooled.r[k] == pytest.approx(correlation_of_defined(gaps[a, everything], gaps[b, everything]))
            parts = [correlation_of_defined(gaps[a, e], gaps[b, e]) for e in entries.values()]
            assert averaged.r[k] == pytest.approx(np.mean(parts))
            assert averaged.consistency[k] == pytest.approx(np.mean(np.square(parts)))
            undefined = (np.isnan(gaps[a, everything]) | np.isnan(gaps[b, everything])).sum()
            assert pooled.n_undefined[k] == averaged.n_undefined[k] == undefined
            k += 1
    assert pooled.n_entries == averaged.n_entries == len(everything)


def test_categories_of_two_stimuli_have_no_consistency_of_their_own(vectors):
    categories = np.array([0, 0] + [1] * (N - 2))
    averaged = within_category_mean(vectors, categories)
    mask = [i > 1 for i in range(N) for j in range(i + 1, N)]
    np.testing.assert_allclose(averaged.consistency, agreement(vectors[:, mask]).consistency)
    assert averaged.n_entries == 1 + sum(mask)


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_centroid_consistency_by_explicit_centroids(measure):
    activations = networks()
    geometries = [measure_geometry(a, name="a") for a in activations]
    vectors, of_centroids = consistency.stacked_rdms(geometries, lambda raw: raw, CATEGORIES, measure)
    np.testing.assert_array_equal(vectors, [rdm(geometry, measure) for geometry in geometries])
    ours = consistency.agreements(vectors, of_centroids, CATEGORIES)["centroid"]
    centroids = [np.stack([a[c == CATEGORIES].mean(axis=0) for c in (0, 1, 3, 7)]) for a in activations]
    explicit = np.stack([rdm(measure_geometry(c, name="c"), measure) for c in centroids])
    np.testing.assert_allclose(ours.r, np.corrcoef(explicit)[np.triu_indices(4, 1)], rtol=1e-9)
    assert ours.n_entries == 6


# Random grouping


def test_random_partitions_keep_the_sizes_of_the_categories():
    partitions = random_partitions(CATEGORIES, 200, np.random.default_rng(0))
    assert partitions.shape == (200, N)
    for partition in partitions:
        assert sorted(np.bincount(partition)) == [3, 4, 5, 6]
    assert len({tuple(partition) for partition in partitions}) == 200
    # Each stimulus comes into each group as often as the group is large.
    frequency = (partitions[:, :, None] == np.arange(4)).mean(axis=0)
    np.testing.assert_allclose(frequency, np.tile(np.array([6, 5, 4, 3]) / N, (N, 1)), atol=0.15)


def test_random_partitions_follow_from_the_generator():
    draws = [random_partitions(CATEGORIES, 5, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_random_centroids_by_explicit_loops(monkeypatch):
    activations = networks()
    partitions = random_partitions(CATEGORIES, 7, np.random.default_rng(3))
    monkeypatch.setattr(consistency, "BLOCK_VALUES", 3 * 4 * N)  # three partitions at once, then three, then one
    geometries = [measure_geometry(a, name="a") for a in activations]
    ours = consistency.random_centroid_agreement(geometries, partitions, ["correlation", "euclidean"])
    for measure, agreements in ours.items():
        assert agreements.r.shape == (7, 6)
        for row, partition in zip(agreements.r, partitions, strict=True):
            # One and the same partition for all networks.
            means = [np.stack([a[partition == group].mean(axis=0) for group in range(4)]) for a in activations]
            explicit = np.stack([rdm(measure_geometry(m, name="m"), measure) for m in means])
            np.testing.assert_allclose(row, np.corrcoef(explicit)[np.triu_indices(4, 1)], rtol=1e-8)


def test_a_network_agrees_fully_with_its_copy_on_random_centroids():
    first = measure_geometry(networks(1)[0], name="a")
    partitions = random_partitions(CATEGORIES, 20, np.random.default_rng(0))
    copies = consistency.random_centroid_agreement([first, first], partitions, ["cosine"])["cosine"]
    np.testing.assert_allclose(copies.consistency, 1, rtol=1e-9)


def test_the_mean_over_partitions_leaves_out_what_is_undefined():
    over = consistency.Agreement(
        r=np.array([[0.5, np.nan], [-0.1, np.nan]]),
        consistency=np.array([[0.25, np.nan], [0.01, np.nan]]),
        n_entries=6,
        n_undefined=np.array([[0, 6], [2, 6]]),
    )
    mean = consistency.mean_agreement(over)
    np.testing.assert_allclose(mean.r, [0.2, np.nan])
    np.testing.assert_allclose(mean.consistency, [0.13, np.nan])
    np.testing.assert_array_equal(mean.n_undefined, [2, 6])


def test_categories_of_one_stimulus_have_no_pairs_and_disturb_no_others():
    vectors, categories = np.random.default_rng(0).random((2, 10)), np.array([0, 0, 0, 1, 2])
    within = within_category_mean(vectors, categories)
    assert within.n_entries == 3
    assert within.r[0] == pytest.approx(np.corrcoef(vectors[:, [0, 1, 4]])[0, 1])  # pairs 01, 02 and 12
    alone = agreement(vectors[:, within_category_mask(np.arange(5))])
    assert (alone.n_entries, alone.n_undefined.tolist()) == (0, [0])
    assert np.isnan(alone.r).all()
