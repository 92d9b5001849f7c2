"""What the explorer shows of a group, against scipy, numpy and explicit loops; and its pictures."""

import io
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from explored import LAYERS, N_STIMULI, activations, geometry_files, row_correlations, stimuli
from PIL import Image
from scipy.spatial.distance import pdist

from manyseeds.comparison import mds, second_level
from manyseeds.explorer import parts, pictures

PATTERNS = activations()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return geometry_files(tmp_path_factory.mktemp("geometry"), PATTERNS)


@pytest.fixture(scope="module")
def part(files):
    return parts.of_group(files, stimuli(), None, "correlation", None, 12)


def test_values_are_stored_to_half_a_step_and_undefined_ones_stay_undefined():
    values = np.array([0.0, 0.1234, 1.27, np.nan])
    for step, dtype in ((0.005, np.uint8), (1e-4, np.int16)):
        codes = parts.pack(values, step, dtype)
        assert codes.dtype == dtype
        np.testing.assert_allclose(parts.unpack(codes, step), values, atol=step / 2)


def test_rdms_are_those_of_the_pictured_stimuli(part):
    pictured = part["pictured"]
    assert len(pictured) == 12
    assert sorted(pictured % 3) == list(pictured % 3)  # by category
    assert np.bincount(pictured % 3).tolist() == [4, 4, 4]
    for k, layer in enumerate(LAYERS):
        for seed in PATTERNS:
            largest = part["largest"][k, seed]
            expected = pdist(PATTERNS[seed][layer][pictured], "correlation")
            assert largest == pytest.approx(expected.max())
            found = parts.unpack(part["rdms"][k, seed], largest / parts.LARGEST_8)
            np.testing.assert_allclose(found, expected, atol=largest / 500)
            whole = pdist(PATTERNS[seed][layer], "correlation")
            assert part["means"][k, seed] == pytest.approx(whole.mean())
            assert part["deviations"][k, seed] == pytest.approx(whole.std())


def test_agreement_is_the_correlation_of_rows_for_each_pair_of_networks(part):
    for k, layer in enumerate(LAYERS):
        expected = row_correlations(PATTERNS, layer)
        assert list(expected) == list(combinations(PATTERNS, 2))
        found = parts.unpack(part["agreement"][k], 1 / parts.STEPS_OF_R)
        np.testing.assert_allclose(found, list(expected.values()), atol=1e-4)


def test_maps_of_the_first_two_networks_are_those_of_the_table_mds(files, part):
    points, rdms = second_level.load_rdms({seed: files[seed] for seed in (0, 1)}, "correlation")
    table = mds.map_stimuli(rdms, points, stimuli())
    for k, layer in enumerate(LAYERS):
        for seed in (0, 1):
            rows = table[(table["layer"] == layer) & (table["seed"] == seed)]
            step = part["map_sizes"][k, seed] / parts.LARGEST_16
            np.testing.assert_allclose(parts.unpack(part["maps"][k, seed], step), rows[["x", "y"]], atol=step)
            assert part["stresses"][k, seed] == pytest.approx(rows["stress"].iloc[0])


def test_chosen_layers_alone_are_stored(files):
    found = parts.of_group(files, stimuli(), None, "euclidean", ["conv3"], 100)
    assert found["layers"].tolist() == ["conv3"]
    assert found["layer_indices"].tolist() == [2]
    assert found["agreement"].shape == (1, 10, N_STIMULI)
    assert found["rdms"].shape == (1, 5, N_STIMULI * (N_STIMULI - 1) // 2)


def test_a_silent_stimulus_is_undefined_everywhere(tmp_path):
    patterns = {seed: {"fc": layers["conv1"].copy()} for seed, layers in activations(2).items()}
    patterns[0]["fc"][5] = 0
    found = parts.of_group(geometry_files(tmp_path, patterns), stimuli(), None, "correlation", None, 100)
    assert np.isnan(parts.unpack(found["maps"], 1.0)[0, 0]).all(axis=1).nonzero()[0].tolist() == [5]
    assert np.isnan(parts.unpack(found["agreement"], 1.0)[0, 0]).nonzero()[0].tolist() == [5]
    assert np.isnan(parts.unpack(found["rdms"], 1.0)[0, 0]).sum() == N_STIMULI - 1
    assert np.isfinite(found["means"]).all()


def test_one_network_has_no_pairs_and_none_has_nothing(files):
    one = parts.of_group({3: files[3]}, stimuli(), None, "correlation", None, 100)
    assert one["agreement"].shape == (3, 0, N_STIMULI)
    none = parts.of_group({}, stimuli(), None, "correlation", None, 100)
    assert none["seeds"].size == 0
    assert "rdms" not in none


def test_predictions_are_those_of_the_table(files):
    rows = pd.DataFrame({"seed": [1, 1], "position": [0, 7], "predicted": [2, 1]})
    found = parts.of_group(files, stimuli(), rows, "correlation", ["conv1"], 10)["predicted"]
    assert found[1, [0, 7]].tolist() == [2, 1]
    assert (np.delete(found.ravel(), [N_STIMULI, N_STIMULI + 7]) == -1).all()


def test_files_hold_what_was_saved(part, tmp_path):
    parts.save(tmp_path / "part.npz", part)
    found = parts.load(tmp_path / "part.npz")
    assert found.keys() == part.keys()
    assert all(np.array_equal(found[name], part[name]) for name in part if name != "stresses")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_has_every_picture_in_its_cell_without_loss(channels):
    images = np.random.default_rng(0).integers(0, 255, (7, 4, 6, channels)).astype(np.uint8)
    sheet = pictures.sheet(images)
    whole = np.asarray(Image.open(io.BytesIO(sheet.data)).convert("RGB"))
    for place, expected in enumerate(images):
        row, column = divmod(place, sheet.columns)
        cell = whole[row * sheet.height : (row + 1) * sheet.height, column * sheet.width : (column + 1) * sheet.width]
        np.testing.assert_array_equal(cell, np.broadcast_to(expected, (4, 6, 3)))


def test_large_pictures_are_shrunk():
    sheet = pictures.sheet(np.full((3, 200, 100, 3), 90, np.uint8))
    assert (sheet.width, sheet.height) == (32, 64)
    assert len(sheet.data) < 2000
