"""Estimates of the declared claims against explicit loops over networks, and their way into the table."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats
from scipy.special import expit, logit

from manyseeds.io import tables
from manyseeds.paper import claims, tested_claims
from manyseeds.paper.tested_claims import judge

DECLARED = claims.read_claims(ROOT / "data/claims.csv")
SCHEMA = tables.read_schema(ROOT / "workflow_scripts/manyseeds/schemas/tables/claims.schema.json")
SEEDS = [0, 1, 2, 4, 5, 6, 8, 9]
PAIRS = list(combinations(SEEDS, 2))
LAYERS = [f"conv{number}" for number in range(1, 10)]
EPOCHS = [0, 1, 2, 24, 35]
KINDS = ["exemplar", "centroid", "within_category", "random_centroid"]


def consistency_rows(rng):
    for epoch in EPOCHS:
        for place, layer in enumerate(LAYERS if epoch == 35 else ["conv9"]):
            for measure in claims.MEASURES:
                for blank in ("none", "cocktail"):
                    for kind in KINDS:
                        mean = 0.9 - 0.05 * place + 0.02 * KINDS.index(kind) + 0.03 * (blank == "cocktail")
                        for a, b in PAIRS:
                            yield epoch, layer, measure, blank, 0, kind, a, b, mean + 0.1 * rng.random()
                            yield epoch, layer, measure, blank, 3, kind, a, b, 7.0  # under dropout masks


@pytest.fixture(scope="module")
def observed():
    rng = np.random.default_rng(0)
    columns = ["epoch", "layer", "measure", "normalisation", "dropout_samples", "kind", "seed_a", "seed_b"]
    consistency = pd.DataFrame(consistency_rows(rng), columns=[*columns, "consistency"])
    clustering = pd.DataFrame(
        (35, layer, measure, blank, seed, 0.05 * place + 0.1 * rng.random())
        for place, layer in enumerate(LAYERS)
        for measure in claims.MEASURES
        for blank in ("none", "cocktail")
        for seed in SEEDS
    )
    clustering.columns = ["epoch", "layer", "measure", "normalisation", "seed", "cci"]
    accuracy = pd.DataFrame(
        (split, subset, epoch, seed, level + 0.001 * epoch + 0.001 * rng.random())
        for split, subset, level in (("train", "all", 0.96), ("test", "all", 0.7), ("test", "lossless", 0.76))
        for epoch in EPOCHS
        for seed in [*SEEDS, 3]  # a rejected network
    )
    accuracy.columns = ["split", "subset", "epoch", "seed", "accuracy"]
    across = pd.DataFrame(
        (a, b, "conv9", measure, "none", kind, i, j, 0.95 * (i == j) + 0.05 * rng.random())
        for a, b in combinations(EPOCHS, 2)
        for measure in claims.MEASURES
        for kind in ("exemplar", "centroid")
        for i in SEEDS
        for j in SEEDS
    )
    across.columns = [
        "epoch_a",
        "epoch_b",
        "layer",
        "measure",
        "normalisation",
        "kind",
        "seed_a",
        "seed_b",
        "consistency",
    ]
    contrasts = pd.DataFrame(
        [("centroid_minus_random_centroid", "conv9", m, 0.004 + 0.1 * i) for i, m in enumerate(claims.MEASURES)],
        columns=["contrast", "layer", "measure", "p"],
    )
    return tested_claims.Tables(
        SEEDS, {"last": 35, "first_milestone": 24}, accuracy, consistency, across, clustering, contrasts
    )


@pytest.fixture(scope="module")
def judged(observed):
    return judge(DECLARED, observed)


def pair_mean(observed, seeds, layer="conv9", kind="exemplar", measure="correlation", epoch=35, blank="none"):
    """The mean over pairs of networks, one row after another."""
    values = [
        row.consistency
        for row in observed.consistency.itertuples()
        if (row.layer, row.kind, row.measure, row.epoch, row.normalisation) == (layer, kind, measure, epoch, blank)
        and row.dropout_samples == 0
        and {row.seed_a, row.seed_b} <= set(seeds)
    ]
    assert len(values) == len(seeds) * (len(seeds) - 1) / 2
    return np.mean(values)


def mean_of(frame, seeds, value, **equal):
    for column, wanted in equal.items():
        frame = frame[frame[column] == wanted]
    values = dict(zip(frame["seed"], frame[value], strict=True))
    return np.mean([values[seed] for seed in seeds])


def cci_r(observed, seeds):
    cci = [
        mean_of(observed.clustering, seeds, "cci", layer=each, measure="correlation", normalisation="none")
        for each in LAYERS
    ]
    return np.corrcoef(cci, [pair_mean(observed, seeds, layer=layer) for layer in LAYERS])[0, 1]


def accuracy_r(observed, seeds):
    epochs = [1, 2, 24, 35]
    found = [mean_of(observed.accuracy, seeds, "accuracy", epoch=e, split="test", subset="all") for e in epochs]
    return np.corrcoef(found, [pair_mean(observed, seeds, epoch=epoch) for epoch in epochs])[0, 1]


def same_minus_different(observed, seeds):
    rows = observed.consistency_across
    own = [
        rows.query(
            "epoch_a == 24 and epoch_b == 35 and measure == 'correlation' and kind == 'exemplar' "
            f"and seed_a == {seed} and seed_b == {seed}"
        )["consistency"].item()
        for seed in seeds
    ]
    return np.mean(own) - pair_mean(observed, seeds)


def difference(**other):
    return lambda observed, seeds: pair_mean(observed, seeds) - pair_mean(observed, seeds, **other)


EXPECTED = {
    ("1", "correlation"): (difference(layer="conv1"), "own"),
    ("2", "euclidean"): (
        lambda o, s: pair_mean(o, s, kind="centroid", measure="euclidean") - pair_mean(o, s, measure="euclidean"),
        "own",
    ),
    ("4", "correlation"): (lambda o, s: pair_mean(o, s, kind="within_category") - pair_mean(o, s), "own"),
    ("6", "correlation"): (cci_r, "z"),
    ("7", "epoch_difference"): (lambda o, s: pair_mean(o, s, epoch=1) - pair_mean(o, s), "own"),
    ("7", "consistency_accuracy_over_epochs"): (accuracy_r, "z"),
    ("8", "correlation"): (same_minus_different, "own"),
    ("exemplar_level", "correlation"): (pair_mean, "logit"),
    ("cocktail_level", "correlation"): (lambda o, s: pair_mean(o, s, blank="cocktail") - pair_mean(o, s), "own"),
}
SCALES = {"own": (float, float), "z": (np.arctanh, np.tanh), "logit": (logit, expit)}


@pytest.mark.parametrize("name", EXPECTED, ids=" ".join)
def test_estimates_and_intervals_are_those_of_leaving_out_one_network_after_another(observed, judged, name):
    statistic, scale = EXPECTED[name]
    to, back = SCALES[scale]
    claim, which = name
    (row,) = judged[
        (judged["claim"] == claim) & ((judged["measure"] == which) | (judged["statistic"] == which))
    ].to_dict("records")
    whole = statistic(observed, SEEDS)
    without = np.array([to(statistic(observed, [s for s in SEEDS if s != left_out])) for left_out in SEEDS])
    error = np.sqrt(7 / 8 * ((without - without.mean()) ** 2).sum())
    assert row["estimate"] == pytest.approx(whole)
    for suffix, level in (("", 0.95 if claim.endswith("level") else 1 - 0.05 / 8), ("_95", 0.95)):
        half = stats.t.ppf(0.5 + level / 2, 7) * error
        assert row[f"ci_low{suffix}"] == pytest.approx(back(to(whole) - half))
        assert row[f"ci_high{suffix}"] == pytest.approx(back(to(whole) + half))


def test_every_declared_row_is_in_the_table(judged):
    table = tables.conform(judged.assign(architecture="all_cnn_c", condition="baseline"), SCHEMA)
    declared = [*DECLARED.gates, *(each for claim in DECLARED.claims for each in claim.statements)]
    assert list(table["statistic"]) == [each.statistic for each in declared]
    assert table["estimate"].notna().all()


def test_random_grouping_is_judged_by_its_p_value(judged):
    row = judged[judged["claim"] == "3"].iloc[0]
    assert row["p"] == 0.004
    assert (row["outcome"], row["verdict"]) == ("confirmed", "confirmed")


def test_gates_read_accepted_networks_and_lossless_images(observed, judged):
    gates = judged[judged["claim"] == "gates"].set_index("statistic")["estimate"]
    train = observed.accuracy.query("split == 'train' and epoch == 35 and seed != 3")["accuracy"]
    test = observed.accuracy.query("split == 'test' and subset == 'lossless' and epoch == 35 and seed != 3")["accuracy"]
    assert gates["accepted_networks"] == 8
    assert gates["median_training_accuracy"] == pytest.approx(np.median(train))
    assert gates["lowest_training_accuracy"] == pytest.approx(train.min())
    assert gates["mean_lossless_test_accuracy"] == pytest.approx(test.mean())
    assert set(judged["gate"]) == {"passed"}


def with_accuracy(observed, **columns):
    changed = observed.accuracy.assign(**columns)
    return tested_claims.Tables(**{**vars(observed), "accuracy": changed})


def test_nothing_is_computed_if_a_gate_fails(observed):
    low = with_accuracy(observed, accuracy=observed.accuracy["accuracy"] - 0.1)
    table = judge(DECLARED, low)
    claimed = table[table["claim"] != "gates"]
    assert set(table["gate"]) == {"failed"}
    assert set(claimed["verdict"]) == set(claimed["outcome"]) == {"not_tested"}
    assert claimed["estimate"].isna().all()
    assert table.loc[table["claim"] == "gates", "estimate"].notna().all()


def test_without_lossless_images_the_gate_reads_all_test_images(observed):
    everything = observed.accuracy[observed.accuracy["subset"] == "all"].copy()
    everything.loc[everything["split"] == "test", "accuracy"] += 0.06
    table = judge(DECLARED, tested_claims.Tables(**{**vars(observed), "accuracy": everything}))
    expected = everything.query("split == 'test' and epoch == 35 and seed != 3")["accuracy"].mean()
    assert table.set_index("statistic").loc["mean_lossless_test_accuracy", "estimate"] == pytest.approx(expected)


def test_what_the_tables_do_not_have_is_undecided(observed):
    few = tested_claims.Tables(
        **{
            **vars(observed),
            "epochs": {"last": 35},
            "consistency": observed.consistency.query("epoch == 35 and layer != 'conv1' and kind != 'random_centroid'"),
            "contrasts": observed.contrasts.iloc[:0],
        }
    )
    table = judge(DECLARED, few).set_index(["claim", "statistic"])
    for claim in ("1", "3", "5", "6", "7", "8"):
        assert set(table.loc[claim, "verdict"]) == {"undecided"}
        assert table.loc[claim, "estimate"].isna().all()
    assert table.loc["2", "estimate"].notna().all()
