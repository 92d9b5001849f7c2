"""Rows of the tables that compare instances."""

from itertools import combinations

import numpy as np
import pandas as pd
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
    compare_dropout_samples,
    compare_layer,
    compare_random_groups,
    compare_untrained,
)
from manyseeds.io import tables
from manyseeds.representations import geometry_files
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


def test_stimuli_of_one_category_give_whole_rdms_alone(geometries, partitions):
    one = np.zeros(len(CATEGORIES), int)
    rows = compare_layer(geometries, one, ["correlation"])
    expected = compare_layer(geometries, CATEGORIES, ["correlation"])["consistency"].query("kind == 'exemplar'")
    assert list(rows) == ["consistency"]
    pd.testing.assert_frame_equal(rows["consistency"], expected.reset_index(drop=True))
    assert compare_random_groups(geometries, 0 * partitions, ["correlation"]) == {}
    averages = compare_averages([geometries, geometries], one, "correlation")["consistency"]
    assert set(averages["kind"]) == {"exemplar"}


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


def test_untrained_networks_have_the_rows_of_their_raw_patterns_at_epoch_0(geometries, comparison, tmp_path):
    schema = tables.read_schema(SCHEMAS / "consistency.schema.json")
    files, lines = {seed: tmp_path / f"{seed}.npz" for seed in geometries}, []
    for seed, layer in geometries.items():
        geometry_files.save_geometries(files[seed], {"conv1": layer, "conv2": layer})
    compared = compare_untrained(files, CATEGORIES, ["cosine"], lines.append)
    assert len(compared.table("clustering", KEYS)) == 0
    compared = compared.table("consistency", schema["properties"], architecture="net", condition="baseline")
    rows = tables.conform(compared, schema)
    expected = table(comparison, "consistency").query(
        "measure == 'cosine' and normalisation == 'none' and kind != 'random_centroid'"
    )
    assert set(rows["epoch"]) == {0}
    assert len(lines) == 2
    for place, layer in enumerate(("conv1", "conv2")):
        found = rows[rows["layer"] == layer]
        assert set(found["layer_index"]) == {place}
        columns = [*PLACE, "dropout_samples", "n_entries", "n_undefined", "r", "consistency"]
        pd.testing.assert_frame_equal(found[columns].reset_index(drop=True), expected[columns].reset_index(drop=True))
    assert len(compare_untrained({}, CATEGORIES, ["cosine"], lines.append).table("consistency", rows.columns)) == 0


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
    comparison = Comparison()
    for measure in measures:
        measured = ({seed: measure_geometry(a, name="a") for seed, a in sample.items()} for sample in samples)
        comparison.add(KEYS, compare_averages(measured, CATEGORIES, measure))
    return table(comparison, "consistency").set_index(["measure", "kind", "dropout_samples", "seed_a", "seed_b"])


def category_means(activations):
    return np.stack([activations[category == CATEGORIES].mean(axis=0) for category in np.unique(CATEGORIES)])


def windows(n_samples, k):
    """Return the distinct windows of k of some samples, as sets of their places."""
    return {frozenset((start + step) % n_samples for step in range(k)) for start in range(n_samples)}


def expected_r(samples, k, pair, rdm_of):
    """Correlate the mean RDMs of two networks in each window of k samples, entry by entry over defined values."""
    values, n_undefined = [], []
    for window in windows(len(samples), k):
        means = []
        for seed in pair:
            vectors = np.stack([rdm_of(samples[place][seed]) for place in sorted(window)])
            some = np.isfinite(vectors).any(axis=0)
            mean = np.full(some.size, np.nan)
            mean[some] = np.nanmean(vectors[:, some], axis=0)
            means.append(mean)
        both = np.isfinite(means).all(axis=0)
        n_undefined.append((~both).sum())
        values.append(pearsonr(means[0][both], means[1][both]).statistic)
    return np.array(values), max(n_undefined)


def correlation_rdm(patterns):
    """Return the RDM of patterns of which some are zero: their entries are undefined."""
    with np.errstate(invalid="ignore"):
        return pdist(patterns, "correlation")


@pytest.mark.parametrize("measure", ["correlation", "euclidean"])
@pytest.mark.parametrize(("kind", "patterns"), [("exemplar", lambda a: a), ("centroid", category_means)])
def test_consistency_of_k_samples_is_the_mean_over_the_cyclic_windows_of_k(samples, measure, kind, patterns):
    rows = averaged(samples)
    for k in range(1, 5):
        assert len(windows(4, k)) == (4 if k < 4 else 1)
        for pair in combinations(SEEDS, 2):
            r, _ = expected_r(samples, k, pair, lambda activations: pdist(patterns(activations), measure))
            row = rows.loc[(measure, kind, k, *pair)]
            assert row["r"] == pytest.approx(r.mean(), abs=1e-9)
            assert row["consistency"] == pytest.approx((r**2).mean(), abs=1e-9)
            assert row["n_entries"] == len(pdist(patterns(samples[0][0])))
    assert len(rows) == 2 * 2 * 4 * 3
    assert set(rows["normalisation"]) == {"none"}


