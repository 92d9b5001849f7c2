"""Published values meet ours: the right rows of the right tables, and a reason where there are none."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from manyseeds.io import tables
from manyseeds.paper import published

PUBLISHED = pd.read_csv(ROOT / "data/mehrer2020_values.csv")
SCHEMA = json.loads((ROOT / "workflow_scripts/manyseeds/schemas/tables/comparison.schema.json").read_text())
GROUPS = [("all_cnn_c", "baseline"), ("all_cnn_c", "dropout0.6"), ("all_cnn_7", "baseline"), ("alexnet", "baseline")]
LAYERS = ("conv1", "conv9", "fc6", "fc7")
LAST_EPOCH = 8


def consistency_rows():
    """Every key once, each with a mean of its own; the layer fc6 is the lowest everywhere."""
    rows = []
    for group in GROUPS:
        for epoch in (1, LAST_EPOCH):
            for place, layer in enumerate(LAYERS):
                for measure in ("correlation", "euclidean"):
                    for normalisation in ("none", "cocktail"):
                        for samples in (0, 1, 10):
                            for kind in ("exemplar", "centroid", "random_centroid"):
                                for method in ("pairs", "jackknife", "partitions"):
                                    key = (*group, epoch, layer, place, measure, normalisation, samples, kind, method)
                                    rows.append(key)
    columns = ["architecture", "condition", "epoch", "layer", "layer_index", "measure", "normalisation"]
    frame = pd.DataFrame(rows, columns=[*columns, "dropout_samples", "kind", "ci_method"])
    mean = np.linspace(0.4, 0.9, len(frame)) - 0.3 * (frame["layer"] == "fc6")
    return frame.assign(mean=mean, ci_low=mean - 0.01, ci_high=mean + 0.02, n_networks=4)


def relation_rows():
    keys = {"measure": "correlation", "normalisation": "none", "kind": "exemplar"}
    layers, epochs = "cci_consistency_over_layers", "consistency_accuracy_over_epochs"
    rows = [
        ("all_cnn_c", "baseline", 1, None, layers, -0.1),
        ("all_cnn_c", "baseline", LAST_EPOCH, None, layers, -0.2),
        ("all_cnn_7", "baseline", LAST_EPOCH, None, layers, -0.3),
        ("all_cnn_c", "baseline", np.nan, "conv8", epochs, -0.4),
        ("all_cnn_c", "baseline", np.nan, "conv9", epochs, -0.5),
    ]
    frame = pd.DataFrame(rows, columns=["architecture", "condition", "epoch", "layer", "relation", "skipped"])
    low, high = frame["skipped"] - 0.3, frame["skipped"] + 0.3
    others = {"pearson": 0.9, "skipped_ci_low": -1.0, "skipped_ci_high": 1.0}
    return frame.assign(n=9, n_networks=10, skipped_jackknife_low=low, skipped_jackknife_high=high, **others, **keys)


@pytest.fixture
def study_tables():
    accuracy = [
        (*group, epoch, split, subset, method, 0.1 * epoch, 0.1 * epoch - 0.02, 0.1 * epoch + 0.01)
        for group in GROUPS
        for epoch in (0, LAST_EPOCH)
        for split, subset in (("train", "all"), ("test", "lossless"), ("test", "all"))
        for method in ("jackknife", "instances")
    ]
    columns = ["architecture", "condition", "epoch", "split", "subset", "ci_method", "mean", "min", "max"]
    instances = [(*group, seed, seed == 4) for group in GROUPS for seed in range(5)]
    return {
        "instances": pd.DataFrame(instances, columns=["architecture", "condition", "seed", "collapsed"]),
        "accuracy_summary": pd.DataFrame(accuracy, columns=columns).assign(n_networks=4),
        "consistency_summary": consistency_rows(),
        "relations": relation_rows(),
    }


def compared(study_tables, departures=None):
    table = published.compare_with_published(PUBLISHED, study_tables, study="mine", departures=departures or {})
    return tables.conform(table, SCHEMA)


def one(table, **equal):
    for column, value in equal.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def summary_row(study_tables, **equal):
    keys = {"epoch": LAST_EPOCH, "normalisation": "none", "condition": "baseline", "architecture": "all_cnn_c"}
    keys |= {"measure": "correlation", "kind": "exemplar", "layer": "conv9", "dropout_samples": 0}
    keys |= {"ci_method": "jackknife"}
    return one(study_tables["consistency_summary"], **(keys | equal))


def test_every_published_value_keeps_its_row_and_its_numbers(study_tables):
    table = compared(study_tables)
    assert len(table) == len(PUBLISHED) == 15
    for column in ("figure", "quantity", "architecture", "layer", "measure", "kind", "condition", "unit"):
        assert table[column].fillna("").tolist() == PUBLISHED[column].fillna("").tolist()
    np.testing.assert_array_equal(table["published"], PUBLISHED["value"])
    np.testing.assert_array_equal(table["published_ci_high"], PUBLISHED["ci_high"])
    assert set(PUBLISHED["quantity"]) == set(published.QUANTITIES)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"figure": "fig4", "architecture": "all_cnn_c"}, {}),
        ({"figure": "fig5b"}, {"measure": "euclidean"}),
        ({"figure": "fig7a", "measure": "euclidean"}, {"measure": "euclidean", "kind": "centroid"}),
        ({"figure": "fig7b"}, {"kind": "random_centroid", "ci_method": "partitions"}),
        ({"figure": "fig6", "layer": "fc7"}, {"architecture": "alexnet", "layer": "fc7"}),
        ({"figure": "fig4", "architecture": "all_cnn_7"}, {"architecture": "all_cnn_7", "layer": "fc6"}),
        ({"figure": "fig6", "layer": "fc6"}, {"architecture": "alexnet", "layer": "fc6"}),
        ({"quantity": "mean consistency dropout in training only"}, {"condition": "dropout0.6"}),
        ({"published": 0.678}, {"condition": "dropout0.6", "dropout_samples": 10}),
    ],
)
def test_consistencies_are_those_of_the_summary(study_tables, row, expected):
    ours, summary = one(compared(study_tables), **row), summary_row(study_tables, **expected)
    assert (ours["ours"], ours["ours_ci_low"], ours["ours_ci_high"]) == (
        summary["mean"],
        summary["ci_low"],
        summary["ci_high"],
    )
    assert (ours["ours_layer"], ours["ci_method"], ours["n_networks"]) == (summary["layer"], summary["ci_method"], 4)
    assert pd.isna(ours["status"])


def test_accuracies_are_those_of_all_test_images_at_the_end(study_tables):
    ours = one(compared(study_tables), figure="text", architecture="all_cnn_c")
    assert (ours["ours"], ours["ours_ci_low"], ours["ours_ci_high"]) == pytest.approx((0.8, 0.78, 0.81))
    assert ours["ci_method"] == "range"
    assert pd.isna(ours["difference"])  # the paper gives the range alone
    assert not ours["intervals_overlap"]


def test_relations_are_skipped_correlations_of_the_last_epoch_and_of_the_layer(study_tables):
    table = compared(study_tables)
    over_layers, over_epochs = one(table, figure="supp4"), one(table, figure="fig9")
    assert (over_layers["ours"], over_layers["ours_ci_high"]) == pytest.approx((-0.2, 0.1))
    assert (over_epochs["ours"], over_epochs["ours_ci_low"]) == pytest.approx((-0.5, -0.8))
    assert over_layers["difference"] == pytest.approx(0.72)
    assert {over_layers["ci_method"], over_epochs["ci_method"]} == {"jackknife"}
    assert pd.isna(over_layers["difference_low"])  # the paper gives no interval


def test_a_difference_has_the_standard_errors_of_both_values(study_tables):
    """By hand, from tabulated quantiles: 1.96 for the normal distribution, 3.182446 for t with three degrees."""
    table = compared(study_tables)
    row = one(table, figure="fig4", architecture="all_cnn_c")
    published_error = (0.4551 - 0.4291) / 3.92
    our_error = 0.03 / 2 / 3.182446  # an interval of four networks
    half_width = 1.96 * (published_error**2 + our_error**2) ** 0.5
    assert row["difference"] == pytest.approx(row["ours"] - 0.4429)
    assert row["difference_low"] == pytest.approx(row["difference"] - half_width, rel=1e-4)
    assert row["difference_high"] == pytest.approx(row["difference"] + half_width, rel=1e-4)


def test_a_difference_of_ranges_has_no_interval(study_tables):
    table = compared(study_tables)
    has_both = table["published"].notna() & table["published_ci_low"].notna() & table["ours"].notna()
    assert has_both.sum() == 4
    assert (table["difference_low"].notna() == has_both).all()
    assert (table["difference_high"].notna() == has_both).all()
    study_tables["consistency_summary"][["ci_low", "ci_high"]] = np.nan  # too few networks for a jackknife
    without_ends = compared(study_tables)
    assert without_ends.loc[has_both, "difference"].notna().all()
    assert without_ends["difference_low"].isna().all()


def test_differences_of_the_same_study_cover_zero_as_often_as_they_say():
    """Two studies of ten networks with equal means, the published one with an interval of z, ours with one of t."""
    rng, n, repeats = np.random.default_rng(0), 10, 4000
    means, errors = rng.normal(0.5, 0.01, (2, repeats)), 0.01 * np.sqrt(rng.chisquare(n - 1, (2, repeats)) / (n - 1))
    table = pd.DataFrame(
        {
            "published": means[0],
            "published_ci_low": means[0] - 1.959964 * errors[0],
            "published_ci_high": means[0] + 1.959964 * errors[0],
            "ours": means[1],
            "ours_ci_low": means[1] - 2.262157 * errors[1],
            "ours_ci_high": means[1] + 2.262157 * errors[1],
            "ci_method": "jackknife",
            "n_networks": n,
        }
    )
    found = published.differences(table)
    covered = (found["difference_low"] <= 0) & (found["difference_high"] >= 0)
    assert 0.92 < covered.mean() < 0.95  # the normal quantile is a little small for these 18 degrees of freedom


def without(frame, **equal):
    chosen = pd.Series(True, index=frame.index)
    for column, value in equal.items():
        chosen &= frame[column] == value
    return frame[~chosen]


@pytest.mark.parametrize(
    ("table", "missing", "row", "status"),
    [
        ("instances", {"architecture": "alexnet"}, {"layer": "fc7"}, "not in this study: architecture alexnet"),
        ("instances", {"condition": "dropout0.6"}, {"published": 0.678}, "not in this study: condition dropout0.6"),
        ("instances", {"collapsed": False}, {"figure": "fig9"}, "too few networks: 0 accepted"),
        ("consistency_summary", {"measure": "euclidean"}, {"figure": "fig5b"}, "not in this study: measure euclidean"),
        ("consistency_summary", {"layer": "conv9"}, {"figure": "fig5b"}, "not in this study: layer conv9"),
        ("consistency_summary", {"dropout_samples": 10}, {"published": 0.678}, "not in this study: dropout samples 10"),
        ("relations", {"layer": "conv9"}, {"figure": "fig9"}, "not in this study: layer conv9"),
        (
            "accuracy_summary",
            {"split": "test"},
            {"figure": "text", "architecture": "all_cnn_c"},
            "not in this study: split test",
        ),
    ],
)
def test_what_is_missing_is_named(study_tables, table, missing, row, status):
    changed = study_tables | {table: without(study_tables[table], **missing)}
    ours = one(compared(changed), **row)
    assert ours["status"] == status
    assert ours[["ours", "ours_ci_low", "ours_ci_high", "ci_method", "ours_layer", "n_networks"]].isna().all()
    assert pd.isna(ours["difference"])
    assert pd.isna(ours["intervals_overlap"])


def test_undefined_values_are_missing_with_a_reason(study_tables):
    study_tables["relations"]["skipped"] = np.nan
    study_tables["consistency_summary"]["mean"] = np.nan
    table = compared(study_tables)
    assert one(table, figure="supp4")["status"] == "undefined: a skipped correlation over 9 points"
    assert table.loc[table["unit"] == "r2", "status"].notna().all()
    assert table.loc[table["unit"] == "r2", "ours"].isna().all()


def test_a_study_of_other_networks_has_fifteen_reasons(study_tables):
    study_tables["instances"]["architecture"] = "resnet18"
    table = compared(study_tables)
    assert table["ours"].isna().all()
    assert table["status"].str.startswith("not in this study: architecture").all()


def test_intervals_overlap_where_they_have_a_point_in_common():
    ends = np.array([[0, 1, 2, 3], [0, 1, 1, 2], [0, 5, 2, 3], [2, 3, 0, 5], [2, 3, 0, 1]], float)
    grid = np.linspace(0, 5, 51)
    expected = [any(a <= x <= b and c <= x <= d for x in grid) for a, b, c, d in ends]
    assert published.overlap(*map(pd.Series, ends.T)).tolist() == expected
    for column in range(4):
        gap = ends.copy()
        gap[:, column] = np.nan
        assert published.overlap(*map(pd.Series, gap.T)).isna().all()


def test_departures_are_those_of_the_row_s_networks(study_tables):
    width = {"all_cnn_c/baseline": "width 0.25 (paper: 1)", "all_cnn_7/baseline": None}
    accuracy = study_tables["accuracy_summary"]
    table = compared(study_tables | {"accuracy_summary": accuracy[accuracy["subset"] == "all"]}, width)
    expected = (table["architecture"] == "all_cnn_c") & (table["condition"] == "baseline")
    assert table["departures"].notna().tolist() == expected.tolist()
    assert set(table["study"]) == {"mine"}
    with_re_encoded = compared(study_tables, width)["departures"]
    assert (
        with_re_encoded[expected]
        .eq("width 0.25 (paper: 1); test images partly re-encoded (paper: original files)")
        .all()
    )


def test_choices_say_first_what_is_closest_to_the_value(study_tables):
    table = compared(study_tables)
    assert table["choices"].str.len().min() > 20
    assert one(table, published=0.678)["choices"].startswith("one mask for all stimuli and instances")
    assert "which layers dropout follows" in one(table, figure="fig8")["choices"]
    assert one(table, figure="text", architecture="all_cnn_7")["choices"].startswith("all layers of All-CNN-7")
    for text in table["choices"]:
        assert all(a != b for a, b in pairwise(sorted(text.split("; "))))
