"""Rows of the tables that compare instances."""

from itertools import combinations

import numpy as np
import pytest
from places import ROOT
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from manyseeds.comparison import consistency
from manyseeds.comparison.clustering import category_clustering_index
from manyseeds.comparison.within_group import (
    BAND_COLUMNS,
    Comparison,
    compare_averages,
    compare_layer,
    compare_random_groups,
)
from manyseeds.io import tables
from manyseeds.representations.geometry import cocktail_blank, measure_geometry
from manyseeds.representations.measures import MEASURES, rdm

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
CATEGORIES = np.repeat([0, 1, 2], [4, 6, 5])
SEEDS = (0, 3, 4)
KEYS = {"architecture": "net", "condition": "baseline", "epoch": 2, "layer": "conv1", "layer_index": 0}
PLACE = ["measure", "normalisation", "kind", "seed_a", "seed_b"]


@pytest.fixture(scope="module")
def geometries():
    rng = np.random.default_rng(0)
    patterns = {seed: np.maximum(rng.normal(size=(15, 40)) + CATEGORIES[:, None], 0) for seed in SEEDS}
    patterns[3][7] = 0.0  # silent
    return {seed: measure_geometry(a, name="a") for seed, a in patterns.items()}


@pytest.fixture(scope="module")
def partitions():
    return consistency.random_partitions(CATEGORIES, 12, np.random.default_rng(1))


@pytest.fixture(scope="module")
def comparison(geometries, partitions):
    comparison = Comparison()
    comparison.add(KEYS, compare_layer(geometries, CATEGORIES, list(MEASURES)))
    comparison.add(KEYS, compare_random_groups(geometries, partitions, ["correlation", "euclidean"]))
    return comparison


def table(comparison, name):
    schema = tables.read_schema(SCHEMAS / f"{name}.schema.json")
    return tables.conform(comparison.table(name, schema["properties"]), schema)


def test_consistency_has_a_row_for_each_measure_normalisation_kind_and_pair(comparison):
    rows = table(comparison, "consistency")
    kinds = {"exemplar", "centroid", "within_category", "within_category_mean"}
    pairs = list(combinations(SEEDS, 2))
    expected = {(m, n, k, *pair) for m in MEASURES for n in ("none", "cocktail") for k in kinds for pair in pairs}
    expected |= {(m, "none", "random_centroid", *pair) for m in ("correlation", "euclidean") for pair in pairs}
    assert set(rows[PLACE].itertuples(index=False, name=None)) == expected
    assert len(rows) == len(expected)
    assert not rows["consistency"].isna().any()


def test_a_silent_stimulus_is_counted_where_it_has_no_direction(comparison):
    rows = table(comparison, "consistency").set_index(PLACE)["n_undefined"]
    for pair, n_undefined in {(0, 3): 14, (0, 4): 0, (3, 4): 14}.items():
        assert rows["correlation", "none", "exemplar", *pair] == n_undefined
        assert rows["correlation", "cocktail", "exemplar", *pair] == 0  # it differs from the mean
        assert rows["euclidean", "none", "exemplar", *pair] == 0
    assert rows["cosine", "none", "within_category", 0, 3] == 5


def test_values_are_those_of_the_rdms_that_the_row_names(comparison, geometries):
    rows = table(comparison, "consistency").set_index(PLACE)
    vectors = [rdm(cocktail_blank(geometries[seed]), "unit_euclidean") for seed in (3, 4)]
    r = rows.loc[("unit_euclidean", "cocktail", "exemplar", 3, 4), "r"]
    assert r == pytest.approx(np.corrcoef(vectors)[0, 1])
    assert rows.loc[("unit_euclidean", "cocktail", "exemplar", 3, 4), "consistency"] == pytest.approx(r**2)
    assert rows.loc[("unit_euclidean", "cocktail", "exemplar", 3, 4), "n_entries"] == 15 * 14 // 2


def test_random_grouping_has_the_mean_over_pairs_and_a_band_over_all(comparison, geometries, partitions):
    rows, bands = table(comparison, "random_grouping"), comparison.table("random_grouping_bands", BAND_COLUMNS)
    agreements = consistency.random_centroid_agreement(list(geometries.values()), partitions, ["euclidean"])
    values = agreements["euclidean"].consistency
    ours = rows[rows["measure"] == "euclidean"].sort_values("partition")
    np.testing.assert_allclose(ours["consistency"], values.mean(axis=1))
    assert (ours["n_network_pairs"] == 3).all()
    band = bands[bands["measure"] == "euclidean"].iloc[0]
    assert (band["ci_low"], band["ci_high"]) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    assert band["n_resamples"] == 36
    mean = table(comparison, "consistency").set_index(PLACE)["consistency"][
        "euclidean", "none", "random_centroid", 0, 4
    ]
    assert mean == pytest.approx(values[:, 1].mean())


def test_clustering_has_a_row_for_each_network(comparison, geometries):
    rows = table(comparison, "clustering").set_index(["measure", "normalisation", "seed"])
    assert len(rows) == len(MEASURES) * 2 * len(SEEDS)
    expected = category_clustering_index(rdm(geometries[4], "cosine"), CATEGORIES)
    assert tuple(rows.loc[("cosine", "none", 4), ["across", "within", "cci"]]) == pytest.approx(expected)


