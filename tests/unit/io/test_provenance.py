"""Records of artefacts: what is damaged or of other settings is named, what is as it was written passes."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from manyseeds.errors import StudyError
from manyseeds.io import provenance, tensors


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study with one file of each kind, and a folder of files, all on record; paths as in a workflow, relative."""
    monkeypatch.chdir(tmp_path)
    root = provenance.root_of("results/s/logs/rule/x.log")
    folder = root / "activations/seed0"
    (folder / "epoch1").mkdir(parents=True)
    values = np.random.default_rng(0).random((40, 5))
    np.save(root / "array.npy", values)
    np.savez(root / "grams.npz", values=values)
    save_file({"w": values}, root / "weights.safetensors")
    pd.DataFrame(values, columns=list("abcde")).to_parquet(root / "table.parquet")
    pd.DataFrame(values).to_csv(root / "table.csv", index=False)
    (root / "figure.png").write_bytes(bytes(range(256)))
    np.save(folder / "epoch1/conv1.npy", values)
    np.save(folder / "epoch1/conv2.npy", values)
    record(root, FILES)
    return root


FILES = [
    "array.npy",
    "grams.npz",
    "weights.safetensors",
    "table.parquet",
    "table.csv",
    "figure.png",
    "activations/seed0",
]
PARAMS = {"epochs": [1, 2], "network": {"width": 0.5}, "code": "digest of code"}


def record(root, names, **options):
    options = {"rule": "make", "params": PARAMS, "inputs": {"a": "b"}, "device": "cpu"} | options
    provenance.record([str(root / name) for name in names], root, **options)


def paths(root):
    return [str(root / name) for name in FILES]


def test_what_is_as_it_was_written_passes(study):
    digests = provenance.check(paths(study), study)
    assert set(digests) == set(paths(study))
    assert len(set(digests.values())) == len(FILES)
    assert provenance.check(["elsewhere/file.npy", str(study / "not_on_record")], study) == {}


@pytest.mark.parametrize("name", [*FILES[:-1], "activations/seed0/epoch1/conv2.npy"])
@pytest.mark.parametrize("fault", ["truncated", "one bit flipped", "emptied", "removed", "lengthened"])
def test_what_is_damaged_is_named(study, name, fault):
    path = study / name
    contents = bytearray(path.read_bytes())
    contents[len(contents) * 2 // 3] ^= 4
    if fault == "one bit flipped":
        path.write_bytes(contents)
    elif fault == "removed":
        path.unlink()
    else:
        length = {"truncated": len(contents) - 3, "emptied": 0, "lengthened": len(contents)}[fault]
        path.write_bytes(path.read_bytes()[:length] + (b"x" if fault == "lengthened" else b""))
    with pytest.raises(StudyError, match=f"^{path} has changed since it was written: .+ run the same command again.$"):
        provenance.check(paths(study), study)


@pytest.mark.parametrize("contents", ["", "{", "[]", '{"key": 1}', '{"key": 1, "rule": "x", "files": 3}'])
def test_a_damaged_record_is_named(study, contents):
    place = provenance.record_path(study / "array.npy", study)
    place.write_text(contents)
    with pytest.raises(StudyError, match=f"^{place} cannot be read"):
        provenance.check(paths(study), study)


def test_a_record_says_where_a_file_comes_from(study):
    known = json.loads(provenance.record_path(study / "array.npy", study).read_text())
    assert known["rule"] == "make"
    assert known["code"] == {"code": "digest of code"}
    assert known["inputs"] == {"a": "b"}
    assert known["device"] == "cpu"
    assert known["software"]["numpy"] == np.__version__


def test_settings_of_code_apart_are_compared(study):
    provenance.check_settings(paths(study), study, PARAMS)
    provenance.check_settings(paths(study), study, PARAMS | {"code": "other"})
    provenance.check_settings([str(study / "not there")], study, {})
    for other in ({"epochs": [1]}, {"network": {"width": 0.25}}, {"more": None}):
        with pytest.raises(StudyError, match=r"^results/s/array\.npy was made with other settings .+rule make"):
            provenance.check_settings(paths(study), study, PARAMS | other)


def test_of_very_large_files_only_the_size_is_compared(study, monkeypatch):
    monkeypatch.setattr(provenance, "LARGE", 100)
    path = study / "array.npy"
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)
    provenance.check(paths(study), study)
    path.write_bytes(contents[:-1])
    with pytest.raises(StudyError, match=r"array\.npy has changed since it was written: found"):
        provenance.check(paths(study), study)


def test_tensors_know_their_contents(tmp_path):
    path = tmp_path / "x.safetensors"
    written = {"w": np.arange(12, dtype=np.float32).reshape(3, 4), "n": np.array(7)}
    tensors.write(path, written, {"epoch": "3"})
    found, metadata = tensors.read(path)
    assert metadata == {"epoch": "3"}
    assert found.keys() == written.keys()
    for name, array in written.items():
        np.testing.assert_array_equal(found[name], array)
    contents = path.read_bytes()
    for place in range(len(contents)):
        damaged = bytearray(contents)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(StudyError, match=f"^{path}: "):
            tensors.read(path)


def test_a_file_of_tensors_without_digest_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"w": np.zeros(3)}, path)
    with pytest.raises(StudyError, match="its contents have changed"):
        tensors.read(path)
