"""Contrasts of dropout after the last epoch, and at matched training accuracy, against explicit loops."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats

from manyseeds.io import tables
from manyseeds.statistics.intervals import Bootstrap
from manyseeds.statistics.matched_accuracy import contrast_at_matched_accuracy, contrast_dropout, nearest

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
BOOTSTRAP = Bootstrap(seed=0, n_resamples=300)
BASELINE_SEEDS, DROPOUT_SEEDS = (0, 1, 3, 4, 7), (0, 1, 3, 4)
LAST = 9
ANALYSED = (0, 2, 5, 6, LAST)
CONDITIONS = ("dropout0.5", "baseline")
KEY = {"architecture": "net", "dropout_samples": 0, "normalisation": "none", "measure": "cosine"}
PLACES = {"conv8": 7, "conv9": 8}


def consistency(analysed=ANALYSED):
    """Consistencies with and without dropout, of which the latter is followed in conv9."""
    rng = np.random.default_rng(0)
    rows = []
    for condition, seeds, epochs in (("dropout0.5", DROPOUT_SEEDS, [LAST]), ("baseline", BASELINE_SEEDS, analysed)):
        for epoch, (layer, place), kind in product(epochs, PLACES.items(), ("exemplar", "centroid", "random_centroid")):
            if epoch == LAST or layer == "conv9":
                key = KEY | {"condition": condition, "epoch": epoch, "layer": layer, "layer_index": place, "kind": kind}
                rows += [key | {"seed_a": a, "seed_b": b} for a, b in combinations(seeds, 2)]
    plain = pd.DataFrame(rows).assign(consistency=rng.uniform(0.3, 0.9, len(rows)))
    blanked = plain.assign(normalisation="cocktail", consistency=0.1)
    sampled = plain[plain["condition"] == "dropout0.5"].assign(dropout_samples=2, consistency=0.2)
    return pd.concat([plain, blanked, sampled], ignore_index=True)


def history(**changes):
    """Running accuracies (epoch + seed / 100) / 10 at most; with dropout, those of the epoch that is half as late.

    Seed 3 was redrawn with and without dropout: its first attempts were more accurate.
    """
    rows = [
        {"condition": condition, "seed": seed, "attempt": attempt, "epoch": epoch, "accuracy": accuracy + attempt_bonus}
        for condition, seeds, speed in (("dropout0.5", DROPOUT_SEEDS, 0.5), ("baseline", BASELINE_SEEDS, 1.0))
        for seed in seeds
        for attempt, attempt_bonus in ([(0, 0.04), (1, 0.0)] if seed == 3 else [(0, 0.0)])
        for epoch in range(1, LAST + 1)
        for accuracy in [(speed * epoch + seed / 100) / 10]
    ]
    return pd.DataFrame(rows).assign(**changes)


def select(frame, **equal):
    return frame[np.logical_and.reduce([frame[key] == value for key, value in equal.items()])]


def pair_values(frame, condition, epoch, kind, layer="conv9"):
    rows = select(frame, **KEY, condition=condition, epoch=epoch, layer=layer, kind=kind)
    return {(row.seed_a, row.seed_b): row.consistency for row in rows.itertuples()}


def jackknife(differences, seeds):
    """Mean and half-width of the interval of a mean over pairs, by leaving out one seed after another."""
    n = len(seeds)
    without = [np.mean([d for pair, d in differences.items() if seed not in pair]) for seed in seeds]
    deviations = np.array(without) - np.mean(without)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * np.sum(deviations**2))
    return np.mean(list(differences.values())), half


@pytest.mark.parametrize("kind", ["exemplar", "centroid"])
@pytest.mark.parametrize("redrawn", [(), (7,), (1,)])
def test_dropout_at_its_end_is_contrasted_with_the_epoch_of_nearest_accuracy(kind, redrawn):
    """With dropout the last accuracy is that of epoch 4.5 without. Epoch 5 is the nearest one that is analysed."""
    observed = consistency()
    contrasts = contrast_at_matched_accuracy(observed, history(), *CONDITIONS, BOOTSTRAP, redrawn)
    seeds = [seed for seed in DROPOUT_SEEDS if seed not in redrawn]
    first, second = pair_values(observed, "dropout0.5", LAST, kind), pair_values(observed, "baseline", 5, kind)
    differences = {pair: first[pair] - second[pair] for pair in combinations(seeds, 2)}
    mean, half = jackknife(differences, seeds)
    row = select(contrasts, kind=kind, ci_method="jackknife").squeeze()
    assert (row["mean"], row["ci_low"], row["ci_high"]) == pytest.approx((mean, mean - half, mean + half))
    assert (row["n_networks"], row["n_network_pairs"]) == (len(seeds), len(differences))
    assert (row["epoch"], row["matched_epoch"]) == (LAST, 5)
    assert row["accuracy_difference"] == pytest.approx((4.5 - 5) / 10)
    assert set(contrasts["kind"]) == {"exemplar", "centroid"}
    assert set(contrasts["layer"]) == {"conv9"}
    assert set(contrasts["normalisation"]) == {"none"}


def test_accuracies_are_those_of_the_compared_seeds_and_their_last_attempts():
    """Seed 7 has no network with dropout, and seed 3 was redrawn: their accuracies would match other epochs."""
    known = history()
    is_other = (known["seed"] == 7) | ((known["seed"] == 3) & (known["attempt"] == 0))
    known.loc[is_other & (known["condition"] == "baseline"), "accuracy"] = 0.99
    contrasts = contrast_at_matched_accuracy(consistency(), known, *CONDITIONS, BOOTSTRAP)
    assert set(contrasts["matched_epoch"]) == {5}
    assert contrasts["accuracy_difference"].iloc[0] == pytest.approx(-0.05)


def test_undefined_accuracies_are_left_out_and_without_any_there_is_no_contrast():
    known = history()
    known.loc[(known["seed"] == 0) & (known["epoch"] >= 5), "accuracy"] = np.nan
    assert set(contrast_at_matched_accuracy(consistency(), known, *CONDITIONS, BOOTSTRAP)["matched_epoch"]) == {5}
    for unknown in (history(accuracy=np.nan), known[known["condition"] == "baseline"], known.iloc[:0]):
        assert contrast_at_matched_accuracy(consistency(), unknown, *CONDITIONS, BOOTSTRAP).empty


def test_a_condition_as_accurate_at_its_end_is_contrasted_with_that_end():
    known = history()
    known.loc[known["condition"] == "dropout0.5", "accuracy"] *= 2
    contrasts = contrast_dropout(consistency(), known, *CONDITIONS, BOOTSTRAP)
    matched, none = (
        select(contrasts, contrast=f"dropout_minus_{name}", layer="conv9").query(
            "ci_method != 'jackknife_simultaneous'"
        )
        for name in ("matched", "none")  # simultaneous intervals are over the layers of each contrast
    )
    assert set(matched["matched_epoch"]) == {LAST}
    columns = ["kind", "ci_method", "mean", "ci_low", "ci_high", "n_networks"]
    pd.testing.assert_frame_equal(matched[columns].reset_index(drop=True), none[columns].reset_index(drop=True))


def test_the_later_of_two_equally_near_epochs_is_matched():
    accuracy = pd.Series({1: 0.25, 4: 0.5, 2: 0.5, 3: 0.75})
    assert nearest(accuracy, 0.5) == (4, 0.0)
    assert nearest(accuracy, 0.625) == (4, 0.125)
    assert nearest(accuracy, 0.0) == (1, -0.25)
    assert nearest(accuracy, np.nan)[0] is nearest(accuracy.iloc[:0], 0.5)[0] is None


@pytest.mark.parametrize("analysed", [ANALYSED, (LAST,)])
def test_both_contrasts_make_a_table_and_one_where_training_is_not_followed(analysed):
    contrasts = contrast_dropout(consistency(analysed), history(), *CONDITIONS, BOOTSTRAP)
    table = tables.conform(contrasts, tables.read_schema(SCHEMAS / "contrasts.schema.json"))
    is_followed = len(analysed) > 1
    assert set(table["contrast"]) == {"dropout_minus_none", *(["dropout_minus_matched"] if is_followed else [])}
    none = table["contrast"] == "dropout_minus_none"
    assert set(table[none]["layer"]) == {"conv8", "conv9"}
    assert table[none][["matched_epoch", "accuracy_difference"]].isna().all(axis=None)
    assert not table[~none][["matched_epoch", "accuracy_difference"]].isna().any(axis=None)
    assert set(table["condition"]) == {"dropout0.5"}
    assert set(table["condition_b"]) == {"baseline"}


def test_without_networks_there_are_no_contrasts():
    contrasts = contrast_dropout(consistency().iloc[:0], history(), *CONDITIONS, BOOTSTRAP)
    assert len(tables.conform(contrasts, tables.read_schema(SCHEMAS / "contrasts.schema.json"))) == 0
