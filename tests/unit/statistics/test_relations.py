"""Relations of layers, epochs and pairs of networks, against scipy, explicit loops and simulation."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import squareform

from manyseeds.statistics import relations
from manyseeds.statistics.permutation import mantel, network_orders
from manyseeds.statistics.resampling import jackknife_ends

SEEDS = [0, 2, 3, 5, 8, 9]
PAIRS = list(combinations(SEEDS, 2))
FIXED = {"architecture": "net", "condition": "baseline", "measure": "cosine", "normalisation": "none"}


def rng(seed=0):
    return np.random.default_rng(seed)


def tables(n_layers=7, epochs=(4,), seed=0):
    """Consistency, clustering and accuracy of six networks; deeper layers are less consistent and more clustered."""
    draws = rng(seed)
    consistency, clustering, accuracy = [], [], []
    for epoch in epochs:
        for place in range(n_layers):
            keys = FIXED | {"epoch": epoch, "layer": f"conv{place + 1}", "layer_index": place}
            for a, b in PAIRS:
                value = 0.9 - 0.08 * place + 0.05 * draws.normal()
                pair = {"seed_a": a, "seed_b": b, "consistency": value, "kind": "exemplar", "dropout_samples": 0}
                consistency.append(keys | pair)
            clustering += [keys | {"seed": s, "cci": 0.1 * place + 0.05 * draws.normal()} for s in SEEDS]
        accuracy += [
            FIXED | {"epoch": epoch, "seed": s, "split": "test", "subset": "all", "accuracy": draws.uniform()}
            for s in (*SEEDS, 99)
        ]
    return tuple(pd.DataFrame(rows) for rows in (consistency, clustering, accuracy))


def means(consistency, clustering, seeds):
    kept = consistency["seed_a"].isin(seeds) & consistency["seed_b"].isin(seeds)
    y = consistency[kept].groupby("layer_index")["consistency"].mean()
    x = clustering[clustering["seed"].isin(seeds)].groupby("layer_index")["cci"].mean()
    return x.to_numpy(), y.to_numpy()


def jackknife(statistic):
    """tanh(z +- t se) by an explicit loop over the network left out."""
    z = np.array([np.arctanh(statistic([s for s in SEEDS if s != left_out])) for left_out in SEEDS])
    half = stats.t.ppf(0.975, len(SEEDS) - 1) * np.sqrt((len(SEEDS) - 1) * np.var(z))
    centre = np.arctanh(statistic(SEEDS))
    return np.tanh([centre - half, centre + half])


def partial(x, y, z):
    """Correlation of the residuals of two regressions."""
    rest = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    return stats.pearsonr(*rest).statistic


def test_relation_over_layers_is_that_of_means_with_a_jackknife_over_networks():
    consistency, clustering, accuracy = tables()
    rows = relations.relations(consistency, clustering, accuracy)
    row = rows[rows["relation"] == "cci_consistency_over_layers"].squeeze()
    x, y = means(consistency, clustering, SEEDS)
    expected = stats.pearsonr(x, y)
    assert (row["n"], row["pearson"], row["pearson_p"]) == pytest.approx((7, expected.statistic, expected.pvalue))
    low, high = jackknife(lambda seeds: stats.pearsonr(*means(consistency, clustering, seeds)).statistic)
    assert (row["pearson_jackknife_low"], row["pearson_jackknife_high"]) == pytest.approx((low, high))
    assert row["partial"] == pytest.approx(partial(x, y, np.arange(7)))
    low, high = jackknife(lambda seeds: partial(*means(consistency, clustering, seeds), np.arange(7)))
    assert (row["partial_jackknife_low"], row["partial_jackknife_high"]) == pytest.approx((low, high))
    assert row["n_networks"] == 6
    assert np.isfinite(row[["skipped_jackknife_low", "percentage_bend_jackknife_high"]].astype(float)).all()


def test_relation_over_epochs_is_that_of_accepted_networks():
    consistency, clustering, accuracy = tables(n_layers=1, epochs=range(1, 7))
    train = accuracy.assign(split="train", accuracy=0.5)
    rows = relations.relations(consistency, clustering, pd.concat([train, accuracy]))
    row = rows[rows["relation"] == "consistency_accuracy_over_epochs"].squeeze()
    y = consistency.groupby("epoch")["consistency"].mean()
    x = accuracy[accuracy["seed"] != 99].groupby("epoch")["accuracy"].mean()
    assert row["pearson"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert (row["n"], row["layer"]) == (6, "conv1")
    assert pd.isna(row["partial"])


def test_networks_before_training_are_no_point_of_the_course():
    consistency, clustering, accuracy = tables(n_layers=1, epochs=range(1, 7))
    untrained = [rows[rows["epoch"] == 1].assign(epoch=0) for rows in (consistency, clustering, accuracy)]
    untrained[0]["consistency"], untrained[2]["accuracy"] = 0.1, 0.1
    both = [pd.concat(rows) for rows in zip(untrained, (consistency, clustering, accuracy), strict=True)]
    accepted = [rows[2][rows[2]["seed"].isin(SEEDS)] for rows in ((consistency, None, accuracy), both)]
    found = [
        relations.over_epochs(rows, tested, SEEDS)
        for rows, tested in zip((consistency, both[0]), accepted, strict=True)
    ]
    pd.testing.assert_frame_equal(*found)


def test_relation_within_a_layer_is_over_pairs_and_its_p_permutes_networks():
    consistency, clustering, accuracy = tables()
    rows = relations.relations(consistency, clustering, accuracy)
    rows = rows[rows["relation"] == "cci_consistency_within_layer"].set_index("layer")
    assert len(rows) == 7
    chosen = consistency[consistency["layer"] == "conv3"].set_index(["seed_a", "seed_b"])["consistency"]
    cci = clustering[clustering["layer"] == "conv3"].set_index("seed")["cci"]

    def statistic(seeds):
        pairs = [pair for pair in PAIRS if set(pair) <= set(seeds)]
        return stats.pearsonr([(cci[a] + cci[b]) / 2 for a, b in pairs], [chosen[pair] for pair in pairs]).statistic

    row = rows.loc["conv3"]
    assert (row["n"], row["pearson"]) == pytest.approx((15, statistic(SEEDS)))
    np.testing.assert_allclose(
        row[["pearson_jackknife_low", "pearson_jackknife_high"]].astype(float), jackknife(statistic)
    )
    assert pd.isna(row["pearson_p"])
    assert 0 < row["p_permutation"] <= 1


def test_few_networks_have_no_jackknife():
    consistency, clustering, accuracy = tables()
    few = SEEDS[:4]
    consistency = consistency[consistency["seed_a"].isin(few) & consistency["seed_b"].isin(few)]
    rows = relations.relations(consistency, clustering, accuracy)
    row = rows[rows["relation"] == "cci_consistency_over_layers"].squeeze()
    assert np.isfinite(row["pearson"])
    assert pd.isna(row[["pearson_jackknife_low", "partial_jackknife_low"]]).all()
    of_pairs = rows[(rows["relation"] == "cci_consistency_within_layer") & (rows["layer"] == "conv1")].squeeze()
    cci = clustering[clustering["layer"] == "conv1"].set_index("seed")["cci"]
    x = [(cci[a] + cci[b]) / 2 for a, b in combinations(few, 2)]
    y = consistency[consistency["layer"] == "conv1"]["consistency"]
    assert of_pairs["pearson"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert (of_pairs["n"], of_pairs["n_networks"]) == (6, 4)
    assert 0 < of_pairs["p_permutation"] <= 1
    assert pd.isna(of_pairs["pearson_jackknife_low"])


def test_one_point_is_no_relation_and_no_networks_make_no_rows():
    consistency, clustering, accuracy = tables(n_layers=1)
    found = set(relations.relations(consistency, clustering, accuracy)["relation"])
    assert found == {"cci_consistency_within_layer"}
    empty = relations.relations(consistency[:0], clustering[:0], accuracy[:0])
    assert list(empty) == relations.COLUMNS
    assert len(empty) == 0


def test_an_undefined_layer_is_left_out_of_the_points():
    consistency, clustering, accuracy = tables(n_layers=8)
    consistency.loc[consistency["layer"] == "conv4", "consistency"] = np.nan
    rows = relations.relations(consistency, clustering, accuracy)
    row = rows[rows["relation"] == "cci_consistency_over_layers"].squeeze()
    kept = consistency["layer"] != "conv4"
    x, y = means(consistency[kept], clustering[clustering["layer"] != "conv4"], SEEDS)
    assert (row["n"], row["pearson"]) == pytest.approx((7, stats.pearsonr(x, y).statistic))
    assert np.isfinite(row["pearson_jackknife_low"])


# permutation


def test_mantel_enumerates_all_orders_of_few_networks():
    x, y = rng(1).normal(size=(2, 10))
    square, first, second = squareform(y), *np.triu_indices(5, 1)
    observed = abs(np.corrcoef(x, y)[0, 1])
    larger = sum(
        abs(np.corrcoef(x, square[np.array(order)[first], np.array(order)[second]])[0, 1]) >= observed - 1e-12
        for order in permutations(range(5))
    )
    # The identity is the observed order: it is the 1 that is added above and below.
    assert mantel(x, y, network_orders(5, rng())) == pytest.approx(larger / 120)


def test_mantel_has_its_size_without_a_relation_and_finds_a_planted_one():
    draws, orders = rng(2), network_orders(8, rng(3))
    assert len(orders) == 10_000 - np.sum((orders == np.arange(8)).all(axis=1))
    first, second = np.triu_indices(8, 1)
    p = []
    for _ in range(300):
        effects = draws.normal(size=(2, 8))
        x, y = (e[first] + e[second] + 0.3 * draws.normal(size=first.size) for e in effects)
        p.append(mantel(x, y, orders[:300]))
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09
    shared = draws.normal(size=8)
    x, y = (shared[first] + shared[second] + 0.1 * draws.normal(size=first.size) for _ in range(2))
    assert mantel(x, y, orders) < 0.001


def test_mantel_is_undefined_for_constants_and_undefined_values():
    orders = network_orders(4, rng())
    assert np.isnan(mantel(np.ones(6), rng().normal(size=6), orders))
    assert np.isnan(mantel(np.array([np.nan, *range(5)]), rng().normal(size=6), orders))


@pytest.mark.parametrize("n_networks", [5, 10])
def test_jackknife_of_a_correlation_over_layers_covers(n_networks):
    """Nine layers of fixed true means; networks add their own deviations to each layer, the same to x and y or not."""
    draws, hits = rng(n_networks), []
    truth_x, truth_y = np.linspace(0, 1, 9), -np.linspace(0, 1, 9) + 0.3 * rng(4).normal(size=9)
    truth = np.corrcoef(truth_x, truth_y)[0, 1]
    for _ in range(400):
        x = truth_x + 0.3 * draws.normal(size=(n_networks, 9))
        y = truth_y + 0.3 * draws.normal(size=(n_networks, 9))
        without = [np.corrcoef(np.delete(x, i, 0).mean(0), np.delete(y, i, 0).mean(0))[0, 1] for i in range(n_networks)]
        low, high = jackknife_ends(np.corrcoef(x.mean(0), y.mean(0))[0, 1], np.array(without), scale="z")
        hits.append(low <= truth <= high)
    assert 0.85 < np.mean(hits) < 0.99


def test_perfect_correlations_have_no_jackknife():
    assert np.isnan(jackknife_ends(1.0, np.array([0.9, 0.8, 0.7, 0.9, 0.8]), scale="z")).all()
