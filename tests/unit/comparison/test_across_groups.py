"""Networks across epochs and between conditions, against scipy on their activations."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from manyseeds.comparison.across_groups import (
    CONDITION_KINDS,
    EPOCH_KINDS,
    all_pairs,
    compare_conditions,
    compare_points,
    pairs_between,
    points_of,
)
from manyseeds.comparison.within_group import compare_layer
from manyseeds.io import tables
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import load_geometry, save_geometries

SCHEMA = ROOT / "workflow_scripts/manyseeds/schemas/tables/consistency_across.schema.json"
CATEGORIES = np.repeat([0, 1, 2], [4, 6, 5])
SEEDS, EPOCHS = (0, 2, 5), (1, 2, 50)
LAYERS = ("conv7", "conv9")
SILENT = (2, 50)
"""The seed and epoch at which a stimulus silences conv9."""

METRICS = {"correlation": "correlation", "euclidean": "euclidean"}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Activations by (seed, epoch, layer), and the geometry file of each (seed, epoch)."""
    folder, rng = tmp_path_factory.mktemp("geometry"), np.random.default_rng(0)
    activations, files = {}, {}
    for seed, epoch in product(SEEDS, EPOCHS):
        patterns = {layer: np.maximum(rng.normal(size=(15, 40)) + CATEGORIES[:, None], 0) for layer in LAYERS}
        if (seed, epoch) == SILENT:
            patterns["conv9"][7] = 0.0
        activations |= {(seed, epoch, layer): values for layer, values in patterns.items()}
        files[seed, epoch] = folder / f"{seed}_{epoch}.npz"
        geometries = {layer: measure_geometry(values, name=layer) for layer, values in patterns.items()}
        save_geometries(files[seed, epoch], geometries, {"conv7": 6, "conv9": 8})
    return activations, files


@pytest.fixture(scope="module")
def trajectory(networks):
    points = points_of("baseline", EPOCHS, SEEDS)
    files = [networks[1][seed, epoch] for seed, epoch in zip(points["seed"], points["epoch"], strict=True)]
    pairs = all_pairs(len(points))
    rows = compare_points(points, files, pairs, CATEGORIES, list(METRICS), EPOCH_KINDS, ["conv9", "of_another_network"])
    return tables.conform(rows.assign(architecture="net", shared=None), tables.read_schema(SCHEMA))


def expected_r(activations, row):
    """Correlate the RDMs that a row names, without what is undefined in either."""
    vectors = []
    for end in "ab":
        seed, epoch = getattr(row, f"seed_{end}"), getattr(row, f"epoch_{end}")
        patterns = activations[seed, epoch, row.layer]
        if row.kind == "centroid":
            patterns = np.array([patterns[category == CATEGORIES].mean(axis=0) for category in range(3)])
        with np.errstate(invalid="ignore"):
            vectors.append(pdist(patterns, METRICS[row.measure]))
    defined = np.isfinite(vectors).all(axis=0)
    if row.kind == "within_category":
        defined &= [a == b for a, b in combinations(CATEGORIES, 2)]
    return pearsonr(*np.array(vectors)[:, defined]).statistic, defined.sum()


def test_every_pair_of_instance_and_epoch_stands_once_in_order(trajectory):
    one = trajectory.query("kind == 'centroid' and measure == 'euclidean'")
    found = list(zip(one["epoch_a"], one["seed_a"], one["epoch_b"], one["seed_b"], strict=True))
    expected = [(*a, *b) for a, b in combinations(product(EPOCHS, SEEDS), 2)]
    assert sorted(found) == sorted(expected)
    assert (one["epoch_a"] <= one["epoch_b"]).all()
    same_epoch = one[one["epoch_a"] == one["epoch_b"]]
    assert (same_epoch["seed_a"] < same_epoch["seed_b"]).all()
    assert set(trajectory["layer"]) == {"conv9"}
    assert set(trajectory["layer_index"]) == {8}
    assert len(trajectory) == len(METRICS) * len(EPOCH_KINDS) * len(expected)


def test_blocks_are_those_of_scipy(networks, trajectory):
    for row in trajectory.itertuples():
        r, n_defined = expected_r(networks[0], row)
        assert row.r == pytest.approx(r, abs=1e-9)
        assert row.consistency == pytest.approx(r**2, abs=1e-9)
        assert row.n_entries - row.n_undefined == n_defined


def test_a_silent_stimulus_is_left_out_and_counted(trajectory):
    rows = trajectory.query("kind == 'exemplar' and measure == 'correlation'")
    silent = np.zeros(len(rows), dtype=bool)
    for end in "ab":
        silent |= ((rows[f"seed_{end}"] == SILENT[0]) & (rows[f"epoch_{end}"] == SILENT[1])).to_numpy()
    np.testing.assert_array_equal(rows["n_undefined"], np.where(silent, 14, 0))


