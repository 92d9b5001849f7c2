"""Tables of accuracies on distorted images, and of agreement of errors and its relations to similarity."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats

from manyseeds.io.tables import conform, filled, read_schema
from manyseeds.kernels.pairs import pairs
from manyseeds.kernels.predictions import FAILED, Predicted, conditions_of
from manyseeds.statistics import error_agreement, kernel_relations, paradox
from manyseeds.statistics.agreement import holm
from manyseeds.statistics.intervals import Bootstrap
from manyseeds.study import variants

N = 6
LABELS = np.repeat(np.arange(10), 30)
CONDITIONS = conditions_of({"blur": [0.5, 0.9], "gamma": [2.0]})
SHARES = (0.8, 0.7, 0.13, 0.6)
"""Accuracy at each condition; the third is at the floor."""
CHOSEN = [variants.trained(), variants.noise(0.9)]
GROUP = {"architecture": "net", "condition": "baseline"}


def predicted(seed, variant):
    random = np.random.default_rng((seed, len(variant)))
    rows = [
        np.where(random.random(300) < share - 0.02 * seed, LABELS, (LABELS + 1 + seed % 3) % 10) for share in SHARES
    ]
    found = np.array(rows, np.int16)
    return Predicted(
        np.full_like(found, FAILED) if (seed, variant) == (2, "noise_0.9") else found, CONDITIONS, LABELS, LABELS
    )


TESTED = {(seed, variant.name): predicted(seed, variant.name) for seed in range(N) for variant in CHOSEN}
ACCURACY = error_agreement.accuracies(TESTED, 8).assign(**GROUP)
ERRORS = error_agreement.compare(pairs(dict.fromkeys(range(N), CHOSEN), 8, untrained=False), TESTED).assign(**GROUP)


def test_accuracies_are_those_of_the_predictions_and_know_the_floor():
    row = ACCURACY.query("seed == 3 and variant == 'trained' and strength == 0.5").iloc[0]
    assert row["accuracy"] == np.mean(TESTED[3, "trained"].predictions[1] == LABELS)
    assert set(ACCURACY.loc[ACCURACY["at_floor"], "strength"]) == {0.9}
    assert ACCURACY.query("seed == 2 and variant == 'noise_0.9'")["accuracy"].isna().all()


def test_summaries_count_failed_variants_and_have_jackknife_intervals():
    summary = error_agreement.summarise(ACCURACY, Bootstrap(0, 50)).set_index("ci_method")
    rows = summary.loc["jackknife"].set_index(["variant", "distortion"])
    values = ACCURACY.query("variant == 'trained' and distortion == 'gamma'")["accuracy"]
    row = rows.loc[("trained", "gamma")]
    assert row["mean"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(ddof=1))
    assert row["ci_low"] < values.mean() < row["ci_high"]
    assert (row["n_networks"], row["n_failed"]) == (N, 0)
    assert (rows.loc[("noise_0.9", "gamma"), "n_networks"], rows.loc[("noise_0.9", "gamma"), "n_failed"]) == (N - 1, 1)


def test_a_variant_of_which_every_training_failed_is_counted():
    failed = ACCURACY.assign(accuracy=ACCURACY["accuracy"].where(ACCURACY["variant"] == "trained"))
    summary = error_agreement.summarise(failed, Bootstrap(0, 50))
    schema = read_schema(ROOT / "workflow_scripts/manyseeds/schemas/tables/distorted_accuracy_summary.schema.json")
    table = conform(filled(summary, schema), schema)
    rows = table[table["variant"] == "noise_0.9"]
    assert len(rows) == len(CONDITIONS) * 2  # jackknife and instances
    assert set(zip(rows["n_networks"], rows["n_failed"], strict=True)) == {(0, N)}
    assert rows[["mean", "sd", "min", "max", "ci_low", "ci_high"]].isna().all(axis=None)
    assert rows["at_floor"].sum() == 2  # the third strength, as of the other variant
    one_variant = error_agreement.summarise(ACCURACY[ACCURACY["variant"] == "trained"], Bootstrap(0, 50))
    pd.testing.assert_frame_equal(summary[summary["variant"] == "trained"].reset_index(drop=True), one_variant)


def test_pairs_without_a_failed_variant_are_compared_at_each_condition():
    counts = ERRORS["pair_kind"].value_counts()
    assert counts["seeds"] == 15 * len(CONDITIONS)
    assert counts["noise"] == (N - 1) * len(CONDITIONS)
    row = ERRORS.query("pair_kind == 'seeds' and seed_a == 1 and seed_b == 4 and strength == 0.5").iloc[0]
    a, b = (TESTED[seed, "trained"].predictions[1] for seed in (1, 4))
    assert row["agreement"] == np.mean(a == b)
    assert row["n_only_a"] == np.sum((a == LABELS) & (b != LABELS))


def test_p_values_are_adjusted_within_a_kind_of_pairs():
    for _, rows in ERRORS.groupby("pair_kind"):
        np.testing.assert_allclose(rows["mcnemar_p_holm"], holm(rows["mcnemar_p"].to_numpy()))


def test_nothing_is_compared_without_networks():
    assert error_agreement.accuracies({}, 8).empty
    assert error_agreement.compare([], {}).empty
    assert error_agreement.summarise(error_agreement.accuracies({}, 8), Bootstrap(0, 9)).empty


@pytest.mark.parametrize(("seeds", "chosen"), [([], CHOSEN), ([0], CHOSEN[:1]), ([0], CHOSEN)])
def test_fewer_than_two_networks_have_no_relations_and_no_paradox(seeds, chosen):
    """As the job `compare_errors` has them: kernels are compared, and a table without networks has no rows."""
    tested = {(seed, variant.name): TESTED[seed, variant.name] for seed in seeds for variant in chosen}
    accuracy = error_agreement.accuracies(tested, 8).assign(**GROUP)
    found = pairs(dict.fromkeys(seeds, chosen), 8, untrained=False)
    errors = error_agreement.compare(found, tested).assign(**GROUP)
    assert set(errors["pair_kind"]) == ({"noise"} if seeds and len(chosen) > 1 else set())
    assert list(ERRORS) == list(errors)
    kernels, consistency = (frame.iloc[:0] for frame in similar(1.0))
    assert kernel_relations.relations(errors, accuracy, kernels, consistency, 0).empty
    thresholds = {"similar": 0.999, "different": 0.05, "equivalent": 0.02}
    assert paradox.paradox(errors, accuracy, kernels, thresholds).empty


def test_averages_over_strengths_leave_out_those_at_the_floor():
    """Also if images as they are at the floor."""
    trained = {(seed, name): found for (seed, name), found in TESTED.items() if name == "trained"}
    assert error_agreement.above_floor(TESTED) == error_agreement.above_floor(trained)
    assert [(each.distortion, each.strength, each.level) for each in error_agreement.above_floor(trained)[1:]] == [
        ("blur", 0.5, 0),
        ("gamma", 2.0, 0),
    ]
    none_right = {key: replace(found, predictions=found.predictions * 0 + 10) for key, found in trained.items()}
    assert [each.distortion for each in error_agreement.above_floor(none_right)] == ["none"]
    assert error_agreement.above_floor({}) == []


def test_outcomes_leave_out_strengths_at_the_floor_and_average_z_scores():
    found = kernel_relations.outcomes(ERRORS, ACCURACY, "kappa", list(range(N)))
    assert list(found) == ["none", "blur", "gamma", None]
    rows = ERRORS[(ERRORS["pair_kind"] == "seeds") & (ERRORS["strength"] == 0.5)]
    np.testing.assert_allclose(found["blur"], rows["kappa"])
    np.testing.assert_allclose(found[None], (stats.zscore(found["blur"]) + stats.zscore(found["gamma"])) / 2)


def similar(effect):
    """Kernels and consistencies of pairs; the similarity of kernels follows kappa of blur."""
    kappa = kernel_relations.outcomes(ERRORS, ACCURACY, "kappa", list(range(N)))["blur"]
    random = np.random.default_rng(0)
    rows = []
    for (a, b), value in zip(combinations(range(N), 2), kappa, strict=True):
        pair = {"pair_kind": "seeds", "seed_a": a, "seed_b": b, "matching": "index", "chance_sd": 0.1}
        rows.append(pair | {"layer": None, "layer_index": None, "similarity": effect * value + 0.01 * random.random()})
        rows.append(pair | {"layer": "conv1", "layer_index": 0, "similarity": 0.5})
    key = {"kind": "exemplar", "normalisation": "none", "dropout_samples": 0, "epoch": 8, "measure": "correlation"}
    consistency = [
        key | {"layer": "conv1", "layer_index": 0, "seed_a": a, "seed_b": b, "consistency": random.random()}
        for a, b in combinations(range(N), 2)
    ]
    return pd.DataFrame(rows), pd.DataFrame(consistency)


def test_relations_find_a_planted_one_and_adjust_their_p_values():
    table = kernel_relations.relations(ERRORS, ACCURACY, *similar(1.0), seed=0)
    planted = table[(table["x"] == "index") & table["layer"].isna() & (table["distortion"] == "blur")].set_index("y")
    assert planted.loc["kappa", "pearson"] > 0.99
    assert planted.loc["kappa", "p_permutation"] < 0.01
    assert planted.loc["kappa", "ci_low"] > 0.9
    assert planted.loc["kappa", "n_permutations"] == 719
    for _, rows in table.groupby("y"):
        np.testing.assert_allclose(rows["p_holm"], holm(rows["p_permutation"].to_numpy(float)))
    assert table.loc[table["layer"].eq("conv1") & (table["x"] == "index"), "pearson"].isna().all()  # constant
    assert set(table["x"]) == {"index", "consistency"}


def test_a_jackknife_of_z_needs_five_networks():
    x = np.random.default_rng(0).random(15)
    r, low, high = kernel_relations.jackknife_z(x, x + np.random.default_rng(1).random(15), 6)
    assert low < r < high
    few = kernel_relations.jackknife_z(x[:6], x[:6] ** 2, 4)
    assert np.isfinite(few[0])
    assert np.isnan(few[1:]).all()
    assert np.isnan(kernel_relations.jackknife_z(x, np.ones(15), 6)).all()


def test_the_jackknife_of_z_deletes_all_pairs_of_a_network():
    random = np.random.default_rng(2)
    x, y = random.random((2, 15))
    first, second = np.triu_indices(6, 1)
    without = [np.arctanh(np.corrcoef(x[k], y[k])[0, 1]) for k in ((first != i) & (second != i) for i in range(6))]
    error = np.sqrt(5 / 6 * np.sum((np.array(without) - np.mean(without)) ** 2))
    r = np.corrcoef(x, y)[0, 1]
    expected = np.tanh(np.arctanh(r) + np.array([-1, 1]) * stats.t.ppf(0.975, 5) * error)
    np.testing.assert_allclose(kernel_relations.jackknife_z(x, y, 6), [r, *expected])
