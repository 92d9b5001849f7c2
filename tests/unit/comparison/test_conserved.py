"""What instances have in common: explicit loops, planted structure, and selection that is held out."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from manyseeds.comparison import conserved

CATEGORIES = np.repeat([0, 1, 2], 4)


def rdms(n_networks=4, n=12, seed=0, common=0.5):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 20))
    return np.stack(
        [squareform(pdist(common * shared + (1 - common) * rng.standard_normal((n, 20)))) for _ in range(n_networks)]
    )


@pytest.mark.parametrize(("n", "n_all"), [(4, 3), (5, 10), (6, 10), (7, 35)])
def test_splits_are_all_splits_each_once_with_sizes_that_differ_by_one_at_most(n, n_all):
    found = conserved.halves_of(n, 100, np.random.default_rng(0))
    assert len(found) == len({frozenset(halves) for halves in found}) == n_all
    for first, second in found:
        assert sorted(first + second) == list(range(n))
        assert len(second) - len(first) == n % 2
    few = conserved.halves_of(n, 2, np.random.default_rng(0))
    assert len({frozenset(halves) for halves in few}) == 2


def test_three_networks_have_no_halves():
    assert conserved.halves_of(3, 100, np.random.default_rng(0)) == []


def test_halves_of_stimuli_are_disjoint_and_even_within_categories():
    categories = np.repeat([0, 1], [5, 4])
    first, second = conserved.halved_stimuli(categories, np.random.default_rng(0))
    assert sorted([*first, *second]) == list(range(9))
    assert np.bincount(categories[first]).tolist() == [2, 2]


@pytest.mark.parametrize("scope", ["all", "same"])
def test_rows_are_correlated_as_by_a_loop(scope):
    matrices = rdms()
    matrices[1, 2, 5] = matrices[1, 5, 2] = np.nan
    allowed = np.ones((12, 12), bool) if scope == "all" else CATEGORIES[:, None] == CATEGORIES
    found = conserved.row_correlations(matrices, allowed.copy())
    for k, (i, j) in enumerate(combinations(range(4), 2)):
        for s in range(12):
            kept = [t for t in range(12) if t != s and allowed[s, t] and not np.isnan(matrices[:, s, t]).any()]
            if len(kept) < 3:
                assert np.isnan(found[k, s])
            else:
                assert found[k, s] == pytest.approx(pearsonr(matrices[i, s, kept], matrices[j, s, kept]).statistic)


def test_agreement_of_rows_follows_a_permutation_of_the_stimuli_and_constant_rows_are_undefined():
    matrices, order = rdms(), np.random.default_rng(1).permutation(12)
    allowed = np.ones((12, 12), bool)
    one = conserved.row_correlations(matrices, allowed.copy())
    other = conserved.row_correlations(matrices[:, order][:, :, order], allowed.copy())
    np.testing.assert_allclose(other, one[:, order])
    matrices[2, 3, :] = matrices[2, :, 3] = 1.0
    found = conserved.row_correlations(matrices, allowed.copy())
    assert np.isnan(found[[1, 3, 5], 3]).all()  # the pairs of network 2
    assert np.isfinite(found[[0, 2, 4], 3]).all()


def test_a_stimulus_with_scrambled_rows_ranks_last():
    rng, matrices = np.random.default_rng(2), np.stack([rdms(1, 12, 5)[0]] * 5)
    for matrix in matrices:
        others = np.delete(np.arange(12), 7)
        matrix[7, others] = matrix[others, 7] = rng.permutation(matrix[7, others])
    agreement = conserved.mean_over_pairs(conserved.row_correlations(matrices, np.ones((12, 12), bool)))
    assert agreement.argmin() == 7
    assert np.sort(agreement)[1] > agreement[7] + 0.2


def test_blocks_of_categories_have_each_entry_once():
    matrices = rdms()
    found = {(a, b): r for a, b, r in conserved.block_correlations(matrices, CATEGORIES)}
    assert list(found) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    for (a, b), r in found.items():
        pairs = [(s, t) for s, t in combinations(range(12), 2) if sorted((CATEGORIES[s], CATEGORIES[t])) == [a, b]]
        for k, (i, j) in enumerate(combinations(range(4), 2)):
            values = [[matrices[network][pair] for pair in pairs] for network in (i, j)]
            assert r[k] == pytest.approx(pearsonr(*values).statistic)


def test_spearman_brown_against_scipy():
    first, second = np.random.default_rng(3).standard_normal((2, 30)).cumsum(axis=1)
    first[4] = np.nan
    rho = spearmanr(np.delete(first, 4), np.delete(second, 4)).statistic
    assert conserved.spearman_brown(first, second) == pytest.approx(2 * rho / (1 + rho))
    assert np.isnan(conserved.spearman_brown(first[:2], second[:2]))


def test_two_families_of_networks_replicate_in_the_second_eigenvector_and_noise_does_not():
    rng = np.random.default_rng(4)
    categories = np.repeat(np.arange(4), 10)
    base, family = rng.standard_normal((40, 30)), rng.standard_normal((2, 40, 30))
    of_families = [base + family[network % 2] + 0.5 * rng.standard_normal((40, 30)) for network in range(8)]
    of_none = [base + 1.1 * rng.standard_normal((40, 30)) for _ in range(8)]
    found = [
        conserved.replication_of_groups(
            np.stack([squareform(pdist(patterns)) for patterns in networks]), categories, 20, np.random.default_rng(0)
        )
        for networks in (of_families, of_none)
    ]
    assert found[0] > 0.9
    assert found[1] < 0.75
    assert np.isnan(conserved.replication_of_groups(rdms(4), CATEGORIES, 5, rng))


def test_selection_on_noise_gives_the_mean_in_the_other_half_and_the_naive_list_does_not():
    rng = np.random.default_rng(5)
    z = conserved.standardised(rng.standard_normal((6, 20000)))
    spread_a, spread_b = (conserved.spread_over(z, half) for half in ((0, 1, 2), (3, 4, 5)))
    most, least = conserved.held_out_extremes(spread_a, 500)
    for chosen in (most, least):
        error = spread_b.std() / np.sqrt(500)
        assert abs(spread_b[chosen].mean() - spread_b.mean()) < 4 * error
    assert spread_a[most].mean() < spread_a.mean() / 3  # what a list without a second half would show
    assert abs(conserved.spearman_brown(spread_a, spread_b)) < 0.05


def test_spreads_are_of_standardised_entries_that_all_networks_define():
    vectors = np.random.default_rng(6).standard_normal((4, 30)) * 3 + 1
    vectors[2, 5] = np.nan
    z = conserved.standardised(vectors)
    assert np.isnan(z[:, 5]).all()
    kept = np.delete(z, 5, axis=1)
    np.testing.assert_allclose(kept.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(kept.std(axis=1), 1)
    found = conserved.spread_over(z, (0, 3))
    assert found[0] == pytest.approx(np.std([z[0, 0], z[3, 0]], ddof=1))
    assert not set(conserved.held_out_extremes(found, 14)[0]) & {5}


def patterns_of(n_networks, common, seed=7, n=15, n_units=25):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, n_units))
    return [common * shared + (1 - common) * rng.standard_normal((n, n_units)) for _ in range(n_networks)]


def squared(patterns):
    return squareform(pdist(patterns, "sqeuclidean"))


def test_dimensions_against_an_explicit_computation():
    networks, categories = patterns_of(4, 0.6), np.repeat([0, 1, 2], 5)
    splits = conserved.halves_of(4, 10, np.random.default_rng(0))
    found = conserved.conserved_dimensions([squared(each) for each in networks], categories, splits, 50)
    grams = []
    for patterns in networks:
        centred = patterns - patterns.mean(axis=0)
        grams.append(centred @ centred.T / np.trace(centred @ centred.T))
    cka = np.array([[np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b) for a in grams] for b in grams])
    cross, shares = {network: [] for network in range(4)}, []
    for halves in splits:
        for used, left in (halves, halves[::-1]):
            weights = np.abs(np.linalg.eigh(cka[np.ix_(used, used)])[1][:, -1])
            whole = sum(
                w * grams[i] / np.linalg.norm(grams[i]) for w, i in zip(weights / weights.sum(), used, strict=True)
            )
            vectors = np.linalg.eigh(whole)[1][:, ::-1][:, :14]
            indicators = np.eye(3)[categories] - np.eye(3)[categories].mean(axis=0)
            projector = indicators @ np.linalg.pinv(indicators)
            shares.append(np.linalg.norm(projector @ vectors, axis=0) ** 2)
            for i in left:
                cross[i].append(np.cumsum([v @ grams[i] @ v for v in vectors.T]))
    for i in range(4):
        np.testing.assert_allclose(found.cross[i], np.mean(cross[i], axis=0), atol=1e-10)
        np.testing.assert_allclose(found.own[i], np.cumsum(np.linalg.eigvalsh(grams[i])[::-1][:14]), atol=1e-10)
    np.testing.assert_allclose(found.category, np.mean(shares, axis=0), atol=1e-8)


def test_identical_networks_and_rotated_ones_have_the_same_dimensions():
    patterns, rng = patterns_of(1, 1.0)[0], np.random.default_rng(8)
    rotations = [np.linalg.qr(rng.standard_normal((25, 25)))[0] for _ in range(4)]
    splits = conserved.halves_of(4, 10, np.random.default_rng(0))
    categories = np.repeat([0, 1, 2], 5)
    found = conserved.conserved_dimensions([squared(patterns @ each) for each in rotations], categories, splits, 6)
    assert found.cross.shape == (4, 6)
    np.testing.assert_allclose(found.cross, found.own, atol=1e-10)


def test_layers_of_few_units_have_as_many_dimensions_as_any_compromise():
    rng = np.random.default_rng(1)
    networks = [squared(rng.standard_normal((15, 3))) for _ in range(4)]
    splits = conserved.halves_of(4, 10, np.random.default_rng(0))
    found = conserved.conserved_dimensions(networks, np.repeat([0, 1, 2], 5), splits, 50)
    assert found.cross.shape == found.own.shape == (4, 6)
    assert found.category.sum() <= 2
    np.testing.assert_allclose(found.own[:, 2:], 1.0)


def test_without_halves_or_variation_there_are_no_dimensions():
    networks = [squared(each) for each in patterns_of(4, 0.6)]
    splits = conserved.halves_of(4, 10, np.random.default_rng(0))
    assert conserved.conserved_dimensions(networks[:3], CATEGORIES, [], 5) is None
    assert conserved.conserved_dimensions([np.zeros((15, 15)), *networks[1:]], CATEGORIES, splits, 5) is None


def test_distances_to_centroids_are_those_of_patterns():
    patterns, categories = patterns_of(1, 0.3)[0], np.repeat([0, 1, 2], 5)
    centroids = np.stack([patterns[categories == each].mean(axis=0) for each in range(3)])
    expected = np.linalg.norm(patterns - centroids[categories], axis=1)
    found = conserved.distances_to_centroids(squared(patterns), categories)
    np.testing.assert_allclose(found, expected / expected.mean())
