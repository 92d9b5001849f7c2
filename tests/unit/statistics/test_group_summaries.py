"""Summary tables against direct computation from the observations."""

import tracemalloc
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats
from scipy.special import expit, logit

from manyseeds.errors import StudyError
from manyseeds.io import tables
from manyseeds.statistics import group_summaries, resampling
from manyseeds.statistics.group_summaries import Observations
from manyseeds.statistics.howmany import Plan
from manyseeds.statistics.intervals import Bootstrap
from manyseeds.statistics.stimulus_resampling import StimulusResamples, load_resamples, save_resamples

SCHEMAS = ROOT / "workflow_scripts" / "manyseeds" / "schemas" / "tables"
GROUP = {"architecture": "a", "condition": "baseline"}
SEEDS = (0, 1, 3, 4, 7)
PAIRS = list(combinations(SEEDS, 2))
LAYERS = [f"conv{i}" for i in range(1, 8)]
KINDS = ["exemplar", "centroid", "within_category", "random_centroid"]
BOOTSTRAP = Bootstrap(seed=0, n_resamples=200)
PLAN = Plan(half_width=0.05, networks=[3, 4, 10], stimuli=[20, 80], subsets=50, seed=0)
METHODS = {"pairs", "jackknife", "jackknife_simultaneous", "components", "instances"}
"""Interval methods of every mean over pairs of networks."""


def layer_rows():
    for (index, layer), normalisation in product(enumerate(LAYERS), ["none", "cocktail"]):
        yield GROUP | {
            "epoch": 9,
            "layer": layer,
            "layer_index": index,
            "measure": "euclidean",
            "normalisation": normalisation,
        }


def observations(resamples=None):
    rng = np.random.default_rng(0)
    consistency = [
        row
        | {"dropout_samples": 0, "kind": kind, "seed_a": a, "seed_b": b, "n_entries": 780}
        | {"consistency": (value := rng.uniform(0.3, 0.9)), "r": value**0.5}
        for row in layer_rows()
        for kind in KINDS
        for a, b in PAIRS
    ]
    clustering = [row | {"seed": seed, "cci": rng.uniform()} for row in layer_rows() for seed in SEEDS]
    partitions = [
        row | {"partition": p, "consistency": rng.uniform(), "n_network_pairs": 10}
        for row in layer_rows()
        for p in range(50)
    ]
    accuracy = [
        GROUP
        | {"seed": seed, "epoch": epoch, "split": "test", "subset": "all", "accuracy": rng.uniform(), "n_images": 9}
        for epoch in (0, 9)
        for seed in (*SEEDS, 9)
    ]
    return Observations(
        seeds=SEEDS,
        n_collapsed=1,
        accuracy=pd.DataFrame(accuracy),
        consistency=pd.DataFrame(consistency),
        clustering=pd.DataFrame(clustering),
        random_grouping=pd.DataFrame(partitions),
        random_grouping_bands=pd.DataFrame(
            [row | {"ci_low": 0.1, "ci_high": 0.8, "n_resamples": 50} for row in layer_rows()]
        ),
        consistency_varied=varied(consistency),
        resamples=resamples,
    )


