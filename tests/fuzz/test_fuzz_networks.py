"""Checkpoints of one's own, damaged, malicious or of another network: refused in one sentence, or taken bit by bit."""

import io
import json
import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzzing import accepted, damaged, fuzzed
from hypothesis import strategies as st
from safetensors.torch import save as safetensors

from manyseeds.models import build
from manyseeds.models.spec import Network
from manyseeds.models.user_weights import read_user_weights

# torch's, of protocols of pickles
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:TypedStorage", "ignore:overflow")

NETWORK = Network("all_cnn_7", width=0.02)
MODULE = build.build(NETWORK, (16, 16, 1), 3)
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
        if entry["dtype"].startswith("F8"):
            kind = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}[entry["dtype"]]
            values = torch.tensor(list(data[start:end]), dtype=torch.uint8).view(kind).float().numpy()
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


def headed(header: object, data: bytes = bytes(range(24))) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def one_tensor(dtype: str, data: bytes) -> bytes:
    return headed(
        {"w": {"dtype": dtype, "shape": [len(data) // 8, 8 // WIDTHS[dtype]], "data_offsets": [0, len(data)]}}, data
    )


WIDTHS = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
}
TENSOR = st.builds(
    one_tensor, st.sampled_from(sorted(WIDTHS)), st.binary(min_size=8, max_size=8).map(lambda data: data * 3)
)


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


@fuzzed(300, damaged(SAFE) | HEADERS.map(headed) | st.binary(max_size=40) | TENSOR)
def test_a_safetensors_file_is_refused_or_read_as_it_is_stored(content, folder):
    path = folder / "seed0.safetensors"
    path.write_bytes(content)
    outcome = accepted(lambda: read_user_weights(path), str(path))
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
    (getattr, "", "upper"),
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
    accepts=0,
)
def test_nothing_is_executed_from_a_pickle(made, folder):
    call, hidden, save, suffix = made
    path = folder / f"seed0{suffix}"
    path.write_bytes(save(hidden(Intruder(*call))))
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert accepted(lambda: read_user_weights(path), str(path)) is None
    finally:
        os.chdir(before)
    assert [file.name for file in folder.iterdir()] == [path.name]


ONES = torch.ones(2)
with warnings.catch_warnings(action="ignore"):  # of what torch means to change
    NESTED = torch.nested.nested_tensor([ONES, torch.ones(1)])
    QUANTISED = torch.quantize_per_tensor(ONES, 0.1, 0, torch.qint8)
TENSORS = [
    ONES,
    torch.eye(3).to_sparse(),
    NESTED,
    QUANTISED,
    torch.ones(2, device="meta"),
    torch.ones(0),
    torch.tensor(1),
]
TENSORS += [
    ONES.to(kind) for kind in (torch.complex64, torch.bfloat16, torch.float8_e4m3fn, torch.float64, torch.uint8)
]
TENSORS += [torch.tensor([value], dtype=torch.float64) for value in (1e300, 1e-300, torch.nan, -torch.inf)]
TENSORS += [torch.ones(4)[::2], torch.rand(2, 3).T, torch.ones(3).expand(2, 3), torch.tensor([1 + 1j]).conj()]
CONTENTS = [SMALL, STATE, dict(torch.nn.Linear(2, 2).named_parameters()), {}, [], None, 3, "state", ONES, [ONES]]
CONTENTS += [{"state_dict": STATE}, {"w": 1}, {1: ONES}, {"w": ONES, 1: ONES}, {("a", "b"): ONES}, {"a\nb": ONES}]
CONTENTS += [{"model": ONES}, {"model": SMALL, "epoch": 3}, {"model_state_dict": {"w": 1}}, {"state_dict": ONES}]
CONTENTS += [{"w": tensor} for tensor in TENSORS]


def array(tensor: torch.Tensor) -> np.ndarray:
    """The values of a tensor, one by one."""
    kind = np.float32 if tensor.is_floating_point() else str(tensor.dtype).removeprefix("torch.")
    return np.array(tensor.tolist(), kind).reshape(tensor.shape)


@fuzzed(len(CONTENTS) * 2, st.tuples(st.sampled_from(CONTENTS), st.booleans()))
def test_a_file_of_torch_is_refused_or_read_as_it_is_stored(made, folder):
    content, zipped = made
    path = folder / "seed0.pt"
    path.write_bytes(saved(content, zipped))
    outcome = accepted(lambda: read_user_weights(path), str(path))
    if outcome is not None:
        entries = [entry for entry in content.values() if isinstance(entry, dict)]
        same(outcome[0], {name: array(tensor) for name, tensor in (*entries, content)[0].items()})


@fuzzed(200, st.sampled_from([saved(SMALL), saved(SMALL, zipped=False), pickle.dumps({"w": [1.0]})]).flatmap(damaged))
def test_a_damaged_file_of_torch_is_refused_or_read(content, folder):
    path = folder / "seed0.pt"
    path.write_bytes(content)
    outcome = accepted(lambda: read_user_weights(path), str(path))
    if outcome is not None:
        again = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        same(outcome[0], {name: array(tensor) for name, tensor in again.items()})


# Networks

KINDS = st.sampled_from(
    [torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int64, torch.bool, torch.complex64]
)
CHANGES = {
    "remove": lambda state, name, _: state.pop(name),
    "rename": lambda state, name, _: state.update({f"module.{name}": state.pop(name)}),
    "add": lambda state, name, _: state.update({"extra": state[name]}),
    "transpose": lambda state, name, _: state.update({name: state[name].transpose(0, -1).contiguous()}),
    "cut": lambda state, name, _: state.update({name: state[name][:-1].contiguous()}),
    "flatten": lambda state, name, _: state.update({name: state[name].flatten()}),
    "convert": lambda state, name, kind: state.update({name: state[name].to(kind)}),
    "spoil": lambda state, name, kind: state.update({name: torch.full(state[name].shape, -torch.inf)}),
    "swap": lambda state, name, _: state.update({name: state["conv1.bias"], "conv1.bias": state[name]}),
    "nothing": lambda state, name, _: None,
}


@fuzzed(
    200,
    st.tuples(
        st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(sorted(STATE)), KINDS), max_size=3),
        st.sampled_from([".pt", ".safetensors"]),
    ),
)
def test_a_checkpoint_is_refused_or_the_network_has_its_weights(made, folder):
    changes, suffix = made
    state = dict(STATE)
    for change, name, kind in changes:
        if name in state and "conv1.bias" in state:
            CHANGES[change](state, name, kind)
    state = {name: tensor.clone() for name, tensor in state.items()}
    path = folder / f"seed0{suffix}"
    path.write_bytes(saved(state) if suffix == ".pt" else safetensors(state))
    MODULE.load_state_dict(STATE)
    if accepted(lambda: build.load(MODULE, read_user_weights(path), source=str(path)), str(path)):
        held = {name: tensor.numpy() for name, tensor in MODULE.state_dict().items()}
        same(held, {name: array(tensor) for name, tensor in state.items()})
    else:
        same(
            {name: tensor.numpy() for name, tensor in MODULE.state_dict().items()},
            {name: array(STATE[name]) for name in STATE},
        )