def test_nothing_to_compare_makes_tables_without_rows(geometries, partitions):
    for chosen in ({}, {0: geometries[0]}):
        comparison = Comparison()
        if chosen:
            comparison.add(KEYS, compare_layer(chosen, CATEGORIES, ["cosine"]))
            comparison.add(KEYS, compare_random_groups(chosen, partitions, ["cosine"]))
        assert len(table(comparison, "consistency")) == 0
        assert len(table(comparison, "random_grouping")) == 0
        assert len(table(comparison, "clustering")) == 2 * len(chosen)


def test_a_dead_layer_has_no_consistency():
    dead = {seed: measure_geometry(np.full((15, 4), seed, dtype=np.float32), name="a") for seed in (0, 1)}
    rows = compare_layer(dead, CATEGORIES, list(MEASURES))["consistency"]
    assert rows["consistency"].isna().all()


# --- RDMs averaged over dropout samples


@pytest.fixture(scope="module")
def samples():
    """Activations of three networks under four masks, by sample and seed."""
    rng = np.random.default_rng(7)
    base = {seed: rng.normal(size=(15, 40)) + 0.5 * CATEGORIES[:, None] for seed in SEEDS}
    masks = [rng.random(40) > 0.5 for _ in range(4)]
    return [{seed: np.maximum(base[seed], 0) * mask for seed in SEEDS} for mask in masks]


def averaged(samples, measures=("correlation", "euclidean")):
    measured = ({seed: measure_geometry(a, name="a") for seed, a in sample.items()} for sample in samples)
    comparison = Comparison()
    comparison.add(KEYS, compare_averages(measured, CATEGORIES, measures))
    return table(comparison, "consistency").set_index(["measure", "kind", "dropout_samples", "seed_a", "seed_b"])


def category_means(activations):
    return np.stack([activations[category == CATEGORIES].mean(axis=0) for category in np.unique(CATEGORIES)])


@pytest.mark.parametrize("measure", ["correlation", "euclidean"])
@pytest.mark.parametrize(("kind", "patterns"), [("exemplar", lambda a: a), ("centroid", category_means)])
def test_rdms_are_averaged_over_the_first_samples(samples, measure, kind, patterns):
    rows = averaged(samples)
    for k in range(1, 5):
        for pair in combinations(SEEDS, 2):
            means = [
                np.mean([pdist(patterns(sample[seed]), measure) for sample in samples[:k]], axis=0) for seed in pair
            ]
            row = rows.loc[(measure, kind, k, *pair)]
            assert row["r"] == pytest.approx(pearsonr(*means).statistic, abs=1e-9)
            assert row["consistency"] == pytest.approx(row["r"] ** 2)
            assert row["n_entries"] == means[0].size
    assert len(rows) == 2 * 2 * 4 * 3
    assert set(rows["normalisation"]) == {"none"}


def test_rdms_are_averaged_and_activations_are_not(samples):
    of_mean_activations = [
        pdist(np.mean([sample[seed] for sample in samples], axis=0), "correlation") for seed in (0, 3)
    ]
    r = averaged(samples).loc[("correlation", "exemplar", 4, 0, 3), "r"]
    assert abs(r - pearsonr(*of_mean_activations).statistic) > 0.01


def test_a_dissimilarity_is_averaged_over_the_samples_that_define_it(samples):
    silenced = [{seed: activations.copy() for seed, activations in sample.items()} for sample in samples]
    silenced[0][3][7] = silenced[1][0][7] = 0.0
    rows = averaged(silenced)["n_undefined"]
    assert rows["correlation", "exemplar", 1, 0, 3] == 14
    assert rows["correlation", "exemplar", 1, 0, 4] == 0
    assert rows["correlation", "exemplar", 2, 0, 3] == 0  # seed 3's first sample is left out of its mean
    rdms = {
        0: np.stack([pdist(sample[0], "correlation") for sample in silenced[:2]]),
        3: np.stack([pdist(sample[3], "correlation") for sample in silenced[:2]]),
    }
    means = [np.nanmean(vectors, axis=0) for vectors in rdms.values()]
    expected = pearsonr(*means).statistic
    assert averaged(silenced).loc[("correlation", "exemplar", 2, 0, 3), "r"] == pytest.approx(expected, abs=1e-9)


def test_one_sample_without_dropout_is_the_comparison_without_samples(geometries, comparison):
    rows = compare_averages([geometries], CATEGORIES, ["cosine"])["consistency"]
    plain = table(comparison, "consistency").query("measure == 'cosine' and normalisation == 'none'")
    for kind in ("exemplar", "centroid"):
        one, other = (frame[frame["kind"] == kind].sort_values(["seed_a", "seed_b"]) for frame in (rows, plain))
        np.testing.assert_allclose(one["r"], other["r"])


def test_no_samples_or_measures_make_no_rows(geometries):
    assert compare_averages([], CATEGORIES, ["cosine"]) == compare_averages([geometries], CATEGORIES, []) == {}