def varied(consistency):
    """Return other values for the last layer, of two variations."""
    last = pd.DataFrame(consistency).query("layer == 'conv7' and kind in ('exemplar', 'centroid')")
    few = last.assign(variation="lossless_stimuli", n_entries=33 * 32 // 2, consistency=last["consistency"] / 2)
    some = last[(last["seed_a"] != 3) & (last["seed_b"] != 3)]
    return pd.concat([few, some.assign(variation="with_missing_category")])


def stimulus_resamples(kinds=("exemplar", "centroid")):
    rng = np.random.default_rng(1)
    values = {("euclidean", kind, layer): rng.uniform(size=(30, len(PAIRS))) for kind in kinds for layer in LAYERS}
    return StimulusResamples(epoch=9, seeds=SEEDS, n_stimuli=40, values=values)


def select(frame, **keys):
    keep = np.logical_and.reduce([frame[key] == value for key, value in keys.items()])
    return frame[keep]


def values_of(frame, **keys):
    return select(frame, **keys).sort_values(["seed_a", "seed_b"])["consistency"].to_numpy()


@pytest.fixture(scope="module")
def observed():
    return observations(stimulus_resamples())


@pytest.fixture(scope="module")
def summary(observed):
    return group_summaries.summarise(observed, BOOTSTRAP, PLAN)


@pytest.mark.parametrize(
    "name", ["consistency_summary", "accuracy_summary", "clustering_summary", "contrasts", "relations"]
)
def test_summaries_have_the_columns_of_their_schemas(summary, name):
    schema = tables.read_schema(SCHEMAS / f"{name}.schema.json")
    assert len(tables.conform(summary[name], schema)) > 0


def test_means_and_jackknife_are_those_of_the_pairs(observed, summary):
    key = {"layer": "conv2", "kind": "centroid", "normalisation": "cocktail"}
    values = values_of(observed.consistency, **key)
    row = select(summary["consistency_summary"], **key, ci_method="jackknife").iloc[0]
    without = logit([values[[seed not in pair for pair in PAIRS]].mean() for seed in SEEDS])
    half = stats.t.ppf(0.975, 4) * np.sqrt(4 * np.var(without))
    assert row["mean"] == pytest.approx(values.mean())
    assert row["ci_high"] == pytest.approx(expit(logit(values.mean()) + half))
    together = select(summary["consistency_summary"], **key, ci_method="jackknife_simultaneous").iloc[0]
    half *= stats.t.ppf(1 - 0.025 / len(LAYERS), 4) / stats.t.ppf(0.975, 4)
    assert together["ci_high"] == pytest.approx(expit(logit(values.mean()) + half))
    assert (row["n_networks"], row["n_network_pairs"], row["n_collapsed"]) == (5, 10, 1)


def test_only_what_was_resampled_has_intervals_over_stimuli(summary):
    methods = summary["consistency_summary"].groupby(["kind", "normalisation"])["ci_method"].agg(set)
    networks = METHODS
    assert methods["exemplar", "none"] == methods["centroid", "none"] == networks | {"stimuli", "both"}
    assert methods["exemplar", "cocktail"] == methods["within_category", "none"] == networks
    assert methods["random_centroid", "none"] == networks | {"partitions", "partitions_pairs"}


@pytest.mark.parametrize(
    ("contrast", "minuend", "subtrahend"),
    [
        ("centroid_minus_exemplar", ("centroid", "none"), ("exemplar", "none")),
        ("centroid_minus_random_centroid", ("centroid", "cocktail"), ("random_centroid", "cocktail")),
        ("cocktail_minus_none", ("within_category", "cocktail"), ("within_category", "none")),
    ],
)
def test_contrasts_are_paired_over_networks(observed, summary, contrast, minuend, subtrahend):
    (kind, normalisation), (other_kind, other_normalisation) = minuend, subtrahend
    first = values_of(observed.consistency, layer="conv3", kind=kind, normalisation=normalisation)
    second = values_of(observed.consistency, layer="conv3", kind=other_kind, normalisation=other_normalisation)
    rows = select(
        summary["contrasts"], contrast=contrast, layer="conv3", kind=kind, normalisation=normalisation
    ).set_index("ci_method")
    differences = first - second
    without = [differences[[seed not in pair for pair in PAIRS]].mean() for seed in SEEDS]
    half = stats.t.ppf(0.975, 4) * np.sqrt(4 * np.var(without))
    assert rows.loc["jackknife", "mean"] == pytest.approx(differences.mean())
    assert rows.loc["jackknife", "ci_low"] == pytest.approx(differences.mean() - half)
    assert {"pairs", "instances"} < set(rows.index)


def test_contrasts_are_paired_over_stimuli(observed, summary):
    drawn = observed.resamples.values
    differences = drawn["euclidean", "centroid", "conv4"] - drawn["euclidean", "exemplar", "conv4"]
    key = {"contrast": "centroid_minus_exemplar", "layer": "conv4", "normalisation": "none"}
    row = select(summary["contrasts"], **key, ci_method="stimuli").iloc[0]
    expected = np.quantile(differences.mean(axis=1), [0.025, 0.975])
    np.testing.assert_allclose([row["percentile_low"], row["percentile_high"]], expected)
    half = stats.norm.ppf(0.975) * differences.mean(axis=1).std(ddof=1)
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], [row["mean"] - half, row["mean"] + half])
    assert len(select(summary["contrasts"], **key, ci_method="both")) == 1


