"""Second-level distances against numpy's correlations, on geometries of random activations."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from manyseeds.comparison import second_level
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import save_geometries

SEEDS = (0, 3)
LAYERS = ("conv1", "fc")


@pytest.fixture
def activations():
    rng = np.random.default_rng(2)
    return {(layer, seed): rng.standard_normal((9, 20)) for layer in LAYERS for seed in SEEDS}


@pytest.fixture
def files(activations, tmp_path):
    paths = {}
    for seed in SEEDS:
        paths[seed] = tmp_path / f"{seed}.npz"
        geometries = {layer: measure_geometry(activations[layer, seed], name=layer) for layer in LAYERS}
        save_geometries(paths[seed], geometries)
    return paths


def test_loads_the_rdms_of_all_layers_of_all_instances(files, activations):
    points, rdms = second_level.load_rdms(files, "correlation")
    assert list(points.itertuples(index=False, name=None)) == [
        ("conv1", 0, 0),
        ("conv1", 0, 3),
        ("fc", 1, 0),
        ("fc", 1, 3),
    ]
    for point, found in zip(points.itertuples(), rdms, strict=True):
        np.testing.assert_allclose(found, pdist(activations[point.layer, point.seed], "correlation"), rtol=1e-9)


def test_distances_are_one_minus_r(files):
    _, rdms = second_level.load_rdms(files, "euclidean")
    distances = second_level.second_level_distances(rdms)
    np.testing.assert_allclose(distances, 1 - np.corrcoef(rdms), atol=1e-12)
    np.testing.assert_array_equal(np.diagonal(distances), 0)
    np.testing.assert_array_equal(distances, distances.T)
    assert (distances >= 0).all()


def test_undefined_entries_are_left_out_pairwise():
    rng = np.random.default_rng(3)
    rdms = rng.random((3, 30))
    rdms[0, 4] = rdms[1, [4, 20]] = np.nan
    distances = second_level.second_level_distances(rdms)
    both = np.isfinite(rdms[0]) & np.isfinite(rdms[1])
    assert distances[0, 1] == pytest.approx(1 - np.corrcoef(rdms[0, both], rdms[1, both])[0, 1])


def test_a_constant_rdm_is_at_no_defined_distance_from_any():
    rdms = np.random.default_rng(4).random((3, 30))
    rdms[1] = 0.5
    distances = second_level.second_level_distances(rdms)
    assert np.isnan(distances[1]).all()
    assert np.isnan(distances[:, 1]).all()
    assert np.isfinite(distances[0, 2])


def test_a_table_of_pairs_is_the_matrix_again(files):
    points, rdms = second_level.load_rdms(files, "correlation")
    distances = second_level.second_level_distances(rdms)
    table = second_level.distance_table(points, distances)
    assert len(table) == 6
    found_points, matrix = second_level.distance_matrix(table.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(found_points[points.columns], points, check_dtype=False)
    np.testing.assert_array_equal(matrix, distances)
