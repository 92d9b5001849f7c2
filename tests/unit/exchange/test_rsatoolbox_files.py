"""Files of rsatoolbox, against rsatoolbox itself."""

import builtins

import numpy as np
import pandas as pd
import pytest
import rsatoolbox

from manyseeds.errors import StudyError
from manyseeds.exchange import rsatoolbox_files

VECTORS = np.random.default_rng(0).random((4, 6))
VECTORS[1, 2] = np.nan
POINTS = pd.DataFrame({"seed": [0, 0, 1, 1], "layer": ["conv1", "fc", "conv1", "fc"], "epoch": 8})
STIMULI = pd.DataFrame({"category": [0, 0, 1, 1], "category_name": ["dog", "dog", "cat", "cat"], "source": "test.bin"})


def names(*sources: str) -> list[str]:
    return rsatoolbox_files.stimulus_names(STIMULI.iloc[: len(sources)].assign(source=list(sources)))


def test_a_file_is_the_one_that_rsatoolbox_writes(tmp_path):
    patterns = rsatoolbox_files.pattern_descriptors(STIMULI)
    about = {"study": "mine", "normalisation": "none"}
    path = tmp_path / "ours.hdf5"
    rsatoolbox_files.write_rdms(path, iter(VECTORS), POINTS, patterns, about, "euclidean")
    ours = rsatoolbox.rdm.load_rdm(str(path))
    expected = rsatoolbox_files.as_rdms(VECTORS, POINTS, patterns, about, "euclidean")
    expected.save(str(tmp_path / "theirs.hdf5"))
    theirs = rsatoolbox.rdm.load_rdm(str(tmp_path / "theirs.hdf5"))
    np.testing.assert_array_equal(ours.dissimilarities, VECTORS)
    assert ours.dissimilarity_measure == theirs.dissimilarity_measure == "euclidean (not squared)"
    assert ours.descriptors == theirs.descriptors == about
    for kind in ("rdm_descriptors", "pattern_descriptors"):
        one, other = getattr(ours, kind), getattr(theirs, kind)
        assert {name: list(values) for name, values in one.items()} == {name: list(v) for name, v in other.items()}
    assert ours.pattern_descriptors["stimulus"] == ["dog/0", "dog/1", "cat/0", "cat/1"]
    assert ours.subset("layer", "fc").rdm_descriptors["seed"] == [0, 1]


def test_stimuli_have_the_names_of_their_files_or_rows():
    assert names("dogs/a.png", "dogs/b.JPG", "cats/c.png") == ["a", "b", "c"]
    assert names("dogs/a.png", "cats/a.png") == ["dogs/a.png", "cats/a.png"]  # not the same name twice
    assert names("a.1", "a.2") == ["a.1", "a.2"]  # rows of the user's own table


def test_letters_that_rsatoolbox_cannot_read_are_named(tmp_path):
    patterns = {"stimulus": ["Käse", "b", "c", "d"]}
    with pytest.raises(StudyError, match=r"ours.hdf5: found the stimulus 'Käse', expected ASCII letters"):
        rsatoolbox_files.write_rdms(tmp_path / "ours.hdf5", VECTORS, POINTS, patterns, {}, "correlation")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(monkeypatch, tmp_path):
    find = builtins.__import__

    def without(name, *rest):
        if name.startswith(("h5py", "rsatoolbox")):
            raise ImportError
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    patterns = {"stimulus": list("abcd")}
    with pytest.raises(StudyError, match="h5py, which is not installed; run pip install -r requirements-rsatoolbox"):
        rsatoolbox_files.write_rdms(tmp_path / "ours.hdf5", VECTORS, POINTS, patterns, {}, "correlation")
    with pytest.raises(StudyError, match="rsatoolbox is not installed"):
        rsatoolbox_files.as_rdms(VECTORS, POINTS, patterns, {}, "correlation")