def test_a_network_without_a_defined_pair_is_no_network(observed):
    consistency = observed.consistency.copy()
    undefined = (consistency["layer"] == "conv1") & ((consistency["seed_a"] == 3) | (consistency["seed_b"] == 3))
    consistency.loc[undefined, "consistency"] = np.nan
    table = group_summaries.summarise_consistency(consistency, None, BOOTSTRAP)
    row = select(table, layer="conv1", kind="exemplar", normalisation="none", ci_method="jackknife").iloc[0]
    without = consistency[(consistency["seed_a"] != 3) & (consistency["seed_b"] != 3)]
    expected = select(
        group_summaries.summarise_consistency(without, None, BOOTSTRAP),
        layer="conv1",
        kind="exemplar",
        normalisation="none",
        ci_method="jackknife",
    ).iloc[0]
    pd.testing.assert_series_equal(row, expected, check_names=False)
    assert row["n_networks"] == 4


def test_robustness_has_the_jackknife_of_varied_values_and_the_other_intervals_of_the_mean(observed, summary):
    table = summary["robustness"]
    assert set(zip(table["layer"], table["kind"], strict=True)) == {("conv7", "exemplar"), ("conv7", "centroid")}
    one = "kind == 'centroid' and normalisation == 'none'"
    rows = table.query(one).set_index("variation")
    pairs = observed.consistency.query(f"{one} and layer == 'conv7'").sort_values(["seed_a", "seed_b"])["consistency"]
    interval = resampling.jackknife(pairs.to_numpy() / 2, len(SEEDS), in_unit_interval=True)
    for column, expected in (("mean", interval.mean), ("ci_low", interval.low), ("ci_high", interval.high)):
        assert rows.loc["lossless_stimuli", column] == pytest.approx(float(expected))
    assert rows.loc["lossless_stimuli", "n_stimuli"] == 33
    assert rows.loc["with_missing_category", ["n_networks", "n_stimuli"]].tolist() == [4, 40]
    last = summary["consistency_summary"].query(f"{one} and layer == 'conv7'").set_index("ci_method")
    for method in ("components", "both"):
        columns = ["mean", "ci_low", "ci_high", "n_networks"]
        pd.testing.assert_series_equal(rows.loc[method, columns], last.loc[method, columns], check_dtype=False)


def test_what_is_undefined_for_all_networks_is_null(observed):
    consistency = observed.consistency.copy()
    consistency.loc[consistency["layer"] == "conv1", "consistency"] = np.nan
    table = group_summaries.summarise_consistency(consistency, observed.resamples, BOOTSTRAP)
    rows = select(table, layer="conv1", kind="exemplar", normalisation="none")
    assert set(rows["ci_method"]) == METHODS | {"stimuli", "both"}
    assert rows[["mean", "ci_low", "ci_high"]].isna().all(axis=None)
    assert (rows[["n_networks", "n_network_pairs"]] == 0).all(axis=None)


def test_other_rows_change_nothing(observed, summary):
    some = observed.consistency.query("layer == 'conv5' and kind == 'exemplar'")
    alone = group_summaries.summarise_consistency(some, observed.resamples, BOOTSTRAP)
    among = select(summary["consistency_summary"], layer="conv5", kind="exemplar").drop(columns="n_collapsed")
    # Only the intervals that hold for all layers together depend on the number of layers.
    alone, among = (rows[rows["ci_method"] != "jackknife_simultaneous"] for rows in (alone, among))
    order = ["normalisation", "ci_method"]
    pd.testing.assert_frame_equal(
        alone.sort_values(order).reset_index(drop=True), among.sort_values(order).reset_index(drop=True)
    )


