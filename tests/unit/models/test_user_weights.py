"""Networks that users bring: weights are read, and nothing else is executed."""

import json
import pickle
import resource
import zipfile
from functools import partial

import numpy as np
import pytest
import torch
from own_folders import Intruder
from safetensors.torch import save_file

from manyseeds.errors import StudyError
from manyseeds.io import tensors
from manyseeds.models import build
from manyseeds.models.user_weights import read_user_weights, without_prefixes


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).state_dict()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_state_dict_is_read_as_float32(state, suffix, tmp_path):
    path = tmp_path / f"seed0{suffix}"
    stored = {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    torch.save(stored, path) if suffix == ".pt" else save_file(stored, path)
    weights = read_user_weights(path)
    assert weights.keys() == state.keys()
    assert weights["0.weight"].dtype == np.float32
    assert weights["1.num_batches_tracked"].dtype == np.int64
    np.testing.assert_array_equal(weights["0.weight"], stored["0.weight"].float().numpy())


@pytest.mark.parametrize("entry", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_in_a_checkpoint_is_read(state, entry, tmp_path):
    path = tmp_path / "seed0.pt"
    torch.save({"epoch": 3, entry: state, "optimizer": {"lr": 0.1, "momentum": [torch.zeros(2)]}}, path)
    weights = read_user_weights(path)
    assert weights.keys() == state.keys()
    np.testing.assert_array_equal(weights["0.weight"], state["0.weight"].numpy())


def test_names_lose_the_prefixes_of_wrappers_unless_the_network_has_them(state):
    names = list(state)
    for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."):
        wrapped = {prefix + name: tensor.numpy() for name, tensor in state.items()}
        assert list(without_prefixes(wrapped, names)) == names
        assert without_prefixes(wrapped, wrapped) == wrapped
    partly = {"module.a": np.zeros(1), "b": np.ones(1)}
    assert without_prefixes(partly, ["a", "b"]) == partly
    assert without_prefixes({}, names) == {}


@pytest.mark.parametrize("save", [torch.save, lambda what, path: path.write_bytes(pickle.dumps(what))])
def test_a_pickle_with_code_is_refused_and_not_executed(state, save, tmp_path):
    path, made = tmp_path / "seed0.pt", tmp_path / "made"
    save(dict(state) | {"intruder": Intruder(made)}, path)
    with pytest.raises(StudyError, match="not loaded, since that could run any code"):
        read_user_weights(path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"state_dict": {}}, "expected a state dict"),
        ({"weights": {"w": torch.zeros(1)}}, "in its entry state_dict or model_state_dict or model"),
        ({"state_dict": {"w": [0.0]}}, "expected a state dict"),
        ([torch.zeros(1)], "expected a state dict"),
        ({"w": torch.tensor([0.0, torch.inf])}, "w: found values that are not finite"),
    ],
)
def test_other_content_gets_one_sentence(content, sentence, tmp_path):
    path = tmp_path / "seed0.pt"
    torch.save(content, path)
    with pytest.raises(StudyError, match=sentence):
        read_user_weights(path)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_truncated_file_gets_one_sentence(state, suffix, tmp_path):
    path = tmp_path / f"seed0{suffix}"
    torch.save(state, path) if suffix == ".pt" else save_file(state, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StudyError, match="not a complete"):
        read_user_weights(path)


# Files that declare more than they hold


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_shapes_are_checked_before_weights_take_memory(suffix, tmp_path):
    """A file of 1 kB with a weight of 4 GB, and one with a weight of another shape than the network's."""
    path = tmp_path / f"seed0{suffix}"
    weights = {"weight": torch.zeros(1).expand(10**9), "bias": torch.zeros(2)}
    if suffix == ".safetensors":
        save_file({"weight": torch.zeros(5), "bias": torch.zeros(2)}, path)
    else:
        torch.save(weights, path)
        assert path.stat().st_size < 2000
    check = partial(build.check_shapes, torch.nn.Linear(3, 2), source=str(path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(StudyError, match=r"weight has shape \(\d+,\), but the network expects \(2, 3\)"):
        read_user_weights(path, check)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kB


def test_a_compressed_file_is_refused_before_it_is_read(state, tmp_path):
    """torch.save never compresses; torch.load decompresses 10 MB of zeros to 10 GB."""
    stored, path = tmp_path / "stored.pt", tmp_path / "seed0.pt"
    torch.save(state | {"zeros": torch.zeros(10**6)}, stored)
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(part.filename, source.read(part))
    with pytest.raises(StudyError, match=r"found a compressed archive of 4,\d+,\d+ bytes in a file of \d+,\d+,"):
        read_user_weights(path)
    assert read_user_weights(stored).keys() == {*state, "zeros"}


def one_weight(kind: str, n_bytes: int) -> bytes:
    header = json.dumps({"w": {"dtype": kind, "shape": [8], "data_offsets": [0, n_bytes]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(n_bytes)


@pytest.mark.parametrize(("kind", "n_bytes"), [("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6)])
def test_types_that_torch_cannot_convert_are_named(kind, n_bytes, tmp_path):
    path = tmp_path / "seed0.safetensors"
    path.write_bytes(one_weight(kind, n_bytes))
    with pytest.raises(StudyError, match=f"seed0.safetensors: w has the type {kind}, which torch cannot convert"):
        read_user_weights(path)


def test_a_type_of_torch_without_a_conversion_is_named(tmp_path):
    path = tmp_path / "seed0.pt"
    torch.save({"w": torch.zeros(8, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)}, path)
    with pytest.raises(StudyError, match=r"w: found values of type torch.float4_e2m1fn_x2, which cannot be converted"):
        read_user_weights(path)


@pytest.mark.parametrize(("kind", "n_bytes"), [("BF16", 16), ("F8_E4M3", 8), ("F4", 4), ("F6_E2M3", 6)])
def test_types_that_numpy_does_not_have_are_named(kind, n_bytes, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(one_weight(kind, n_bytes))
    with pytest.raises(StudyError, match=f"weights.safetensors: w has the type {kind}, expected one of F64, F32, F16"):
        tensors.read(path)
