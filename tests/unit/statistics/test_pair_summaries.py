"""Summaries of two conditions against explicit loops over seeds."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats
from scipy.special import expit, logit

from manyseeds.io import tables
from manyseeds.statistics.intervals import Bootstrap
from manyseeds.statistics.pair_summaries import ConditionPair, contrast_conditions, contrast_pair, summarise_pair

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
SEEDS = (0, 1, 3, 4, 7)
KEY = {"architecture": "net", "layer_index": 0, "normalisation": "none", "dropout_samples": 0}
STATISTICS = list(product(["conv1", "conv2"], ["exemplar", "centroid"]))
BOOTSTRAP = Bootstrap(seed=0, n_resamples=300)
CHOSEN = {"layer": "conv2", "kind": "centroid"}
PAIRS = ("within", "same_seed", "different_seeds")


def observed(missing=None):
    """Consistencies between and within two conditions; the first may lack the network of one seed."""
    rng = np.random.default_rng(0)
    left = [seed for seed in SEEDS if seed != missing]
    across = [
        KEY | {"layer": layer, "measure": "cosine", "kind": kind, "epoch_a": 9, "epoch_b": 9, "seed_a": a, "seed_b": b}
        for layer, kind in STATISTICS
        for a, b in product(left, SEEDS)
    ]
    across = pd.DataFrame(across).assign(condition_a="images_a", condition_b="images_b")
    across["shared"] = np.where(across["seed_a"] == across["seed_b"], "init+order", "order")
    within = [
        pd.DataFrame(
            KEY | {"layer": layer, "measure": "cosine", "kind": kind, "epoch": epoch, "seed_a": a, "seed_b": b}
            for epoch in (5, 9)
            for layer, kind in [*STATISTICS, ("conv1", "random_centroid")]
            for a, b in combinations(seeds, 2)
        ).assign(condition=condition, shared="order")
        for condition, seeds in (("images_a", left), ("images_b", SEEDS))
    ]
    drawn = [frame.assign(n_entries=780, consistency=rng.uniform(0.3, 0.9, len(frame))) for frame in (across, *within)]
    return drawn[0], (drawn[1], drawn[2])


def select(frame, **equal):
    return frame[np.logical_and.reduce([frame[key] == value for key, value in equal.items()])]


def values(missing=None):
    """Consistencies of the chosen statistic by network: (half, seed, half, seed)."""
    across, within = observed(missing)
    found = {}
    for row in select(across, **CHOSEN).itertuples():
        found["a", row.seed_a, "b", row.seed_b] = row.consistency
    for half, rows in zip("ab", within, strict=True):
        for row in select(rows, **CHOSEN, epoch=9).itertuples():
            found[half, row.seed_a, half, row.seed_b] = row.consistency
    return found


IS_MEMBER = {
    "within": lambda half, seed, other_half, other: half == other_half,
    "same_seed": lambda half, seed, other_half, other: half != other_half and seed == other,
    "different_seeds": lambda half, seed, other_half, other: half != other_half and seed != other,
}


def mean_over(found, pairs, seeds):
    members = [v for key, v in found.items() if IS_MEMBER[pairs](*key) and key[1] in seeds and key[3] in seeds]
    return np.mean(members)


def jackknife(statistic, scale=float, back=float):
    """Mean and interval of a statistic of seeds by leaving out one seed after another, on some scale."""
    n = len(SEEDS)
    without = [scale(statistic([seed for seed in SEEDS if seed != left_out])) for left_out in SEEDS]
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * np.sum((without - np.mean(without)) ** 2))
    centre = scale(statistic(SEEDS))
    return statistic(SEEDS), back(centre - half), back(centre + half)


@pytest.mark.parametrize("missing", [None, 3])
@pytest.mark.parametrize("pairs", PAIRS)
def test_jackknife_leaves_out_a_seed_of_both_conditions(pairs, missing):
    summary = summarise_pair(ConditionPair(*observed(missing)), BOOTSTRAP)
    row = select(summary, **CHOSEN, pairs=pairs, ci_method="jackknife").iloc[0]
    found = values(missing)
    if missing is not None and pairs == "same_seed":  # a seed that only one condition has has no such pair
        assert row["n_networks"] == row["n_network_pairs"] == 4
        return
    expected = jackknife(lambda seeds: mean_over(found, pairs, seeds), logit, expit)
    assert (row["mean"], row["ci_low"], row["ci_high"]) == pytest.approx(expected)
    assert row["n_networks"] == 5
    assert row["n_network_pairs"] == sum(IS_MEMBER[pairs](*key) for key in found)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", PAIRS)
def test_the_bootstrap_draws_seeds_of_both_conditions(pairs):
    summary = summarise_pair(ConditionPair(*observed()), BOOTSTRAP)
    row = select(summary, **CHOSEN, pairs=pairs, ci_method="instances").iloc[0]
    counts = BOOTSTRAP.draws("instances", 5).multinomial(5, [0.2] * 5, size=300)
    means = []
    for count in counts:
        times = dict(zip(SEEDS, count, strict=True))
        drawn = []
        for (half, a, other, b), value in values().items():
            if IS_MEMBER[pairs](half, a, other, b):
                drawn += [value] * (times[a] if a == b else times[a] * times[b])
        means.append(np.mean(drawn) if drawn else np.nan)
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], np.nanquantile(means, [0.025, 0.975]))


def test_summary_and_contrasts_have_the_columns_of_their_schemas():
    pair = ConditionPair(*observed())
    conditions = {"condition_a": "images_a", "condition_b": "images_b", "n_collapsed": 0}
    summary = summarise_pair(pair, BOOTSTRAP).assign(**conditions)
    contrasts = contrast_pair(pair, BOOTSTRAP).assign(condition="images_a", condition_b="images_b")
    for name, table, n_groups in (("consistency_across_summary", summary, 5), ("contrasts", contrasts, 2)):
        table = tables.conform(table, tables.read_schema(SCHEMAS / f"{name}.schema.json"))
        always = {"pairs", "jackknife", "jackknife_simultaneous", "instances"}
        assert set(table["ci_method"]) - {"components"} == always
        assert (table.groupby("ci_method").size().loc[list(always)] == len(STATISTICS) * n_groups).all()
        assert set(table["epoch"]) == {9}


@pytest.mark.parametrize("pairs", ["same_seed", "different_seeds"])
def test_between_minus_within_is_paired_over_seeds(pairs):
    contrasts = contrast_pair(ConditionPair(*observed()), BOOTSTRAP)
    name = f"between_minus_within_{pairs}"
    row = select(contrasts, **CHOSEN, contrast=name, ci_method="jackknife").iloc[0]
    found = values()
    expected = jackknife(lambda seeds: mean_over(found, pairs, seeds) - mean_over(found, "within", seeds))
    assert (row["mean"], row["ci_low"], row["ci_high"]) == pytest.approx(expected)
    assert (row["n_networks"], row["n_network_pairs"]) == (5, 10)


@pytest.mark.parametrize("pairs", ["same_seed", "different_seeds"])
def test_a_condition_with_more_networks_does_not_outweigh_the_other(pairs):
    across, within = observed(missing=3)
    constant = (
        across.assign(consistency=0.5),
        tuple(rows.assign(consistency=value) for rows, value in zip(within, (0.7, 0.6), strict=True)),
    )
    rows = contrast_pair(ConditionPair(*constant), BOOTSTRAP)
    found = select(rows, **CHOSEN, contrast=f"between_minus_within_{pairs}")
    np.testing.assert_allclose(found["mean"].astype(float), 0.5 - 0.65, rtol=1e-12)
    assert set(found["n_network_pairs"]) == {6}


def test_dropout_is_contrasted_over_the_pairs_of_seeds_that_both_have():
    _, (some, others) = observed(missing=3)
    consistency = pd.concat([some.assign(condition="dropout0.5"), others.assign(condition="baseline")])
    more = consistency.assign(dropout_samples=2, consistency=0.0)
    contrasts = contrast_conditions(pd.concat([consistency, more]), "dropout0.5", "baseline", BOOTSTRAP)
    assert set(contrasts["condition"]) == {"dropout0.5"}
    assert set(contrasts["epoch"]) == {9}
    assert set(contrasts["kind"]) == {"exemplar", "centroid"}
    row = select(contrasts, **CHOSEN, ci_method="jackknife").iloc[0]
    first, second = (
        select(rows, **CHOSEN, epoch=9).set_index(["seed_a", "seed_b"])["consistency"] for rows in (some, others)
    )
    differences = first - second[first.index]
    seeds = [0, 1, 4, 7]
    without = [np.mean([d for pair, d in differences.items() if seed not in pair]) for seed in seeds]
    half = stats.t.ppf(0.975, 3) * np.sqrt(3 / 4 * np.sum((without - np.mean(without)) ** 2))
    assert row["mean"] == pytest.approx(differences.mean())
    assert row["ci_low"] == pytest.approx(differences.mean() - half)
    assert (row["n_networks"], row["n_network_pairs"]) == (4, 6)


def test_networks_of_one_seed_that_begin_otherwise_are_no_pair_of_that_seed():
    """Two of five were redrawn in one condition alone: the other three make the pairs of the same seed."""
    across, within = observed()
    is_redrawn = (across["seed_a"] == across["seed_b"]) & across["seed_a"].isin([1, 4])
    pair = ConditionPair(across.assign(shared=across["shared"].mask(is_redrawn, "order")), within, {1, 4})
    found = values()
    left = [seed for seed in SEEDS if seed not in (1, 4)]
    summary = select(summarise_pair(pair, BOOTSTRAP), **CHOSEN, ci_method="jackknife").set_index("pairs")
    assert summary.loc["same_seed", "mean"] == pytest.approx(mean_over(found, "same_seed", left))
    assert tuple(summary.loc["same_seed", ["shared", "n_networks", "n_network_pairs"]]) == ("init+order", 3, 3)
    between = summary.loc["between"].set_index("shared")["n_network_pairs"]
    assert between.to_dict() == {"order": 20 + 2, "init+order": 3}
    assert summary.loc["different_seeds", "mean"] == pytest.approx(mean_over(found, "different_seeds", SEEDS))
    contrast = select(contrast_pair(pair, BOOTSTRAP), **CHOSEN, contrast="between_minus_within_same_seed")
    differences = [
        np.mean([found["a", end, "b", end] for end in (i, j) if end in left])
        - np.mean([found[half, i, half, j] for half in "ab"])
        for i, j in combinations(SEEDS, 2)
        if i in left or j in left
    ]
    assert contrast["mean"].iloc[0] == pytest.approx(np.mean(differences))
    assert set(contrast["n_network_pairs"]) == {len(differences)}


def test_dropout_is_contrasted_without_seeds_of_a_redrawn_network():
    """Its networks differ in more than dropout, in the pair (1, 3) too, where the other seed was not redrawn."""
    _, (some, others) = observed()
    consistency = pd.concat([some.assign(condition="dropout0.5"), others.assign(condition="baseline")])
    contrasts = contrast_conditions(consistency, "dropout0.5", "baseline", BOOTSTRAP, {1, 4})
    row = select(contrasts, **CHOSEN, ci_method="jackknife").iloc[0]
    found = values()
    differences = [found["a", i, "a", j] - found["b", i, "b", j] for i, j in combinations((0, 3, 7), 2)]
    assert row["mean"] == pytest.approx(np.mean(differences))
    assert (row["n_networks"], row["n_network_pairs"]) == (3, 3)


INIT_OR_ORDER = {(True, False): "order", (False, True): "init", (False, False): "none"}
"""What a network whose `init` varies and one whose `order` varies share, by whether each other's seed is 0."""


