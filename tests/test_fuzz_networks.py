"""Checkpoints of one's own, damaged, malicious or of another network: refused in one sentence, or taken bit by bit."""

import io
import json
import os
import pickle
from pathlib import Path

import numpy as np
import torch
from fuzzing import accepted, damaged, fuzzed
from hypothesis import strategies as st
from safetensors.torch import save as safetensors

from manyseeds import modules
from manyseeds.networks import Network
from manyseeds.own_networks import read_weights

NETWORK = Network("all_cnn_7", width=0.02)
MODULE = modules.build(NETWORK, (16, 16, 1), 3)
STATE = {
    name: torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0))
    for name, tensor in MODULE.state_dict().items()
}
SMALL = {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3), "h": torch.ones(2, dtype=torch.float16)}


def saved(content: object, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


# safetensors

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def stored(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file, read byte by byte: a length, a header of that length in JSON, the values."""
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = DTYPES.get(entry["dtype"], "<u2")
        values = np.frombuffer(data[start:end], dtype)
        if entry["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The weights are what is stored, floating-point ones as float32, and finite."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        kept = array.astype(np.float32) if array.dtype.kind == "f" else array
        assert (found[name].dtype, found[name].shape) == (kept.dtype, kept.shape)
        assert found[name].tobytes() == np.ascontiguousarray(kept).tobytes()
        assert np.isfinite(found[name]).all()


SAFE = safetensors(SMALL | {"b": torch.ones(3, dtype=torch.bfloat16), "t": torch.tensor([True])}, {"source": "x"})


def headed(header: object) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(range(24))


ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F32", "F64", "I32", "C64", "F8_E4M3", "F8_E5M2", "U64", "X", "", None, 3]),
        "shape": st.sampled_from([[6], [2, 3], [3], [], [0], [-6], [2**62, 4], [6.0], "6", None, [6, 1, 1]]),
        "data_offsets": st.sampled_from(
            [[0, 24], [0, 24], [0, 12], [12, 24], [24, 0], [0, 99], [-4, 20], [0], None, [0, 2**70]]
        ),
    }
)
HEADERS = st.dictionaries(
    st.sampled_from(["w", "", "a\nb", "__metadata__", "../w"]), ENTRIES, max_size=2
) | st.sampled_from([[], {}, None, {"w": None}, {"w": {}}, {"__metadata__": {"a": 1}}, "x", 3])


@fuzzed(300, damaged(SAFE) | HEADERS.map(headed) | st.binary(max_size=40))
def test_a_safetensors_file_is_refused_or_read_as_it_is_stored(content, folder):
    path = folder / "seed0.safetensors"
    path.write_bytes(content)
    outcome = accepted(lambda: read_weights(path), str(path))
    if outcome is not None:
        same(outcome[0], stored(content))


# Pickles


class Intruder:
    """An object whose unpickling calls something."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


MADE = "intruded"  # in the working folder, if anything is executed
CALLS = [
    (os.mkdir, MADE),
    (os.system, f"mkdir {MADE}"),
    (eval, f"__import__('os').mkdir({MADE!r})"),
    (exec, f"open({MADE!r}, 'w')"),
]
CALLS += [
    (io.open, MADE, "w"),
    (Path.touch, Path(MADE)),
    (np.save, MADE, 0),
    (torch.save, 0, MADE),
    (getattr, os, "mkdir"),
]
HIDING = [
    lambda thing: thing,
    lambda thing: {"w": torch.ones(2), "intruder": thing},
    lambda thing: {"w": torch.ones(2), "inner": {"w": [thing]}},
    lambda thing: [thing, torch.ones(1)],
]
SAVING = [saved, lambda what: saved(what, zipped=False), *(lambda what, p=p: pickle.dumps(what, p) for p in range(6))]


@fuzzed(
    100,
    st.tuples(
        st.sampled_from(CALLS),
        st.sampled_from(HIDING),
        st.sampled_from(SAVING),
        st.sampled_from([".pt", ".pth", ".safetensors"]),
    ),
)
def test_nothing_is_executed_from_a_pickle(made, folder):
    call, hidden, save, suffix = made
    path = folder / f"seed0{suffix}"
    path.write_bytes(save(hidden(Intruder(*call))))
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert accepted(lambda: read_weights(path), str(path)) is None
    finally:
        os.chdir(before)
    assert [file.name for file in folder.iterdir()] == [path.name]


SPARSE = torch.eye(3).to_sparse()
PARAMETERS = dict(torch.nn.Linear(2, 2).named_parameters())
CONTENTS = [
    SMALL, STATE, PARAMETERS, {}, [], None, 3, "state", torch.ones(2), {"state_dict": STATE}, {"w": 1}, {1: torch.ones(2)},
    {"w": torch.ones(2), 1: torch.ones(2)}, {"w": SPARSE}, {"w": torch.ones(2, dtype=torch.complex64)}, {"w": torch.tensor([1e300], dtype=torch.float64)},
    {"w": torch.tensor([torch.nan])}, {"w": torch.ones(2, dtype=torch.bfloat16)}, {"w": torch.ones(2).to(torch.float8_e4m3fn)},
    {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, {"w": torch.ones(2, device="meta")}, {"a\nb": torch.tensor([torch.inf])},
    {"w": torch.ones(4)[::2]}, {"w": torch.ones(2, 3).T}, {"w": torch.ones(3).expand(2, 3)}, {"w": torch.tensor([1 + 1j]).conj()},
    {("a", "b"): torch.ones(1)}, {"w": torch.ones(0)}, {"w": torch.nested.nested_tensor([torch.ones(2), torch.ones(1)])},
]  # fmt: skip


@fuzzed(
    300,
    st.tuples(st.sampled_from(CONTENTS), st.booleans(), st.none())
    | st.tuples(st.just(SMALL), st.booleans(), st.randoms(use_true_random=False)),
)
def test_a_file_of_torch_is_refused_or_read_as_it_is_stored(made, folder):
    content, zipped, draw = made
    path = folder / "seed0.pt"
    path.write_bytes(saved(content, zipped))
    outcome = accepted(lambda: read_weights(path), str(path))
    if outcome is not None:
        same(outcome[0], {name: tensor.detach().numpy() for name, tensor in content.items()})


@fuzzed(200, st.sampled_from([saved(SMALL), saved(SMALL, zipped=False), pickle.dumps({"w": [1.0]})]).flatmap(damaged))
def test_a_damaged_file_of_torch_is_refused_or_read(content, folder):
    path = folder / "seed0.pt"
    path.write_bytes(content)
    outcome = accepted(lambda: read_weights(path), str(path))
    if outcome is not None:
        again = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        same(outcome[0], {name: tensor.detach().numpy() for name, tensor in again.items()})
