"""Metric-stress maps against explicit loops and configurations known to be planar."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from manyseeds.comparison import mds

RNG_SEED = 5


@pytest.fixture
def rng():
    return np.random.default_rng(RNG_SEED)


@pytest.fixture
def distances(rng):
    """Distances of 40 points in eight dimensions: no plane holds them."""
    return squareform(pdist(rng.standard_normal((40, 8))))


def undefine(distances, *points):
    distances = distances.copy()
    for point in points:
        distances[point, :] = distances[:, point] = np.nan
        distances[point, point] = 0.0
    return distances


def test_stress_is_that_of_explicit_loops(distances):
    found = mds.metric_mds(distances)
    n = len(distances)
    total_error = total_size = 0.0
    for i in range(n):
        error = size = 0.0
        for j in range(n):
            d = np.hypot(*(found.coordinates[i] - found.coordinates[j]))
            error += (d - distances[i, j]) ** 2
            size += distances[i, j] ** 2
        assert found.point_stress[i] == pytest.approx(np.sqrt(error / size), rel=1e-12)
        total_error += error
        total_size += size
    assert found.stress == pytest.approx(np.sqrt(total_error / total_size), rel=1e-12)


def test_recovers_a_planar_configuration(rng):
    distances = squareform(pdist(rng.standard_normal((60, 2)) * [2.0, 1.0]))
    found = mds.metric_mds(distances)
    np.testing.assert_allclose(squareform(pdist(found.coordinates)), distances, atol=1e-6)
    assert found.stress < 1e-6


def test_lowers_the_stress_of_classical_scaling(distances):
    centring = np.eye(40) - 1 / 40
    values, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    classical = vectors[:, -2:] * np.sqrt(values[-2:])
    _, stress = mds.stresses(classical, distances)
    assert mds.metric_mds(distances).stress < 0.9 * stress


def test_no_small_displacement_lowers_the_raw_stress(distances, rng):
    found = mds.metric_mds(distances)

    def raw_stress(coordinates):
        return ((pdist(coordinates) - squareform(distances)) ** 2).sum()

    reached = raw_stress(found.coordinates)
    for _ in range(20):
        step = 1e-1 * rng.standard_normal(found.coordinates.shape)
        assert raw_stress(found.coordinates + step) > reached


def test_is_deterministic_centred_and_on_principal_axes(distances):
    first, second = mds.metric_mds(distances), mds.metric_mds(distances)
    np.testing.assert_array_equal(first.coordinates, second.coordinates)
    np.testing.assert_allclose(first.coordinates.mean(axis=0), 0, atol=1e-12)
    covariance = np.cov(first.coordinates.T)
    assert covariance[0, 1] == pytest.approx(0, abs=1e-9)
    assert covariance[0, 0] >= covariance[1, 1]


def test_scales_with_the_dissimilarities(distances):
    once, thrice = mds.metric_mds(distances), mds.metric_mds(3 * distances)
    np.testing.assert_allclose(thrice.coordinates, 3 * once.coordinates, rtol=1e-6, atol=1e-6)
    assert thrice.stress == pytest.approx(once.stress)


def test_undefined_points_are_dropped_and_change_nothing_else(distances):
    found = mds.metric_mds(undefine(distances, 3, 17))
    assert np.flatnonzero(~found.kept).tolist() == [3, 17]
    others = np.delete(np.delete(distances, [3, 17], axis=0), [3, 17], axis=1)
    alone = mds.metric_mds(others)
    np.testing.assert_allclose(found.coordinates, alone.coordinates)
    np.testing.assert_allclose(found.point_stress, alone.point_stress)


def test_drops_no_more_points_than_needed(distances):
    distances[2, 5] = distances[5, 2] = distances[2, 9] = distances[9, 2] = np.nan
    assert np.flatnonzero(~mds.metric_mds(distances).kept).tolist() == [2]


@pytest.mark.parametrize("n_defined", [0, 2])
def test_nothing_is_mapped_where_too_little_is_defined(n_defined):
    distances = undefine(np.ones((6, 6)) - np.eye(6), *range(n_defined, 6))
    found = mds.metric_mds(distances)
    assert not found.kept.any()
    assert found.coordinates.shape == (0, 2)
    assert np.isnan(found.stress)


def test_identical_points_have_no_relative_stress():
    found = mds.metric_mds(np.zeros((5, 5)))
    assert found.kept.all()
    assert np.isfinite(found.coordinates).all()
    assert np.isnan(found.point_stress).all()
    assert np.isnan(found.stress)


def test_turning_keeps_distances_and_finds_the_reference(rng):
    coordinates = rng.standard_normal((30, 2))
    coordinates -= coordinates.mean(axis=0)
    angle = 2.1
    mirror_and_turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    kept = np.ones(30, bool)
    reference = mds.Embedding(coordinates, kept, np.zeros(30), 0.1)
    fewer = kept.copy()
    fewer[4] = False
    moving = mds.Embedding(np.delete(coordinates @ mirror_and_turn, 4, axis=0), fewer, np.zeros(29), 0.1)
    turned = mds.turned_towards(moving, reference)
    np.testing.assert_allclose(pdist(turned.coordinates), pdist(moving.coordinates))
    np.testing.assert_allclose(turned.coordinates, np.delete(coordinates, 4, axis=0), atol=1e-12)


def test_maps_of_stimuli_hold_every_stimulus_and_null_for_dropped_ones(rng):
    points = pd.DataFrame(
        [("conv1", 0, 4), ("conv1", 0, 7), ("conv2", 1, 4), ("conv2", 1, 7)], columns=["layer", "layer_index", "seed"]
    )
    rdms = np.stack([pdist(rng.standard_normal((12, 5))) for _ in range(4)])
    rdms[3] = squareform(undefine(squareform(rdms[3]), 2), checks=False)
    stimuli = pd.DataFrame(
        {"stimulus": range(12), "category": np.arange(12) // 4, "category_name": np.repeat(list("abc"), 4)}
    )
    table = mds.map_stimuli(rdms, points, stimuli)
    assert len(table) == 48
    for row, point in points.iterrows():
        of_map = table[(table["layer"] == point["layer"]) & (table["seed"] == point["seed"])]
        np.testing.assert_array_equal(of_map["stimulus"], stimuli["stimulus"])
        np.testing.assert_array_equal(of_map["category_name"], stimuli["category_name"])
        expected = mds.metric_mds(squareform(rdms[row]))
        placed = of_map.dropna(subset=["x"])
        np.testing.assert_allclose(pdist(placed[["x", "y"]]), pdist(expected.coordinates))
        np.testing.assert_allclose(placed["point_stress"], expected.point_stress)
        assert (of_map["stress"] == expected.stress).all()
        assert (of_map["n_dropped"] == (row == 3)).all()
        assert of_map["x"].isna().tolist() == [row == 3 and k == 2 for k in range(12)]


def test_maps_of_other_instances_are_turned_towards_the_first(rng):
    coordinates = rng.standard_normal((12, 2))
    points = pd.DataFrame([("fc", 0, 0), ("fc", 0, 1)], columns=["layer", "layer_index", "seed"])
    rdms = np.stack([pdist(coordinates), pdist(coordinates * [1.0, 1.02])])
    stimuli = pd.DataFrame({"stimulus": range(12), "category": 0, "category_name": "a"})
    first, second = (rows[["x", "y"]].to_numpy() for _, rows in mds.map_stimuli(rdms, points, stimuli).groupby("seed"))
    assert np.abs(first - second).max() < 0.1


def test_maps_of_rdms_have_one_row_each(distances):
    points = pd.DataFrame({"layer": "fc", "layer_index": 0, "seed": range(40)})
    table = mds.map_rdms(undefine(distances, 0), points)
    assert table["seed"].tolist() == list(range(40))
    assert table["stimulus"].isna().all()
    assert table["x"].isna().tolist() == [True] + [False] * 39
    assert (table["n_dropped"] == 1).all()
