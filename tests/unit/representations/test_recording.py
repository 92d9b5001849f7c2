"""Networks are recorded with and without files of activations, through training and under dropout masks."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from torch import nn

from manyseeds.errors import StudyError
from manyseeds.io import tensors
from manyseeds.models import build, initialisation
from manyseeds.models.spec import Network
from manyseeds.representations import activations, geometry, geometry_files, measures, rdm_files
from manyseeds.representations.dropout_sampling import Dropout, sample_activations
from manyseeds.representations.recording import Recorder

NETWORK = Network("all_cnn_7", width=0.05, readout_relu=False, layers=("conv1", "conv3", "conv7"))
SHAPE = (12, 12, 1)
CPU = torch.device("cpu")
DROPOUT = Dropout(rate=0.5, after=["conv2"], root_seed=3)


@pytest.fixture
def stimuli():
    return np.random.default_rng(0).standard_normal((20, *SHAPE)).astype(np.float32)


@pytest.fixture
def weights(tmp_path):
    tensors.write(
        tmp_path / "w.safetensors", initialisation.initial_weights(NETWORK, SHAPE, 3, root_seed=0, seed=4), {}
    )
    return tmp_path / "w.safetensors"


@pytest.fixture
def recorder(stimuli, weights):
    recorder = Recorder(NETWORK, build.build(NETWORK, SHAPE, 3), stimuli, CPU, ["conv7", "conv1"])
    recorder.load(weights)
    return recorder


def assert_same(found, expected):
    assert list(found) == list(expected)
    for layer, measured in found.items():
        for field in geometry_files.STORED:
            assert_array_equal(getattr(measured, field), getattr(expected[layer], field), err_msg=f"{layer}, {field}")


def test_geometries_are_those_of_the_network_with_and_without_files(recorder, stimuli, tmp_path):
    expected = {
        layer: geometry.measure_geometry(array, name=layer)
        for layer, array in activations.collect(recorder.module, recorder.layers, stimuli, CPU).items()
    }
    assert list(expected) == ["conv1", "conv3", "conv7"]
    assert_same(recorder.record("w", is_last=True, is_collapsed=False), expected)
    assert_same(recorder.record("w", is_last=True, is_collapsed=False, folder=tmp_path / "kept"), expected)
    index = pd.read_parquet(tmp_path / "kept/index.parquet")
    assert list(index["layer"]) == list(expected)
    for layer in expected:
        assert np.load(tmp_path / f"kept/{layer}.npy").shape[0] == len(stimuli)


def test_before_the_last_epoch_only_followed_layers_are_recorded(recorder, tmp_path):
    for folder in (None, tmp_path / "kept"):
        assert set(recorder.record("w", is_last=False, is_collapsed=False, folder=folder)) == {"conv1", "conv7"}
    assert recorder.places == {"conv1": 0, "conv3": 1, "conv7": 2}
    geometry_files.save_geometries(
        tmp_path / "e.npz", recorder.record("w", is_last=False, is_collapsed=False), recorder.places
    )
    assert geometry_files.layer_indices(tmp_path / "e.npz") == {"conv7": 2, "conv1": 0}


def test_samples_are_recorded_under_their_masks(recorder, stimuli):
    layers = {"conv3": recorder.layers["conv3"]}
    for sample in (1, 2):
        arrays = sample_activations(recorder.module, layers, stimuli, DROPOUT, sample, device=CPU)
        expected = {"conv3": geometry.measure_geometry(arrays["conv3"], name="x")}
        assert_same(recorder.sample(DROPOUT, ["conv3"], sample, is_collapsed=False), expected)


class Diverged(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Identity()

    def forward(self, images):
        return self.out(images * np.float32(3e38) * np.float32(3e38))


@pytest.mark.parametrize("kept", [False, True])
def test_a_network_that_diverged_is_undefined_or_named(stimuli, tmp_path, kept):
    network = Network("torch.nn.Identity", layers=("out",))
    recorder = Recorder(network, Diverged(), stimuli, CPU, [])
    folder = tmp_path / "kept" if kept else None
    found = recorder.record("seed1/epoch2.safetensors", is_last=True, is_collapsed=True, folder=folder)
    assert np.isnan(found["out"].gram).all()
    with pytest.raises(StudyError, match=r"(seed1/epoch2.safetensors, out|out\.npy): row 0 .* not finite"):
        recorder.record("seed1/epoch2.safetensors", is_last=True, is_collapsed=False, folder=folder)


def test_rdms_are_written_raw_and_blank_by_measure(recorder, tmp_path):
    geometries = recorder.record("w", is_last=True, is_collapsed=False)
    paths = [tmp_path / f"{name}.npy" for name in ("c", "e", "c_blank", "e_blank")]
    rdm_files.save_rdms(paths, geometries, ["correlation", "euclidean"], "w")
    for path, measure in zip(paths, ["correlation", "euclidean"] * 2, strict=True):
        rdms = np.load(path)
        assert rdms.dtype == np.float32
        for row, raw in zip(rdms, geometries.values(), strict=True):
            layer = geometry.cocktail_blank(raw) if "blank" in path.name else raw
            assert_array_equal(row, measures.rdm(layer, measure).astype(np.float32))
    with pytest.raises(ValueError, match="shorter"):
        rdm_files.save_rdms(paths, geometries, ["correlation"], "w")
