"""Variance components of accuracies after transfer, against explicit formulas and simulations; and relations."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from sklearn.metrics import cohen_kappa_score

from manyseeds.io import tables
from manyseeds.kernels.transferred import FAILED, Transferred
from manyseeds.statistics import transfer

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"


def test_components_are_those_of_the_textbook():
    """Mean squares by explicit loops."""
    y = np.random.default_rng(0).normal(size=(4, 3))
    mean, n, k = y.mean(), 4, 3
    of_sources = sum(k * (y[s].mean() - mean) ** 2 for s in range(n)) / (n - 1)
    of_seeds = sum(n * (y[:, t].mean() - mean) ** 2 for t in range(k)) / (k - 1)
    rest = sum((y[s, t] - y[s].mean() - y[:, t].mean() + mean) ** 2 for s in range(n) for t in range(k)) / 6
    np.testing.assert_allclose(transfer.variances(y), [(of_sources - rest) / k, (of_seeds - rest) / n, rest])


def test_planted_components_are_recovered_and_covered():
    draw, found, covered = np.random.default_rng(1), [], []
    planted = np.array([4.0, 1.0, 0.5])
    for _ in range(600):
        y = 2 * draw.normal(size=(8, 1)) + draw.normal(size=(1, 5)) + np.sqrt(0.5) * draw.normal(size=(8, 5))
        found.append(transfer.variances(y))
        low, high = transfer.interval(y)
        covered.append((low <= planted) & (planted <= high))
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - planted) < 4 * error).all()
    assert (np.mean(covered, axis=0) > 0.8).all()


def test_too_few_have_no_components_or_intervals():
    assert np.isnan(transfer.variances(np.ones((1, 3)))).all()
    assert np.isnan(transfer.interval(np.random.default_rng(0).normal(size=(5, 2)))).all()
    assert np.isfinite(transfer.variances(np.random.default_rng(0).normal(size=(5, 2)))).all()


@pytest.fixture
def found() -> Transferred:
    """Five sources, three transfer seeds and two modes; the sources differ in how many images they get right."""
    draw = np.random.default_rng(2)
    labels = draw.integers(0, 4, 200)
    wrong = draw.random((2, 5, 3, 200)) < np.linspace(0.1, 0.5, 5)[:, None, None]
    predictions = np.where(wrong, (labels + 1) % 4, labels).astype(np.int16)
    epochs = {"losses": np.ones((2, 5, 3, 1)), "accuracies": np.ones((2, 5, 3, 1))}
    origin = {"digests": np.full((2, 5, 3), "d"), "tested": "t"}
    return Transferred(predictions, labels, ("readout", "all"), (0, 1, 2, 4, 7), **epochs, **origin)


def test_accuracies_and_their_summary(found):
    rows = transfer.accuracies(found)
    assert len(rows) == 2 * 5 * 3
    row = rows.query("mode == 'all' and seed == 4 and transfer_seed == 2").iloc[0]
    assert row["accuracy"] == (found.predictions[1, 3, 2] == found.labels).mean()
    summary = transfer.summarise(found)
    y = rows[rows["mode"] == "all"].pivot(index="seed", columns="transfer_seed", values="accuracy").to_numpy()
    of_mode = summary[summary["mode"] == "all"]
    np.testing.assert_allclose(of_mode["variance"], transfer.variances(y))
    np.testing.assert_allclose(of_mode["sd"], np.sqrt(np.maximum(transfer.variances(y), 0)))
    assert of_mode.set_index("component")["variance"].idxmax() == "source"


def test_components_are_those_of_the_sources_without_a_failed_training(found):
    found.predictions[0, 1, 1] = FAILED
    rows = transfer.accuracies(found)
    assert rows["accuracy"].isna().sum() == 1
    y = rows[rows["mode"] == "readout"].pivot(index="seed", columns="transfer_seed", values="accuracy")
    complete = y.dropna().to_numpy()
    summary = transfer.summarise(found).set_index("mode")
    np.testing.assert_allclose(summary.loc["readout", "variance"], transfer.variances(complete))
    ends = np.array(transfer.interval(complete))
    np.testing.assert_allclose(summary.loc["readout", ["ci_low", "ci_high"]].to_numpy(float).T, ends)
    np.testing.assert_allclose(summary.loc["readout", "mean"], np.nanmean(y))
    counts = ["n_networks", "n_failed"]
    assert summary.loc["readout", counts].drop_duplicates().to_numpy().tolist() == [[4, 1]]
    assert summary.loc["all", counts].drop_duplicates().to_numpy().tolist() == [[5, 0]]


@pytest.mark.parametrize("n_sources", [0, 5])
def test_a_mode_without_a_source_has_a_row_that_says_so(found, n_sources):
    """No source was accepted, or all trainings of the mode failed."""
    found.predictions[0] = FAILED
    found = replace(
        found,
        seeds=found.seeds[:n_sources],
        **{name: getattr(found, name)[:, :n_sources] for name in ("predictions", "losses", "accuracies", "digests")},
    )
    group = {"architecture": "net", "condition": "baseline", "target": "other"}
    for name, of in (("transfer", transfer.accuracies), ("transfer_summary", transfer.summarise)):
        schema = tables.read_schema(SCHEMAS / f"{name}.schema.json")
        table = tables.conform(tables.filled(of(found).assign(**group), schema), schema)
    of_mode = table[table["mode"] == "readout"]
    assert of_mode["n_networks"].tolist() == 3 * [0]
    assert of_mode["n_failed"].tolist() == 3 * [n_sources * 3]
    assert of_mode[["mean", "variance", "sd", "ci_low", "ci_high"]].isna().all(axis=None)
    assert np.isnan(transfer.outcomes(found)[0][1]).all()


def test_a_failed_training_is_left_out_of_what_pairs_of_sources_have_in_common(found):
    """Source 1 failed with transfer seed 1, sources 3 and 4 between them with all; in the other mode nothing failed."""
    found.predictions[0, 1, 1] = found.predictions[0, 3, :2] = found.predictions[0, 4, 2] = FAILED
    right, seeds = found.predictions == found.labels, {(1, 2): [0, 2], (0, 3): [2], (0, 2): [0, 1, 2]}
    outcomes = {(keys["mode"], keys["y"]): (keys, y) for keys, y in transfer.outcomes(found)}
    pairs = list(combinations(range(5), 2))
    for (a, b), defined in seeds.items():
        by_hand = {
            "abs_difference": [abs(right[0, a, t].mean() - right[0, b, t].mean()) for t in defined],
            "kappa": [cohen_kappa_score(right[0, a, t], right[0, b, t]) for t in defined],
        }
        for y, values in by_hand.items():
            assert outcomes["readout", y][1][pairs.index((a, b))] == pytest.approx(np.mean(values))
    for y in transfer.OUTCOMES:
        keys, values = outcomes["readout", y]
        assert np.flatnonzero(np.isnan(values)).tolist() == [pairs.index((3, 4))]
        assert keys["n_undefined"] == 4 + 7 + 4  # pairs with a failed source, by transfer seed
        assert outcomes["all", y][0]["n_undefined"] == 0


def test_similarity_that_foresees_performance_is_found(found):
    right = found.predictions == found.labels
    pairs = list(combinations(range(5), 2))
    by_hand = [np.mean([abs(right[1, a, t].mean() - right[1, b, t].mean()) for t in range(3)]) for a, b in pairs]
    kappas = [np.mean([cohen_kappa_score(right[1, a, t], right[1, b, t]) for t in range(3)]) for a, b in pairs]
    outcomes = {(keys["mode"], keys["y"]): y for keys, y in transfer.outcomes(found)}
    np.testing.assert_allclose(outcomes["all", "abs_difference"], by_hand)
    np.testing.assert_allclose(outcomes["all", "kappa"], kappas)
    consistency = pd.DataFrame(
        [
            {
                "seed_a": found.seeds[a],
                "seed_b": found.seeds[b],
                "consistency": 1 - difference,
                "layer": "conv9",
                "layer_index": 8,
                "epoch": 8,
                "kind": "exemplar",
                "measure": "correlation",
                "normalisation": "none",
                "dropout_samples": 0,
            }
            for (a, b), difference in zip(pairs, by_hand, strict=True)
        ]
    )
    rows = transfer.relations(found, pd.DataFrame(), consistency, 0).set_index(["mode", "y"])
    assert rows.loc[("all", "abs_difference"), "pearson"] == pytest.approx(-1)
    assert rows.loc[("all", "abs_difference"), "p_permutation"] < 0.05
    assert rows.loc[("readout", "abs_difference"), "pearson"] > -0.999
