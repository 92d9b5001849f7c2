"""Comparators against formulas on activations, scipy, rsatoolbox and explicit loops."""

import tracemalloc
import warnings
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from rsatoolbox.rdm import RDMs, compare
from scipy import linalg, stats
from scipy.spatial.distance import pdist, squareform

from manyseeds.comparison import comparators
from manyseeds.comparison.comparators import COMPARATORS, OF_PATTERNS, OF_RDMS, similarities
from manyseeds.comparison.consistency import pairwise_r
from manyseeds.io.scratch import stack
from manyseeds.representations.geometry import cocktail_blank, measure_geometry
from manyseeds.representations.measures import rdm

N = 20
UNITS = (7, N, 60)
"""Fewer units than stimuli, as many, and more."""


def patterns(units: int, seed: int = 0, n: int = N) -> np.ndarray:
    """Activations that share part of their structure over seeds and numbers of units."""
    shared = np.random.default_rng(99).normal(size=(n, 5))
    rng = np.random.default_rng(seed)
    return shared @ rng.normal(size=(5, units)) + 2 * rng.normal(size=(n, units)) + 3


def of(*activations: np.ndarray, **options) -> np.ndarray:
    return similarities([measure_geometry(a, name="a") for a in activations], **options).values


def centred(a: np.ndarray) -> np.ndarray:
    return a - a.mean(axis=0)