def test_the_order_of_samples_matters_only_by_which_follow_each_other(samples):
    """Turned round, the samples have the same windows; with two of them exchanged, other windows of two."""
    rows = averaged(samples)["consistency"]
    np.testing.assert_allclose(averaged([*samples[1:], samples[0]])["consistency"], rows, atol=1e-9)
    exchanged = averaged([samples[1], samples[0], *samples[2:]])["consistency"]
    same = rows.index.get_level_values("dropout_samples") != 2
    np.testing.assert_allclose(exchanged[same], rows[same], atol=1e-9)
    assert not np.isclose(exchanged[~same], rows[~same], atol=1e-9).any()


def test_rdms_are_averaged_and_activations_are_not(samples):
    of_mean_activations = [
        pdist(np.mean([sample[seed] for sample in samples], axis=0), "correlation") for seed in (0, 3)
    ]
    r = averaged(samples).loc[("correlation", "exemplar", 4, 0, 3), "r"]
    assert abs(r - pearsonr(*of_mean_activations).statistic) > 0.01


def test_a_dissimilarity_is_averaged_over_the_samples_that_define_it(samples):
    silenced = [{seed: activations.copy() for seed, activations in sample.items()} for sample in samples]
    silenced[0][3][7] = silenced[1][3][7] = silenced[1][0][2] = 0.0
    rows = averaged(silenced, ["correlation"])
    for k, largest in ((1, 27), (2, 14), (3, 0), (4, 0)):
        r, n_undefined = expected_r(silenced, k, (0, 3), correlation_rdm)
        row = rows.loc[("correlation", "exemplar", k, 0, 3)]
        assert row["n_undefined"] == n_undefined == largest
        assert row["r"] == pytest.approx(r.mean(), abs=1e-9)
        assert row["consistency"] == pytest.approx((r**2).mean(), abs=1e-9)
    assert rows["n_undefined"]["correlation", "exemplar", 1, 0, 4] == 14


def test_windows_without_consistency_are_left_out_of_the_mean(samples):
    dead = [{seed: activations.copy() for seed, activations in sample.items()} for sample in samples]
    dead[2][4][:] = 0.0
    row = averaged(dead, ["correlation"]).loc[("correlation", "exemplar", 1, 0, 4)]
    left = [0, 1, 3]
    r = [pearsonr(*(pdist(dead[place][seed], "correlation") for seed in (0, 4))).statistic for place in left]
    assert row["r"] == pytest.approx(np.mean(r), abs=1e-9)
    assert row["n_undefined"] == row["n_entries"]
    dead = [{seed: activations * (seed != 4) for seed, activations in sample.items()} for sample in samples]
    rows = averaged(dead, ["correlation"])
    assert rows.loc[("correlation", "exemplar", [1, 2, 3, 4], 0, 4), "consistency"].isna().all()


def test_one_sample_without_dropout_is_the_comparison_without_samples(geometries, comparison):
    rows = compare_averages([geometries], CATEGORIES, "cosine")["consistency"]
    plain = table(comparison, "consistency").query("measure == 'cosine' and normalisation == 'none'")
    for kind in ("exemplar", "centroid"):
        one, other = (frame[frame["kind"] == kind].sort_values(["seed_a", "seed_b"]) for frame in (rows, plain))
        np.testing.assert_allclose(one["r"], other["r"])


def test_each_layer_and_measure_is_averaged_by_itself(samples, tmp_path):
    files = []
    for number, sample in enumerate(samples):
        files.append({seed: tmp_path / f"seed{seed}_{number}.npz" for seed in SEEDS})
        for seed, path in files[-1].items():
            layers = {"conv8": sample[seed][:, :20], "conv9": sample[seed][:, 20:]}
            geometries = {layer: measure_geometry(activations, name=layer) for layer, activations in layers.items()}
            geometry_files.save_geometries(path, geometries, {"conv8": 7, "conv9": 8})
    lines = []
    comparison = compare_dropout_samples(files, 2, CATEGORIES, ["euclidean", "cosine"], lines.append)
    columns = [
        "epoch",
        "layer",
        "layer_index",
        *PLACE,
        "dropout_samples",
        "n_entries",
        "n_undefined",
        "r",
        "consistency",
    ]
    rows = comparison.table("consistency", columns)
    assert len(rows) == 2 * 2 * 2 * 4 * 3
    assert len(lines) == 4
    assert set(rows[["epoch", "layer", "layer_index"]].itertuples(index=False, name=None)) == {
        (2, "conv8", 7),
        (2, "conv9", 8),
    }
    second = [{seed: activations[:, 20:] for seed, activations in sample.items()} for sample in samples]
    expected = averaged(second, ["euclidean"])["r"]["euclidean", "centroid", 3, 3, 4]
    chosen = rows.query("layer == 'conv9' and measure == 'euclidean' and kind == 'centroid' and dropout_samples == 3")
    assert chosen.set_index(["seed_a", "seed_b"])["r"][3, 4] == pytest.approx(expected)


def test_no_samples_make_no_rows():
    assert compare_averages([], CATEGORIES, "cosine") == {}
    assert len(compare_dropout_samples([], 2, CATEGORIES, ["cosine"], print).table("consistency", PLACE)) == 0