def test_bands_of_random_groups_are_quantiles_over_partitions(observed, summary):
    key = {"layer": "conv6", "normalisation": "none"}
    rows = select(summary["consistency_summary"], **key, kind="random_centroid").set_index("ci_method")
    expected = np.quantile(select(observed.random_grouping, **key)["consistency"], [0.025, 0.975])
    np.testing.assert_allclose(rows.loc["partitions", ["ci_low", "ci_high"]].astype(float), expected)
    assert rows.loc["partitions_pairs", "ci_high"] == 0.8
    assert rows["mean"].nunique() == 1


def test_collapsed_networks_have_no_part_in_accuracies(observed, summary):
    row = select(summary["accuracy_summary"], epoch=9, ci_method="jackknife").iloc[0]
    values = select(observed.accuracy, epoch=9)["accuracy"].to_numpy()[:-1]
    assert (row["mean"], row["min"], row["max"]) == pytest.approx((values.mean(), values.min(), values.max()))
    assert (row["n_networks"], row["n_collapsed"]) == (5, 1)
    without = logit([np.delete(values, i).mean() for i in range(5)])
    half = stats.t.ppf(0.975, 4) * np.sqrt(4 * np.var(without))
    assert row["ci_low"] == pytest.approx(expit(logit(values.mean()) - half))


def test_p_of_random_grouping_counts_the_partitions_that_reach_the_centroids(observed, summary):
    key = {"layer": "conv3", "normalisation": "none"}
    rows = select(summary["contrasts"], **key)
    centroid = values_of(observed.consistency, **key, kind="centroid").mean()
    partitions = select(observed.random_grouping, **key)["consistency"]
    expected = (1 + (partitions >= centroid).sum()) / 51
    found = rows.set_index("contrast")["p"]
    assert set(found["centroid_minus_random_centroid"]) == {expected}
    assert found.drop("centroid_minus_random_centroid").isna().all()


def test_undefined_centroids_are_not_compared_with_random_groups(observed):
    at = (observed.consistency["kind"] == "centroid") & (observed.consistency["layer"] == "conv3")
    undefined = observed.consistency.assign(consistency=observed.consistency["consistency"].mask(at))
    summary = group_summaries.summarise(replace(observed, consistency=undefined), BOOTSTRAP, PLAN)
    rows = select(summary["contrasts"], contrast="centroid_minus_random_centroid")
    assert rows.groupby("layer")["p"].agg(lambda p: p.isna().all()).to_dict() == {
        layer: layer == "conv3" for layer in LAYERS
    }


def test_a_single_point_is_no_relation(summary):
    # One epoch was compared.
    assert "consistency_accuracy_over_epochs" not in set(summary["relations"]["relation"])


def test_without_networks_to_compare_summaries_are_empty(observed):
    empty = Observations(
        seeds=(),
        n_collapsed=6,
        accuracy=None,
        consistency=observed.consistency.iloc[:0],
        clustering=observed.clustering.iloc[:0],
        random_grouping=observed.random_grouping.iloc[:0],
        random_grouping_bands=observed.random_grouping_bands.iloc[:0],
        consistency_varied=observed.consistency_varied.iloc[:0],
        resamples=None,
    )
    for name, table in group_summaries.summarise(empty, BOOTSTRAP, PLAN).items():
        schema = tables.read_schema(SCHEMAS / f"{name}.schema.json")
        assert len(tables.conform(table, schema)) == 0


def test_resamples_survive_the_file(tmp_path):
    resamples = stimulus_resamples()
    save_resamples(tmp_path / "resamples.npz", 9, SEEDS, 40, resamples.values.items())
    read = load_resamples(tmp_path / "resamples.npz")
    assert (read.epoch, read.seeds, read.n_stimuli) == (9, SEEDS, 40)
    assert list(read.values) == list(resamples.values)
    for key, values in resamples.values.items():
        np.testing.assert_allclose(read.values[key], values, rtol=1e-6)


