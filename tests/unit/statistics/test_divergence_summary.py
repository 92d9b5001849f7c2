"""The table of divergence: classes, perturbed copies, and the epoch at which half of the difference is there."""

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import stats

from manyseeds.io import tables
from manyseeds.statistics.divergence import summarise_divergence, with_half_epoch

SCHEMA = ROOT / "workflow_scripts/manyseeds/schemas/tables/divergence.schema.json"
LAYER = {"layer": "conv9", "layer_index": 8, "measure": "correlation", "normalisation": "none"}
R = {"none": (0.9, 0.6, 0.4), "init": (1.0, 0.81, 0.5), "order": (0.9, 0.5, 0.35)}
EPOCHS = (0, 1, 8)


def classes():
    rows = [
        {"epoch": epoch, **LAYER, "kind": kind, "shared": shared, "r": r, "consistency": r**2, "n_pairs": 4}
        for shared, values in R.items()
        for epoch, r in zip(EPOCHS, values, strict=True)
        for kind in ("exemplar", "centroid")
    ]
    return pd.DataFrame(rows).assign(ci_low=np.nan, ci_high=np.nan, ci_method="two_way")


def copies():
    found = {1: [0.99, 0.98, 0.95], 8: [0.5, 0.6, 0.8]}
    rows = [{"perturbation": "ulp", "epoch": epoch, **LAYER, "r": r} for epoch, values in found.items() for r in values]
    return pd.DataFrame(rows)


def weights():
    rows = [("none", None, 0.5, 1.2), ("none", None, 0.7, 1.4), ("init", None, 0.9, 0.2), (None, "ulp", 1.0, 1e-8)]
    columns = ["shared", "perturbation", "agreement", "weight_distance"]
    return pd.DataFrame(rows, columns=columns).assign(epoch=1)


def summarised():
    rows = summarise_divergence(classes(), copies(), weights(), {"ulp": False})
    return tables.conform(rows.assign(architecture="net"), tables.read_schema(SCHEMA))


def test_classes_keep_their_exemplar_rows_and_get_the_values_of_their_weights():
    rows = summarised()
    of_none = rows[rows["shared"] == "none"].sort_values("epoch")
    assert of_none["r"].tolist() == list(R["none"])
    assert of_none["agreement"].tolist()[1] == pytest.approx(0.6)
    assert of_none["weight_distance"].tolist()[1] == pytest.approx(1.3)
    assert of_none["agreement"].isna().tolist() == [True, False, True]
    assert rows["perturbation"].notna().sum() == 2
    assert rows.loc[rows["shared"].notna(), "changes_forward"].isna().all()


def test_copies_have_a_jackknife_over_pairs():
    rows = summarised().query("perturbation == 'ulp'").set_index("epoch")
    values = np.array([0.5, 0.6, 0.8])
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3)
    assert rows["r"][8] == pytest.approx(values.mean())
    assert (rows["ci_low"][8], rows["ci_high"][8]) == pytest.approx((values.mean() - half, values.mean() + half))
    assert rows["consistency"][8] == pytest.approx((values**2).mean())
    assert rows["n_pairs"].tolist() == [3, 3]
    assert rows["weight_distance"][1] == pytest.approx(1e-8)
    assert rows["changes_forward"].tolist() == [False, False]


def test_half_of_the_difference_is_there_at_the_first_epoch_beyond_it():
    rows = summarised()
    half = {name: rows.loc[rows["shared"] == name, "half_epoch"].drop_duplicates().tolist() for name in R}
    assert half["none"] == [0]
    assert half["order"] == [0]
    assert half["init"] == [8]  # 0.19 of 0.4 at epoch 1 is less than half
    assert rows.loc[rows["perturbation"] == "ulp", "half_epoch"].drop_duplicates().tolist() == [8]
    late = with_half_epoch(rows[rows["epoch"] < 8].drop(columns="half_epoch"))
    assert late.loc[late["shared"] == "init", "half_epoch"].isna().all()


def test_without_perturbed_networks_and_known_weights_the_classes_remain():
    rows = summarise_divergence(classes(), pd.DataFrame(), weights().iloc[:0], {})
    assert len(rows) == 9
    tables.conform(rows.assign(architecture="net"), tables.read_schema(SCHEMA))