def init_and_order():
    """Consistencies of conditions that vary `init` and `order`: the networks of seed 0 are one network.

    So its pairs with the other networks are in both conditions, and between them.
    """
    across, within = observed()
    across = across[(across["seed_a"] != 0) | (across["seed_b"] != 0)].copy()
    across["shared"] = [INIT_OR_ORDER[b == 0, a == 0] for a, b in zip(across["seed_a"], across["seed_b"], strict=True)]
    keys = ["layer", "kind", "seed"]
    for end, other, rows in (("seed_a", "seed_b", within[0]), ("seed_b", "seed_a", within[1])):
        own = rows[(rows["epoch"] == 9) & (rows["seed_a"] == 0)].rename(columns={"seed_b": "seed"})
        own = own.set_index(keys)["consistency"]
        is_own = across[other] == 0
        places = pd.MultiIndex.from_frame(across.loc[is_own, ["layer", "kind", end]], names=keys)
        across.loc[is_own, "consistency"] = own[places].to_numpy()
    return across, (within[0].assign(shared="order"), within[1].assign(shared="init"))


def test_pairs_between_conditions_are_summarised_by_the_streams_that_they_share():
    across, within = init_and_order()
    summary = select(summarise_pair(ConditionPair(across, within, (), [0]), BOOTSTRAP), **CHOSEN)
    pairs = [(a, b) for a, b in product(SEEDS, repeat=2) if (a, b) != (0, 0)]
    found = select(across, **CHOSEN).set_index(["seed_a", "seed_b"])["consistency"]
    between = select(summary, pairs="between", ci_method="jackknife").set_index("shared")
    assert list(between.index) == ["none", "init", "order"]
    for shared, row in between.iterrows():
        members = [pair for pair in pairs if INIT_OR_ORDER[pair[1] == 0, pair[0] == 0] == shared]
        assert row["n_network_pairs"] == len(members) == {"none": 16, "init": 4, "order": 4}[shared]
        assert row["mean"] == pytest.approx(found[members].mean())
    pooled = select(summary, ci_method="pairs").drop_duplicates("pairs").set_index("pairs")["shared"]
    assert pooled[["within", "same_seed", "different_seeds"]].to_list() == ["several", "none", "several"]
    same_seed = select(summary, pairs="same_seed", ci_method="pairs").iloc[0]
    assert (same_seed["n_networks"], same_seed["n_network_pairs"]) == (4, 4)