def test_memory_holds_few_of_the_resamples(tmp_path):
    seeds, layers = range(12), [f"layer{number}" for number in range(40)]
    first, second = zip(*combinations(seeds, 2), strict=True)
    keys = {"measure": "euclidean", "normalisation": "none", "kind": "exemplar", "dropout_samples": 0}
    pairs = pd.DataFrame({"seed_a": first, "seed_b": second, "consistency": 0.5, "r": 0.7, "n_entries": 780})
    rows = [
        pairs.assign(**GROUP, **keys, epoch=9, layer=layer, layer_index=place) for place, layer in enumerate(layers)
    ]
    rng = np.random.default_rng(0)
    drawn = ((("euclidean", "exemplar", layer), rng.uniform(size=(500, len(pairs)))) for layer in layers)
    n_bytes = len(layers) * 500 * len(pairs) * 8
    tracemalloc.start()
    save_resamples(tmp_path / "resamples.npz", 9, seeds, 40, drawn)
    summary = group_summaries.summarise_consistency(
        pd.concat(rows, ignore_index=True), load_resamples(tmp_path / "resamples.npz"), BOOTSTRAP
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (summary["ci_method"] == "stimuli").sum() == len(layers)
    assert peak < n_bytes / 2


def test_resamples_of_other_networks_are_refused(observed):
    other = StimulusResamples(9, (0, 1, 2, 3, 4), 40, observed.resamples.values)
    with pytest.raises(StudyError, match="seeds"):
        group_summaries.summarise_consistency(observed.consistency, other, BOOTSTRAP)


def test_averages_over_dropout_samples_are_summarised_but_neither_contrasted_nor_resampled(observed, summary):
    averages = observed.consistency.query("normalisation == 'none' and kind in ('exemplar', 'centroid')")
    averages = averages.assign(dropout_samples=2, consistency=averages["consistency"] / 2)
    more = replace(observed, consistency=pd.concat([observed.consistency, averages]))
    found = group_summaries.summarise(more, BOOTSTRAP, PLAN)
    key = {"layer": "conv2", "kind": "exemplar", "normalisation": "none", "ci_method": "pairs"}
    rows = select(found["consistency_summary"], **key).set_index("dropout_samples")["mean"]
    assert rows[2] == pytest.approx(rows[0] / 2)
    methods = select(found["consistency_summary"], dropout_samples=2)["ci_method"]
    assert set(methods) == METHODS
    for name in ("contrasts", "relations"):
        pd.testing.assert_frame_equal(found[name], summary[name])


def multi_bootstrap(correct, n_resamples, rng):
    """Return mean accuracies of the Multi-Bootstrap (Sellam et al. 2022, MultiBERTs, eq. 1), over networks only.

    `correct` is (networks, images), whether a network names an image's category.
    """
    drawn = rng.integers(len(correct), size=(n_resamples, len(correct)))
    return np.array([np.mean([correct[network].mean() for network in networks]) for networks in drawn])


@pytest.mark.parametrize("n_networks", [5, 10])
def test_intervals_of_accuracy_are_those_of_the_multi_bootstrap(n_networks):
    rng = np.random.default_rng(3)
    skill, difficulty = rng.normal(scale=0.5, size=(n_networks, 1)), rng.normal(size=300)
    correct = rng.random((n_networks, 300)) < expit(1 + skill - difficulty)
    means = multi_bootstrap(correct, 20_000, rng)
    frame = pd.DataFrame({"seed": range(n_networks), "accuracy": correct.mean(axis=1)})
    frame = frame.assign(**GROUP, epoch=9, split="test", subset="all")
    rows = group_summaries.summarise_accuracy(frame, Bootstrap(seed=0, n_resamples=20_000)).set_index("ci_method")
    spread = means.std()
    for end, quantile in (("ci_low", 0.025), ("ci_high", 0.975)):
        assert rows.loc["instances", end] == pytest.approx(np.quantile(means, quantile), abs=0.05 * spread)
    # A bootstrap of n networks has (n - 1) / n of the variance. The jackknife has all of it, and t quantiles.
    half = stats.t.ppf(0.975, n_networks - 1) * logit(means).std() * np.sqrt(n_networks / (n_networks - 1))
    centre = logit(correct.mean())
    for end, sign in (("ci_low", -1), ("ci_high", 1)):
        assert logit(rows.loc["jackknife", end]) == pytest.approx(centre + sign * half, abs=0.05 * half)