def song(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased HSIC in three terms (Song et al. 2012, eq. 5), from activations."""
    n = len(a)
    k, m = a @ a.T, b @ b.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    ones = np.ones(n)
    product = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (product - 2 / (n - 2) * ones @ k @ m @ ones) / (n * (n - 3))


def debiased(a: np.ndarray, b: np.ndarray) -> float:
    return song(a, b) / np.sqrt(song(a, a) * song(b, b))


def standardised(a: np.ndarray) -> np.ndarray:
    rows = a - a.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def expected(a: np.ndarray, b: np.ndarray, comparator: str) -> float:
    """An independent computation of each comparator, from activations."""
    x, y = centred(a), centred(b)
    u, v = pdist(a, "correlation"), pdist(b, "correlation")
    if comparator == "cka":  # the feature formula of Kornblith et al. 2019
        return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    if comparator == "procrustes":
        width = max(a.shape[1], b.shape[1])
        x, y = (np.pad(z, ((0, 0), (0, width - z.shape[1]))) / np.linalg.norm(z) for z in (x, y))
        _, scale = linalg.orthogonal_procrustes(x, y)
        return scale
    return {
        "r2": lambda: stats.pearsonr(u, v).statistic ** 2,
        "r": lambda: stats.pearsonr(u, v).statistic,
        "spearman": lambda: stats.spearmanr(u, v).statistic,
        "cosine": lambda: u @ v / np.sqrt((u @ u) * (v @ v)),
        "cka_debiased": lambda: debiased(a, b),
        "cka_correlation": lambda: debiased(standardised(a), standardised(b)),
    }[comparator]()


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("comparator", COMPARATORS)
def test_comparators_are_those_of_activations(comparator, units):
    networks = [patterns(units, 0), patterns(units, 1), patterns(N + 3, 2)]
    found = of(*networks, comparator=comparator)
    for i, j in combinations(range(3), 2):
        assert found[i, j] == found[j, i] == pytest.approx(expected(networks[i], networks[j], comparator), abs=1e-9)
    np.testing.assert_allclose(np.diagonal(found), 1, rtol=1e-9)


@pytest.mark.parametrize("units", UNITS)
def test_cka_and_procrustes_are_those_of_rsatoolbox(units):
    networks = [patterns(units, seed) for seed in range(3)]
    squared = RDMs(np.stack([pdist(a, "sqeuclidean") for a in networks]))
    for comparator, method in (("cka", "cosine_cov"), ("procrustes", "bures")):
        np.testing.assert_allclose(of(*networks, comparator=comparator), compare(squared, squared, method), rtol=1e-6)


def test_cka_is_the_cosine_of_the_cocktail_gram_matrices():
    geometries = [measure_geometry(patterns(units, 4), name="a") for units in UNITS]
    k, m = (cocktail_blank(geometry).gram for geometry in geometries[:2])
    inner = (k * m).sum() / np.sqrt((k**2).sum() * (m**2).sum())
    assert similarities(geometries, "cka").values[0, 1] == pytest.approx(inner, rel=1e-12)


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("measure", ["correlation", "euclidean"])
def test_invariances(comparator, measure):
    a, b = patterns(30, 0), patterns(30, 1)
    rotation = linalg.qr(np.random.default_rng(5).normal(size=(30, 30)))[0]
    value = of(a, b, comparator=comparator, measure=measure)[0, 1]
    keeps_translation = comparator in ("cka", "cka_debiased", "procrustes")
    of_correlation = comparator == "cka_correlation" or (comparator in OF_RDMS and measure == "correlation")
    changed = {
        "scale": (7 * a, True),
        "rotation": (a @ rotation, not of_correlation),
        "translation": (a + np.arange(30), keeps_translation or (comparator in OF_RDMS and measure == "euclidean")),
        "anisotropic": (a * np.linspace(0.1, 3, 30), False),
    }
    for name, (other, is_same) in changed.items():
        found = of(other, b, comparator=comparator, measure=measure)[0, 1]
        assert (abs(found - value) < 1e-9) == is_same, name


def test_debiased_cka_of_independent_networks_has_mean_0_and_cka_does_not():
    rng = np.random.default_rng(0)
    values, biased = [], []
    for _ in range(40):
        networks = [rng.normal(size=(N, 300)) for _ in range(2)]
        values.append(of(*networks, comparator="cka_debiased")[0, 1])
        biased.append(of(*networks, comparator="cka")[0, 1])
    assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / np.sqrt(len(values))
    assert min(values) < 0
    assert min(biased) > 0.8


def test_rows_of_u_centred_matrices_sum_to_0():
    distances = squareform(pdist(patterns(7)) ** 2)
    matrix = comparators.u_centred(distances)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-12 * np.abs(distances).max())
    assert (np.diagonal(matrix) == 0).all()
    assert (comparators.u_centred(np.full((6, 6), 0.3)) == 0).all()


def test_angle_is_the_arc_cosine():
    value = of(patterns(9), patterns(9, 1), comparator="procrustes")
    np.testing.assert_allclose(np.cos(comparators.angle(value)), value)


# Undefined stimuli


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_undefined_stimuli_are_left_out_for_both_networks_of_a_pair_alone(comparator):
    networks = [patterns(30, seed) for seed in range(4)]
    networks[0][3] = networks[1][3] = networks[1][8] = 0.0
    kept = [[3], [3, 8], [], []]
    found = similarities([measure_geometry(a, name="a") for a in networks], comparator)
    for i, j in combinations(range(4), 2):
        a, b = (np.delete(networks[k], kept[i] + kept[j], axis=0) for k in (i, j))
        assert found.values[i, j] == pytest.approx(of(a, b, comparator=comparator)[0, 1], rel=1e-9)
        assert found.n_stimuli[i, j] == N - len({*kept[i], *kept[j]})


def test_constant_patterns_have_no_correlation_but_all_else():
    networks = [patterns(30, seed) for seed in range(2)]
    networks[0][5] = 2.0
    geometries = [measure_geometry(a, name="a") for a in networks]
    assert similarities(geometries, "cka_correlation").n_stimuli[0, 1] == N - 1
    for comparator in ("cka", "cka_debiased", "procrustes"):
        assert similarities(geometries, comparator).n_stimuli[0, 1] == N


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_layers_without_variation_are_undefined(comparator):
    silent, equal = np.zeros((N, 30)), np.tile(patterns(30)[:1], (N, 1))
    diverged = measure_geometry(np.full((N, 30), np.inf), name="a", is_collapsed=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for other in (measure_geometry(silent, name="a"), measure_geometry(equal, name="a"), diverged):
            found = similarities([measure_geometry(patterns(30), name="a"), other], comparator).values
            assert np.isnan(found[0, 1])
            assert np.isnan(found[1, 1])
            assert found[0, 0] == pytest.approx(1)


@pytest.mark.parametrize("comparator", OF_PATTERNS)
def test_fewer_than_four_stimuli_are_undefined(comparator):
    assert np.isnan(of(patterns(30, 0, n=3), patterns(30, 1, n=3), comparator=comparator)).all()
    assert np.isfinite(of(patterns(30, 0, n=4), patterns(30, 1, n=4), comparator=comparator)).all()


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_duplicate_stimuli_are_fine(comparator):
    twice = [np.concatenate([patterns(7, seed)] * 2) for seed in range(2)]
    rounding = 1e-4 if comparator == "spearman" else 1e-9  # scipy's distance of equal patterns is not quite 0
    assert of(*twice, comparator=comparator)[0, 1] == pytest.approx(expected(*twice, comparator), abs=rounding)


def test_ranks_of_incomplete_rdms_are_among_the_entries_of_both():
    vectors = np.random.default_rng(0).integers(0, 9, size=(3, 45)).astype(float)
    vectors[0, 4] = vectors[1, 7] = vectors[1, 30] = np.nan
    found = comparators.of_rdms(vectors, "spearman").values
    for i, j in combinations(range(3), 2):
        both = np.isfinite(vectors[i]) & np.isfinite(vectors[j])
        assert found[i, j] == pytest.approx(stats.spearmanr(vectors[i][both], vectors[j][both]).statistic)
    np.testing.assert_array_equal(comparators.of_rdms(vectors, "r").values, pairwise_r(vectors)[0])


def test_procrustes_compares_within_groups_alone():
    networks = [measure_geometry(patterns(9, seed), name="a") for seed in range(4)]
    patterns_of_all = comparators.patterns_of(networks, 4, "procrustes")
    values = comparators.of_patterns(patterns_of_all, "procrustes", [0, 0, 1, 1]).values
    same = np.equal.outer([0, 0, 1, 1], [0, 0, 1, 1])
    np.testing.assert_array_equal(np.isfinite(values), same)
    np.testing.assert_array_equal(values[same], similarities(networks, "procrustes").values[same])


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_vectors_that_exceed_memory_give_the_same_and_are_not_copied_to_it(comparator, monkeypatch):
    networks = [measure_geometry(patterns(40, seed, n=120), name="a") for seed in range(30)]
    vectors = np.stack([rdm(network, "correlation") for network in networks])

    def compare():
        if comparator in comparators.OF_RDMS:
            return comparators.of_rdms(vectors, comparator).values
        of_all = comparators.patterns_of(networks, len(networks), comparator)
        return comparators.of_patterns(of_all, comparator, list(range(30))).values

    in_memory = compare()
    monkeypatch.setattr(comparators, "stack", partial(stack, in_memory=0))
    tracemalloc.start()
    np.testing.assert_array_equal(compare(), in_memory)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if comparator not in ("r2", "r", "spearman"):  # correlations read a block of entries of all vectors at a time
        assert peak < vectors.nbytes / 2