def test_pairs_that_all_hold_one_network_have_no_interval_for_other_networks():
    across, within = init_and_order()
    summary = select(summarise_pair(ConditionPair(across, within, (), [0]), BOOTSTRAP), **CHOSEN, pairs="between")
    is_star = summary["shared"] != "none"
    defined = summary["ci_low"].notna() & summary["ci_high"].notna()
    assert set(summary.loc[is_star & defined, "ci_method"]) == {"pairs"}
    assert set(summary.loc[~is_star & defined, "ci_method"]) >= {"pairs", "jackknife"}
    assert (summary.loc[is_star & (summary["ci_method"] == "instances"), "n_networks"] == 5).all()  # else null anyway


def test_a_network_that_is_in_both_conditions_is_not_contrasted_with_itself():
    """Of different seeds, all pairs with its seed would have a difference of exactly 0."""
    across, within = init_and_order()
    chosen = CHOSEN | {"contrast": "between_minus_within_different_seeds", "ci_method": "pairs"}
    naive, contrast = (
        select(contrast_pair(ConditionPair(across, within, (), same), BOOTSTRAP), **chosen).iloc[0]
        for same in ((), [0])
    )
    found = values()
    differences = [
        np.mean([found["a", i, "b", j], found["a", j, "b", i]]) - np.mean([found[half, i, half, j] for half in "ab"])
        for i, j in combinations(SEEDS[1:], 2)
    ]
    assert contrast["mean"] == pytest.approx(np.mean(differences))
    assert (contrast["n_networks"], contrast["n_network_pairs"]) == (4, 6)
    assert naive["mean"] == pytest.approx(np.sum(differences) / 10)  # with four zeros