def test_diagonal_blocks_are_the_consistencies_of_each_epoch(networks, trajectory):
    for epoch in EPOCHS:
        geometries = {seed: load_geometry(networks[1][seed, epoch], "conv9") for seed in SEEDS}
        key = ["measure", "kind", "seed_a", "seed_b"]
        compared = compare_layer(geometries, CATEGORIES, list(METRICS))["consistency"]
        expected = compared.query("normalisation == 'none'").set_index(key)["consistency"]
        block = trajectory.query(f"epoch_a == {epoch} and epoch_b == {epoch}").set_index(key)["consistency"]
        assert len(block) == len(METRICS) * len(EPOCH_KINDS) * 3
        np.testing.assert_allclose(block, expected[block.index], rtol=1e-9)


def test_two_conditions_are_compared_network_by_network(networks):
    """The networks after one epoch stand for one condition, those after two for another, one of which collapsed."""
    activations, files = networks
    points = points_of("b", [1], SEEDS), points_of("a", [2], SEEDS[1:])
    paths = [files[seed, 1] for seed in SEEDS] + [files[seed, 2] for seed in SEEDS[1:]]
    joined = pd.concat(points)
    pairs = pairs_between(SEEDS, SEEDS[1:])
    rows = compare_points(joined, paths, pairs, CATEGORIES, ["correlation"], CONDITION_KINDS)
    assert set(rows["condition_a"]) == {"b"}
    assert set(rows["condition_b"]) == {"a"}
    one = rows.query("kind == 'exemplar' and layer == 'conv7'")
    assert list(zip(one["seed_a"], one["seed_b"], strict=True)) == list(product(SEEDS, SEEDS[1:]))
    assert len(rows) == len(LAYERS) * len(CONDITION_KINDS) * 6
    for row in rows.itertuples():
        assert row.r == pytest.approx(expected_r(activations, row)[0], abs=1e-9)


def test_a_network_that_is_in_both_conditions_makes_no_pair_with_itself(networks):
    first, second = pairs_between(SEEDS, SEEDS[1:], [(2, 2)])
    seeds = [*SEEDS, *SEEDS[1:]]
    expected = [pair for pair in product(SEEDS, SEEDS[1:]) if pair != (2, 2)]
    assert [(seeds[a], seeds[b]) for a, b in zip(first, second, strict=True)] == expected
    assert min(second) == 3
    assert [side.size for side in pairs_between((), SEEDS)] == [0, 0]
    none = pairs_between([0], [0], [(0, 0)])
    points, path = pd.concat([points_of("a", [1], [0]), points_of("b", [1], [0])]), networks[1][0, 1]
    assert compare_points(points, [path, path], none, CATEGORIES, ["correlation"], CONDITION_KINDS).empty


@pytest.mark.parametrize(("seeds", "measures"), [((), ["correlation"]), (SEEDS, [])])
def test_nothing_to_compare_makes_no_rows(networks, seeds, measures):
    points = points_of("baseline", EPOCHS, seeds)
    files = [networks[1][seed, epoch] for seed, epoch in zip(points["seed"], points["epoch"], strict=True)]
    assert compare_points(points, files, all_pairs(len(points)), CATEGORIES, measures, EPOCH_KINDS).empty


def test_conditions_are_compared_at_each_epoch_in_the_layers_of_its_files(networks, tmp_path):
    activations, files = networks
    followed = {}
    for seed in SEEDS:  # before the last epoch, files have the followed layer alone
        followed[seed] = tmp_path / f"{seed}.npz"
        save_geometries(followed[seed], {"conv9": load_geometry(files[seed, 1], "conv9")}, {"conv9": 8})
    keys = [(condition, seed) for condition, seeds in (("a", (0, 2)), ("b", (0, 5))) for seed in seeds]
    of_epochs = {(*key, 1): followed[key[1]] for key in keys} | {(*key, 50): files[key[1], 50] for key in keys}
    rows = compare_conditions(
        ["a", "b"], [(0, 2), (0, 5)], of_epochs, pairs_between((0, 2), (0, 5), [(0, 0)]), CATEGORIES, ["euclidean"]
    )
    found = rows[["epoch_a", "epoch_b", "layer"]].drop_duplicates().itertuples(index=False, name=None)
    assert list(found) == [(1, 1, "conv9"), (50, 50, "conv7"), (50, 50, "conv9")]
    rows = rows[rows["kind"] == "exemplar"]
    assert len(rows) == 3 * 3
    for row in rows.itertuples():
        assert (row.condition_a, row.condition_b) == ("a", "b")
        one, other = (pdist(activations[seed, row.epoch_a, row.layer]) for seed in (row.seed_a, row.seed_b))
        assert row.r == pytest.approx(pearsonr(one, other).statistic)
