"""Groups of networks compared with RDMs from outside, layer by layer, against single comparisons."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy.spatial.distance import pdist

from manyseeds.comparison import outside
from manyseeds.io import tables
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import measure_geometry
from manyseeds.statistics import outside_groups, outside_resampling, outside_summaries

RNG = np.random.default_rng(0)
CATEGORIES = np.repeat([0, 1, 2], 4)
LAYERS = ("conv1", "conv2")
SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
PLAN = outside_groups.Plan(["correlation", "euclidean"], ["spearman", "pearson"], None, 20, 0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("geometries")
    shared = RNG.normal(size=(12, 6))
    for seed in range(3):
        layers = {
            layer: measure_geometry(shared + RNG.normal(size=(12, 6)) * (place + 1), name=layer)
            for place, layer in enumerate(LAYERS)
        }
        geometry_files.save_geometries(folder / f"{seed}.npz", layers)
    return [folder / f"{seed}.npz" for seed in range(3)]


def brain(places, gap=False):
    vectors = np.stack([pdist(RNG.normal(size=(len(places), 3))) for _ in range(3)])
    vectors[0, 2] = np.nan if gap else vectors[0, 2]
    return outside.Outside("brain", ("a", "b", "c"), vectors, np.asarray(places), kind="brain")


def test_every_layer_measure_and_comparison_is_that_of_its_vectors(files):
    theirs = [
        *outside.built_in(["pixels", "categories"], CATEGORIES, RNG.random((12, 4, 4, 1))),
        brain([5, 1, 8, 2, 9, 0], True),
    ]
    told = []
    found = outside_groups.compare_group(files, theirs, CATEGORIES, PLAN, told.append)
    assert told[0] == "brain: stimuli are not resampled, because a category has a single one."
    assert len(found) == len(LAYERS) * 2 * (2 + 1 + 2)
    by_name = {each.name: each for each in theirs}
    for each in found:
        other, comparison, measure = (by_name[each.keys["file"]], each.keys["comparison"], each.keys["measure"])
        networks = outside.vectors_of(
            [geometry_files.load_geometry(path, each.keys["layer"]) for path in files], measure, other.places
        )
        expected = [[outside.compare(own, vector, comparison) for vector in other.vectors] for own in networks]
        np.testing.assert_allclose(each.values, expected, atol=1e-12)
        of_mean = [outside.compare(networks.mean(axis=0), vector, comparison) for vector in other.vectors]
        np.testing.assert_allclose(each.ensemble, of_mean, atol=1e-12)
        weights = PLAN.weights(CATEGORIES[other.places])
        drawn = outside_resampling.resampled_means(networks, other.vectors, comparison, weights)
        np.testing.assert_allclose(each.draws, drawn if len(weights) else [], atol=1e-12)
        assert each.n_undefined == (1 if each.keys["file"] == "brain" else 0)
    assert {each.keys["layer"]: each.keys["layer_index"] for each in found} == {"conv1": 0, "conv2": 1}
    assert all(len(each.draws) == 20 for each in found if each.keys["file"] == "pixels")


def test_draws_are_the_same_for_all_groups_and_stay_within_categories(files):
    weights = PLAN.weights(CATEGORIES)
    np.testing.assert_array_equal(weights, PLAN.weights(CATEGORIES))
    np.testing.assert_array_equal(weights.reshape(20, 3, 4).sum(axis=2), np.full((20, 3), 4))
    assert PLAN.weights(np.arange(12)).shape == (0, 12)  # single stimuli of a category


def test_layers_that_are_not_named_and_groups_without_networks_have_no_rows(files):
    theirs = outside.built_in(["categories"], CATEGORIES, None)
    plan = outside_groups.Plan(["correlation"], ["pearson"], ["conv2", "other"], 0, 0)
    (found,) = outside_groups.compare_group(files, theirs, CATEGORIES, plan)
    assert (found.keys["layer"], found.keys["comparison"], len(found.draws)) == ("conv2", "rho_a", 0)
    assert outside_groups.compare_group([], theirs, CATEGORIES, plan) == []
    rows = list(outside_summaries.summary_rows([found], outside_groups.ceilings_of(theirs, ["pearson"])))
    assert [row["n_resamples"] for row in rows] == [None] * 4
    assert np.isnan(rows[0]["ceiling_low"])


def test_whitened_cosine_squares_pixels_and_takes_squared_files_as_they_are(files):
    images = RNG.random((12, 4, 4, 1))
    (pixels,) = outside.built_in(["pixels"], CATEGORIES, images)
    networks = outside.vectors_of(
        [geometry_files.load_geometry(path, "conv1") for path in files], "euclidean", pixels.places
    )
    compared = partial(outside.compare_networks, networks, comparison="whitened_cosine", measure="euclidean")
    squared = outside.Outside("it", ("",), pixels.vectors**2, pixels.places)
    np.testing.assert_allclose(compared(pixels)[0], compared(squared)[0])
    expected = outside.compare(networks[0] ** 2, pixels.vectors[0] ** 2, "whitened_cosine")
    assert compared(pixels)[0][0, 0] == pytest.approx(expected)


def test_the_best_layer_is_counted_network_by_network():
    def of_layer(layer, values):
        keys = {"file": "brain", "comparison": "pearson", "layer": layer, "measure": "correlation"}
        return outside.Compared(keys, np.array(values, float)[:, None], np.zeros(1), np.empty(0), 9, 36, 0)

    compared = [of_layer("conv1", [1, 2, 5, 3]), of_layer("conv2", [2, 1, 5, np.nan]), of_layer("conv3", [0, 0, 0, 9])]
    assert outside_summaries.best_shares(compared) == [0.5, 0.25, 0.25]
    one_undefined = [of_layer("conv1", [np.nan, 1]), of_layer("conv2", [np.nan, 2])]
    assert outside_summaries.best_shares(one_undefined) == [0.0, 1.0]
    undefined = [of_layer("conv1", [np.nan]), of_layer("conv2", [np.nan])]
    assert np.isnan(outside_summaries.best_shares(undefined)).all()


@pytest.mark.parametrize("comparison", ["pearson", "spearman", "rho_a", "kendall_tau_a"])
def test_networks_and_subjects_with_constant_rdms_are_left_out(comparison, tmp_path):
    networks = np.stack([pdist(RNG.normal(size=(12, 5))) for _ in range(4)])
    subjects = np.stack([pdist(RNG.normal(size=(12, 5))) for _ in range(4)])
    more = np.concatenate([networks, np.full((1, 66), 0.1)]), np.insert(subjects, 1, 0.5, axis=0)
    keys = {
        "comparison": comparison,
        "measure": "correlation",
        "file": "brain",
        "kind": "brain",
        "normalisation": "none",
    }
    found = []
    for ours, theirs in ((networks, subjects), more):
        outer = outside.Outside("brain", tuple(map(str, range(len(theirs)))), theirs, np.arange(12))
        for layer, place in (("conv1", 0), ("conv2", 1)):
            named = keys | {"layer": layer, "layer_index": place}
            rdms = ours if layer == "conv1" else ours[:, ::-1]
            found.append(outside_resampling.compare_outside(rdms, outer, named, PLAN.weights(CATEGORIES)))
    ceilings = {("brain", comparison): (0.1, 0.2)}
    drop = ["ensemble"]  # the mean RDM of networks has a constant more
    plain, with_constants = ([*outside_summaries.summary_rows(each, ceilings)] for each in (found[:2], found[2:]))
    for one, other in zip(plain, with_constants, strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - set(drop):
            assert one[name] == pytest.approx(other[name], nan_ok=True), name
        assert other["n_networks"] == other["n_subjects"] == 4
        assert np.isfinite([other["mean"], other["ensemble"]]).all()
    nothing = outside_resampling.compare_outside(
        networks * np.nan, outer, keys | {"layer": "x"}, PLAN.weights(CATEGORIES)
    )
    schema = tables.read_schema(SCHEMAS / "outside_summary.schema.json")
    group = {"architecture": "a", "condition": "x", "epoch": 1, "layer_index": 0}
    summary = pd.DataFrame(outside_summaries.summary_rows([nothing], ceilings)).assign(**group)
    tables.conform(tables.filled(summary, schema), schema)
    assert summary["n_networks"].eq(0).all()
    assert summary["mean"].isna().all()
    rows = [*outside_summaries.value_rows(found[2:3], range(5), {"brain": tuple("abcde")})]
    assert np.isnan([row["value"] for row in rows if row["seed"] == 4 or row["subject"] == "b"]).all()
    assert sum(np.isnan(row["value"]) for row in rows) == 6 + 5
    outside_summaries.save_compared(tmp_path / "plain.npz", found[:2])
    outside_summaries.save_compared(tmp_path / "constants.npz", found[2:])
    conclusions = [
        outside_summaries.tables_of_conclusions({("a", "x"): tmp_path / first, ("b", "x"): tmp_path / second})
        for first, second in (("plain.npz", "plain.npz"), ("constants.npz", "constants.npz"))
    ]
    pd.testing.assert_frame_equal(*(each.fillna(-1.0) for each in conclusions), rtol=1e-9)
