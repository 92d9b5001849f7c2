"""Activations and networks of one's own, damaged in every way: refused in one sentence, or read as they stand."""

import csv
import io
import os
import pickle
import warnings
from itertools import zip_longest
from pathlib import Path

import numpy as np
from fuzzing import accepted, damaged, fuzzed
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from manyseeds.comparison.within_group import compare_layer
from manyseeds.exchange.user_activations import link_layers, read_user_stimuli
from manyseeds.models.user_weights import read_user_weights
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.measures import MEASURES
from manyseeds.statistics.stimulus_resampling import resample_stimuli, stimulus_weights
from manyseeds.study.user_folders import find_arrays, find_checkpoints

N = 4  # stimuli

# Arrays


def npy(array: np.ndarray, version: tuple[int, int] | None = None, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=pickled)
    return file.getvalue()


def npz(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, array)
    return file.getvalue()


VALUES = np.random.default_rng(0).standard_normal((N, 2, 3))
ARRAYS = [npy(VALUES.astype(dtype)) for dtype in ("f2", "f4", "f8", ">f8")]
ARRAYS += [npy(np.asfortranarray(VALUES)), npy(VALUES, (2, 0)), npy(VALUES.astype("f4"), (3, 0))]


def headed(shape: str, descr: str = "'<f8'", order: str = "False") -> bytes:
    """An array of 32 values after a header of one's own."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(range(256))


def with_value(value: float, at: int) -> bytes:
    array = VALUES.copy()
    array.flat[at] = value
    return npy(array)


SHAPES = [
    "(4, 8)",
    "(4,)",
    "()",
    "(0, 8)",
    "(4, 0)",
    "(-4, -8)",
    "(-1, 8)",
    "(4, 8.0)",
    "(True, 8)",
    "4",
    "None",
    "[4, 8]",
]
SHAPES += [
    "(4, 99999999)",
    "(4, 2**62)",
    f"({10**30}, 0)",
    f"(4, {10**30})",
    "(4, 8" + ")" * 40,
    "(" * 100,
    "4, 'x': 1",
]
DESCRS = [
    "'<f8'",
    "'|O'",
    "'<i8'",
    "'<c16'",
    "[('a', '<f8')]",
    "[('a', '|O')]",
    "'<f16'",
    "'zzz'",
    "3",
    "'<U2'",
]
HEADERS = st.builds(headed, st.sampled_from(SHAPES), st.sampled_from(DESCRS), st.sampled_from(["False", "True", "2"]))
WHOLE = [b"", b"stimulus,category\n", npz(VALUES), b"PK\x05\x06" + bytes(18), b"PK\x03\x04", pickle.dumps([1, 2])]
WHOLE += [npy(VALUES[:3]), npy(np.zeros((N, 0))), npy(np.zeros(N)), npy(VALUES > 0), npy(VALUES.astype(complex))]
WHOLE += [npy(VALUES.astype(object), pickled=True), npy(np.array([[None, {}]] * N, dtype=object), pickled=True)]


def independent(content: bytes) -> np.ndarray:
    """What the bytes of an array say, read in another way than the library reads them."""
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


@fuzzed(
    400,
    st.sampled_from(ARRAYS).flatmap(damaged)
    | HEADERS
    | st.sampled_from(WHOLE)
    | st.builds(with_value, st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e300]), st.integers(0, VALUES.size - 1)),
)
def test_an_array_is_refused_or_taken_as_it_stands(content, folder):
    path = folder / "conv1.npy"
    path.write_bytes(content)
    outcome = accepted(lambda: link_layers([path], N, folder / "linked"), str(path))
    if outcome is not None:
        row, array = outcome[0].iloc[0], independent(content)
        assert array.dtype in (np.float16, np.float32, np.float64) or array.dtype.kind in "iub"
        assert np.isfinite(array).all()
        assert (row["layer"], row["layer_index"], row["n_units"]) == ("conv1", 0, array[0].size)
        linked = np.load(folder / "linked/conv1.npy", mmap_mode="r")
        assert linked.tobytes("A") == array.tobytes("A")


# Tables

ROWS = ["stimulus,category", "robin,bird", "wren,bird", "pug,dog", "corgi,dog"]
CELLS = st.sampled_from(
    ["", " ", "bird", "dog", '"a, b"', '"', "a\tb", "NA", "null", "1", "\0", "ü", "\ufeff", "é\r", "\u2028"]
)
CSV = st.lists(CELLS | st.text(max_size=5), max_size=3).map(",".join)
STIMULI = "\n".join(ROWS).encode() + b"\n"


@st.composite
def tables(draw: st.DrawFn, rows: list[str]) -> bytes:
    """A table with rows left out, doubled, exchanged, or of odd cells; in one of several encodings."""
    rows = list(rows)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(rows) - 1)))
        match draw(st.sampled_from(["drop", "repeat", "add", "add", "extend", "all", "end"])):
            case "drop":
                del rows[at : at + 1]
            case "repeat":
                rows[at:at] = rows[at : at + 1]
            case "add":
                rows[at:at] = [draw(CSV)]
            case "extend" if rows:
                rows[at] += "," + draw(CELLS)
            case "all":
                rows = [f"{row},x" if number else row for number, row in enumerate(rows)]
            case "end":
                del rows[at + 1 :]
    encoding = draw(st.sampled_from(["utf-8"] * 5 + ["utf-8-sig", "utf-16", "latin-1"]))
    return draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])).join([*rows, ""]).encode(encoding, "replace")


def rows_of(content: bytes) -> list[dict[str, str]]:
    """What the bytes of a table say, without blank lines and blanks around values; cells that a row lacks are empty."""
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    header, *rows = (row for row in csv.reader(text, skipinitialspace=True) if row)
    assert all(len(row) <= len(header) for row in rows)
    return [dict(zip_longest(header, map(str.strip, row), fillvalue="")) for row in rows]


@fuzzed(300, tables(ROWS) | damaged(STIMULI) | st.binary(max_size=60))
def test_a_table_of_stimuli_is_refused_or_read_row_by_row(content, folder):
    path = folder / "stimuli.csv"
    path.write_bytes(content)
    outcome = accepted(lambda: read_user_stimuli(path), str(path))
    if outcome is not None:
        rows = rows_of(content)
        assert outcome[0]["source"].tolist() == [row["stimulus"] for row in rows]
        named = all("category" in row for row in rows)
        assert outcome[0]["category_name"].tolist() == [row["category"] if named else "" for row in rows]
        assert len(set(outcome[0]["category"])) == len(set(outcome[0]["category_name"])) >= 1 + named


@fuzzed(200, tables(["layer", "conv2", "conv10"]) | damaged(b"layer\nconv2\nconv10\n"))
def test_a_table_of_layers_is_refused_or_gives_their_order(content, folder):
    for seed, layer in ((seed, layer) for seed in range(2) for layer in ("conv10", "conv2")):
        path = folder / f"net/mine/seed{seed}/{layer}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ARRAYS[0])
    (folder / "layers.csv").write_bytes(content)
    outcome = accepted(lambda: find_arrays(folder), "layers.csv")
    if outcome is not None:
        (names,) = {tuple(path.stem for path in by_epoch[0]) for by_epoch in outcome[0].values()}
        listed = [row["layer"] for row in rows_of(content) if row["layer"] in ("conv2", "conv10")]
        assert sorted(names) == ["conv10", "conv2"]
        assert list(names) == listed


# Folders

PARTS = [
    "net",
    "mine",
    "seed0",
    "seed1",
    "seed01",
    "seed-1",
    "seed٣",
    "epoch1",
    "epoch01",
    "epoch٢",
    "epoch1x",
    "conv1.npy",
]
PARTS += [
    "conv10.npy",
    "x2².npy",
    ".npy",
    "._conv1.npy",
    "conv1.NPY",
    "a b.npy",
    "a,b.npy",
    "{x}.npy",
    "a\nb.npy",
    "layers.csv",
]
PARTS += [
    "seed0.pt",
    "seed1.safetensors",
    "seed0.safetensors",
    "seed1.pt.pt",
    f"seed{10**30}",
    f"epoch{10**30}",
    "ü",
    "a b",
]
PATHS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=5)
USUAL = [["net", "mine", f"seed{seed}", "conv1.npy"] for seed in range(2)]
USUAL_BY_EPOCH = [["net", "mine", f"seed{seed}", "epoch1", "conv1.npy"] for seed in range(2)]
BRANCHES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=2)
ODD = st.one_of(
    PATHS,
    *(
        st.builds(lambda stem, tail: [*stem, *tail], st.just(usual[0][:depth]), BRANCHES)
        for usual in (USUAL, USUAL_BY_EPOCH)
        for depth in (1, 2, 3)
    ),
)
KINDS = st.sampled_from(["file", "file", "file", "folder", "link", "dangling", "loop", "bytes"])
TREES = st.tuples(
    st.sampled_from([[], USUAL, USUAL_BY_EPOCH, [["net", "mine", f"seed{seed}.pt"] for seed in range(2)]]),
    st.lists(st.tuples(ODD, KINDS), max_size=4),
)


def plant(folder: Path, parts: list[str], kind: str) -> None:
    """Make a file, folder or link, unless what lies there already is in the way."""
    path = folder.joinpath(*parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "file":
                path.write_bytes(ARRAYS[0])
            case "folder":
                path.mkdir()
            case "link":
                path.symlink_to(folder / "elsewhere.npy")
            case "dangling":
                path.symlink_to(folder / "nowhere")
            case "loop":
                path.symlink_to(path.parent)
            case "bytes":
                (path.parent / os.fsdecode(b"\xff" + os.fsencode(path.name))).write_bytes(ARRAYS[0])
    except OSError:
        pass


@fuzzed(400, TREES)
def test_a_folder_of_files_is_refused_or_every_file_has_its_place(tree, folder):
    own = folder / "own"
    (own / "elsewhere.npy").parent.mkdir()
    (own / "elsewhere.npy").write_bytes(ARRAYS[0])
    usual, odd = tree
    for parts, kind in [*((parts, "file") for parts in usual), *odd]:
        plant(own, parts, kind)
    found = accepted(lambda: find_arrays(own), str(own))
    for instance, by_epoch in found[0].items() if found else ():
        assert 0 <= instance.seed < 2**63
        for epoch, paths in by_epoch.items():
            assert 0 <= epoch < 2**63
            home = own / str(instance)
            (parent,) = {path.parent for path in paths}
            assert parent == home or (parent.parent == home and int(parent.name.removeprefix("epoch")) == epoch)
            assert not any(sign in path.name for path in paths for sign in "{}\n")
            links = folder / "linked" / str(instance) / f"epoch{epoch}"
            index = accepted(lambda paths=paths, links=links: link_layers(paths, N, links), str(own))
            if index:
                assert index[0]["layer"].tolist() == [path.stem for path in paths]
                assert sorted(links.iterdir()) == sorted(links / path.name for path in paths)
                index[0].to_parquet(folder / "index.parquet")
    checkpoints = accepted(lambda: find_checkpoints(own), str(own))
    for path in checkpoints[0].values() if checkpoints else ():
        accepted(lambda path=path: read_user_weights(path), str(path))


# What is computed of them

MAGNITUDES = st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e-20, 1e20, 1e100, 1e149, 1e200, -1e300])
MODERATE = st.sampled_from([0.0, 0.0, 1.0, -1.0, 0.5, 3.0, 1e-3, 1e3])


@st.composite
def odd_activations(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    """Activations (networks, stimuli, units) with stimuli that are silent, alike, huge or alone in their category."""
    n_stimuli, n_units = draw(st.integers(2, 6)), draw(st.integers(1, 3))
    value = MODERATE if draw(st.booleans()) else MAGNITUDES | MODERATE
    size = 2 * n_stimuli * n_units
    values = draw(st.lists(value, min_size=size, max_size=size))
    others = draw(st.lists(st.integers(0, 3), min_size=n_stimuli - 2, max_size=n_stimuli - 2))
    return np.reshape(values, (2, n_stimuli, n_units)), [0, 1, *others]


@fuzzed(100, odd_activations())
def test_odd_activations_are_refused_or_compared(made, folder):
    activations, categories = made
    n_stimuli = len(categories)
    geometries = {}
    for seed, array in enumerate(activations):
        path = folder / f"{seed}.npy"
        np.save(path, array)
        assert accepted(lambda path=path: link_layers([path], n_stimuli, folder / path.stem), str(path))
        outcome = accepted(lambda array=array, path=path: measure_geometry(array, name=str(path)), str(path))
        if outcome is None:
            assert np.abs(array).max() > 1e150
            return
        geometries[seed] = outcome[0]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        rows = compare_layer(geometries, categories, list(MEASURES))["consistency"]
        weights = stimulus_weights(categories, 3, np.random.default_rng(0))
        resamples = resample_stimuli(list(geometries.values()), np.array(categories), list(MEASURES), weights)
    assert rows["consistency"].dropna().between(0, 1).all()
    assert all(((values >= 0) & (values <= 1) | np.isnan(values)).all() for values in resamples.values())
    pairs = rows[rows["kind"] == "within_category"]
    assert (pairs["n_entries"] == sum(n * (n - 1) // 2 for n in np.bincount(categories))).all()
    if np.isin(np.abs(activations), [0, 1, 0.5, 3]).all():
        euclidean = rows.query("kind == 'exemplar' and measure == 'euclidean' and normalisation == 'none'")
        distances = [pdist(array) for array in activations]
        varies = all(np.ptp(vector) > 1e-9 for vector in distances)
        expected = np.corrcoef(*distances)[0, 1] if varies and len(distances[0]) > 1 else np.nan
        np.testing.assert_allclose(euclidean["r"], [expected], atol=1e-9)