def test_conditions_of_unknown_training_share_unknown_streams():
    across, within = observed()
    unknown = ConditionPair(across.assign(shared=None), tuple(rows.assign(shared=None) for rows in within))
    summary, known = (summarise_pair(each, BOOTSTRAP) for each in (unknown, ConditionPair(across, within)))
    assert summary["shared"].isna().all()
    expected = known[known["pairs"] != "between"].drop(columns="shared").reset_index(drop=True)
    pd.testing.assert_frame_equal(summary.drop(columns="shared"), expected)


def test_where_every_seed_was_redrawn_no_pair_of_one_seed_is_left():
    summary = summarise_pair(ConditionPair(*observed(), unequally_drawn=SEEDS), BOOTSTRAP)
    same = summary[summary["pairs"] == "same_seed"]
    assert set(same["n_network_pairs"]) == {0}
    assert same[["mean", "ci_low", "ci_high"]].isna().all(axis=None)


def test_conditions_without_networks_make_no_rows():
    across, within = observed()
    empty = ConditionPair(across.iloc[:0], tuple(rows.iloc[:0] for rows in within))
    assert summarise_pair(empty, BOOTSTRAP).empty
    assert contrast_pair(empty, BOOTSTRAP).empty
    assert contrast_conditions(within[0].iloc[:0], "dropout0.5", "baseline", BOOTSTRAP).empty
