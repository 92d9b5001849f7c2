"""Networks that users bring: weights are read, and nothing else is executed."""

import pickle

import numpy as np
import pytest
import torch
from own_folders import Intruder
from safetensors.torch import save_file

from manyseeds.errors import StudyError
from manyseeds.exchange.user_weights import read_user_weights


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
        ({"state_dict": {}}, "expected a plain state dict"),
        ([torch.zeros(1)], "expected a plain state dict"),
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