ARCHITECTURES = [
    "all_cnn_c",
    "all_cnn_7",
    "all_cnn_8",
    "os.getcwd",
    "os.system",
    "builtins.dict",
    "builtins.print",
    "builtins.type",
]
ARCHITECTURES += [
    "torch.nn.Linear",
    "torch.nn.Flatten",
    "torch.nn.Identity",
    "torch.nn.Module",
    "torch.zeros",
    "nowhere.Net",
    "os",
    "os.",
]
ARCHITECTURES += [
    "a..b",
    "_",
    "collections.OrderedDict",
    "torch.nn.functional.relu",
    "numpy.float64",
    "json.loads",
    "math.pi",
]


@fuzzed(
    100,
    st.tuples(
        st.sampled_from(ARCHITECTURES),
        st.sampled_from([(8, 8, 1), (16, 16, 3), (1, 1, 3)]),
        st.sampled_from([1, 3, 64]),
        st.sampled_from([0.01, 0.1]),
    ),
    accepts=2,
)
def test_an_architecture_is_refused_or_makes_a_network_for_the_images(made, folder):
    architecture, shape, n_categories, width = made
    network = Network(architecture, width=width)
    outcome = accepted(
        lambda: build.build(network, shape, n_categories), f"networks: {architecture}", repr(architecture)
    )
    if outcome is not None:
        assert outcome[0](torch.zeros(1, shape[2], *shape[:2])).shape == (1, n_categories)
