"""Summaries of comparators against scipy and explicit loops over networks."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from manyseeds.statistics import resampling
from manyseeds.statistics.comparator_summaries import kendall_w, summarise
from manyseeds.statistics.intervals import Bootstrap

SEEDS, LAYERS = (1, 3, 4, 7, 8), ("conv1", "conv2", "conv3", "fc")
VARIANTS = (
    ("r2", "correlation", "none"),
    ("spearman", "euclidean", "none"),
    ("cka", None, None),
    ("r", "correlation", "none"),
)
BOOTSTRAP = Bootstrap(seed=0, n_resamples=50)


def observed(epochs=(0, 30), seeds=SEEDS, layers=LAYERS) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    rows, shares = [], []
    for epoch in epochs:
        for place, layer in enumerate(layers):
            for number, (comparator, measure, normalisation) in enumerate(VARIANTS):
                keys = {"architecture": "net", "condition": "baseline", "epoch": epoch, "layer": layer}
                keys |= {"layer_index": place, "comparator": comparator, "measure": measure}
                keys["normalisation"] = normalisation
                for a, b in combinations(seeds, 2):
                    level = 0.9 - 0.1 * place - 0.05 * number * (place == 2) - 0.1 * (epoch == 0)
                    pair = {"seed_a": a, "seed_b": b}
                    value = level + 0.05 * rng.standard_normal()
                    rows.append(keys | pair | {"value": value, "angle": np.nan, "n_stimuli": 40 - place})
                    shares.append(keys | pair | {"share": rng.choice([0, 0.5, 1]), "chance": 0.25})
    return {"comparators": pd.DataFrame(rows), "correspondence": pd.DataFrame(shares)}


@pytest.fixture(scope="module")
def tables():
    return observed()


@pytest.fixture(scope="module")
def found(tables):
    return summarise(tables, BOOTSTRAP, n_collapsed=2)


def layer_means(rows: pd.DataFrame, comparator: str, epoch: int = 30, without: int | None = None) -> pd.Series:
    kept = (rows["comparator"] == comparator) & (rows["epoch"] == epoch)
    kept &= (rows["seed_a"] != without) & (rows["seed_b"] != without)
    return rows[kept].groupby("layer_index")["value"].mean()


def of(found, quantity: str, epoch: int = 30, **equal) -> pd.Series:
    rows = found["comparator_drop"]
    rows = rows[(rows["quantity"] == quantity) & (rows["epoch"] == epoch)]
    for column, value in equal.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def check(row: pd.Series, statistic, scale: str = "own") -> None:
    """A row of the statistic of all networks, with its jackknife by an explicit loop."""
    assert row["value"] == pytest.approx(statistic(None))
    ends = resampling.jackknife_ends(statistic(None), np.array([statistic(seed) for seed in SEEDS]), scale=scale)
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], ends)
    assert row["n_networks"] == len(SEEDS)


def test_means_have_their_intervals(tables, found):
    summary = found["comparators_summary"]
    assert set(summary["ci_method"]) == {"pairs", "jackknife", "jackknife_simultaneous", "components", "instances"}
    rows = summary[(summary["ci_method"] == "jackknife") & (summary["epoch"] == 30)]
    for comparator, bounded in (("r2", True), ("r", False), ("cka", True)):
        means = rows[rows["comparator"] == comparator].set_index("layer_index")
        expected = layer_means(tables["comparators"], comparator)
        np.testing.assert_allclose(means["mean"].sort_index(), expected)
        middle = (means["ci_low"] + means["ci_high"]) / 2
        assert (np.abs(middle - means["mean"]) > 1e-6).all() == bounded  # on the logit, or on its own scale
        assert means["n_stimuli"].sort_index().tolist() == [40, 39, 38, 37]
    assert summary["comparator"].drop_duplicates().tolist() == ["r2", "spearman", "cka", "r"]
    assert (summary["n_collapsed"] == 2).all()
    assert not summary["at_bound"].any()


def test_drops_are_differences_of_layer_means(tables, found):
    rows = tables["comparators"]
    for comparator in ("r2", "cka"):
        means = {seed: layer_means(rows, comparator, without=seed).to_numpy() for seed in (None, *SEEDS)}
        check(of(found, "last_minus_first", comparator=comparator), lambda seed, m=means: m[seed][-1] - m[seed][0])
        lowest = of(found, "lowest_minus_first", comparator=comparator)
        check(lowest, lambda seed, m=means: m[seed].min() - m[seed][0])
        assert lowest["layer_index"] == means[None].argmin()
        assert lowest["layer"] == LAYERS[means[None].argmin()]
        check(
            of(found, "rank_correlation_with_depth", comparator=comparator),
            lambda seed, m=means: stats.spearmanr(m[seed], np.arange(4)).statistic,
            "z",
        )


def test_trained_minus_untrained_pairs_networks(tables, found):
    rows = tables["comparators"]
    for place, layer in enumerate(LAYERS):

        def difference(seed, place=place):
            return layer_means(rows, "cka", 30, seed)[place] - layer_means(rows, "cka", 0, seed)[place]

        check(of(found, "trained_minus_untrained", comparator="cka", layer=layer), difference)
    assert found["comparator_drop"].query("epoch == 0 and quantity == 'trained_minus_untrained'").empty


def test_concordance_is_of_the_comparators_of_one_measure(tables, found):
    def w(seed):
        means = [layer_means(tables["comparators"], name, without=seed) for name in ("r2", "cka", "r")]
        return friedman_w(np.array(means))

    row = of(found, "concordance", measure="correlation")
    check(row, w)
    assert row["n_comparators"] == 3
    assert of(found, "concordance", measure="euclidean")["n_comparators"] == 2


def friedman_w(values: np.ndarray) -> float:
    """Kendall's W from Friedman's chi squared: chi2 = M (L - 1) W."""
    judges, items = values.shape
    return stats.friedmanchisquare(*values.T).statistic / (judges * (items - 1))


def test_kendalls_w_is_that_of_scipy_also_with_ties():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, size=(5, 7)).astype(float)
    assert kendall_w(values) == pytest.approx(friedman_w(values))
    assert kendall_w(np.tile(np.arange(6.0), (3, 1))) == pytest.approx(1)
    assert np.isnan(kendall_w(np.ones((3, 4))))


def test_comparators_are_correlated_over_layers_and_pairs(tables, found):
    rows = tables["comparators"].query("epoch == 30")

    def r(seed):
        kept = rows[(rows["seed_a"] != seed) & (rows["seed_b"] != seed)]
        wide = kept.pivot_table(index=["layer", "seed_a", "seed_b"], columns="comparator", values="value")
        return np.corrcoef(wide["r2"], wide["cka"])[0, 1]

    row = of(found, "r", comparator="r2", comparator_b="cka")
    check(row, r, "z")
    assert row["measure"] == "correlation"
    pairs = found["comparator_drop"].query("quantity == 'r' and epoch == 30")[["comparator", "comparator_b"]]
    assert sorted(map(tuple, pairs.to_numpy())) == [("cka", "r"), ("r2", "cka"), ("r2", "r"), ("spearman", "cka")]


def test_correspondence_is_the_mean_share(tables, found):
    shares = tables["correspondence"].groupby(["epoch", "layer", "comparator"])["share"].mean()
    rows = found["correspondence"].set_index(["epoch", "layer", "comparator"])
    np.testing.assert_allclose(rows["share"], shares.loc[rows.index])
    assert rows["chance"].eq(0.25).all()
    assert ((rows["ci_low"] < rows["share"]) & (rows["share"] < rows["ci_high"])).all()


def test_few_networks_and_layers_have_nulls_and_no_errors():
    two = summarise(observed(seeds=(0, 1)), BOOTSTRAP, n_collapsed=0)
    assert two["comparator_drop"]["ci_low"].isna().all()
    assert two["comparator_drop"]["value"].notna().all()
    one_layer = summarise(observed(layers=("fc",)), BOOTSTRAP, n_collapsed=0)["comparator_drop"]
    assert set(one_layer["quantity"]) == {"trained_minus_untrained", "r"}
    nothing = {name: pd.DataFrame() for name in ("comparators", "correspondence")}
    assert all(len(table) == 0 for table in summarise(nothing, BOOTSTRAP, n_collapsed=2).values())


def test_statistics_of_an_undefined_layer_are_null():
    tables = observed(epochs=(30,))
    rows = tables["comparators"]
    undefined = (rows["layer"] == "conv2") & (rows["comparator"] == "cka")
    tables["comparators"] = rows.assign(value=rows["value"].mask(undefined))
    found = summarise(tables, BOOTSTRAP, n_collapsed=0)
    assert np.isfinite(of(found, "last_minus_first", comparator="cka")["value"])
    for quantity in ("lowest_minus_first", "rank_correlation_with_depth"):
        assert of(found, quantity, comparator="cka")[["value", "ci_low", "layer"]].isna().all()
        assert np.isfinite(of(found, quantity, comparator="r2")["value"])
    assert np.isnan(of(found, "concordance", measure="correlation")["value"])
