"""RDMs from outside, in every form in which they come."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import squareform

from manyseeds.errors import StudyError
from manyseeds.exchange import outside_files, rsatoolbox_files
from manyseeds.study.user_folders import tables_beside

NAMES = list("abcdef")
VECTORS = np.random.default_rng(0).random((3, 15))
SQUARES = np.stack([squareform(each) for each in VECTORS])


def write_npy(folder, values, names=tuple(NAMES)):
    np.save(folder / "brain.npy", values)
    (folder / "brain.csv").write_text("\n".join(["stimulus,area", *(f"{name},1" for name in names)]))
    return folder / "brain.npy"


def long_table(vectors):
    first, second = np.triu_indices(6, 1)
    rows = pd.DataFrame({"stimulus_a": np.array(NAMES)[first], "stimulus_b": np.array(NAMES)[second]})
    frames = [rows.assign(dissimilarity=vector, subject=f"s{place}") for place, vector in enumerate(vectors)]
    return pd.concat(frames)


@pytest.mark.parametrize(
    ("values", "n_subjects"), [(SQUARES[0], 1), (SQUARES, 3), (VECTORS[0], 1), (VECTORS, 3)], ids=str
)
def test_arrays_are_square_or_condensed_of_one_or_several_subjects(values, n_subjects, tmp_path):
    found = outside_files.read_outside(write_npy(tmp_path, values))
    assert found.names == tuple(NAMES)
    assert found.subjects == tuple(str(place) for place in range(n_subjects))
    np.testing.assert_array_equal(found.vectors, VECTORS[:n_subjects])


def test_subjects_of_an_array_are_named_by_a_table_beside_it(tmp_path):
    path = write_npy(tmp_path, VECTORS)
    (tmp_path / "brain_subjects.csv").write_text("subject\nann\nbob\ncat\n")
    assert outside_files.read_outside(path).subjects == ("ann", "bob", "cat")
    assert tables_beside(path) == [tmp_path / "brain.csv", tmp_path / "brain_subjects.csv"]
    (tmp_path / "brain_subjects.csv").write_text("subject\nann\n")
    with pytest.raises(StudyError, match=r"brain\.npy: found 1 subjects, expected 3, one for each RDM\."):
        outside_files.read_outside(path)


def test_tables_are_square_or_have_a_row_for_each_pair(tmp_path):
    square = tmp_path / "square.csv"
    pd.DataFrame(SQUARES[0], NAMES, NAMES).to_csv(square)
    np.testing.assert_allclose(outside_files.read_outside(square).vectors, VECTORS[:1], rtol=1e-12)
    long = tmp_path / "long.csv"
    long_table(VECTORS[:2]).sample(frac=1, random_state=0).to_csv(long, index=False)
    found = outside_files.read_outside(long)
    order = [found.names.index(name) for name in NAMES]
    by_subject = dict(zip(found.subjects, found.of_stimuli(order), strict=True))
    np.testing.assert_allclose([by_subject["s0"], by_subject["s1"]], VECTORS[:2], rtol=1e-12)
    long_table(VECTORS[:1]).iloc[1:].drop(columns="subject").to_csv(long, index=False)
    found = outside_files.read_outside(long)  # without a, b
    assert np.isnan(found.vectors).sum() == 1
    assert found.subjects == ("0",)


def test_files_of_rsatoolbox_have_names_and_subjects(tmp_path):
    path = tmp_path / "brain.h5"
    points = pd.DataFrame({"subject": ["s1", "s2", "s3"]})
    rsatoolbox_files.write_rdms(path, VECTORS, points, {"stimulus": NAMES, "image": list("uvwxyz")}, {}, "correlation")
    found = outside_files.read_outside(path)
    assert found.names == tuple(NAMES)
    assert found.subjects == ("s1", "s2", "s3")
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert outside_files.read_outside(path, "image").names == tuple("uvwxyz")
    with pytest.raises(
        StudyError, match="found the descriptors image, index, stimulus of patterns, expected one named"
    ):
        outside_files.read_outside(path, "file")


def test_several_rdms_of_one_subject_are_refused(tmp_path):
    """Each row would count as another subject: ceilings and numbers of subjects would be wrong."""
    path, six = tmp_path / "brain.hdf5", np.concatenate([VECTORS, VECTORS])

    def write(**descriptors):
        rsatoolbox_files.write_rdms(path, six, pd.DataFrame(descriptors), {"stimulus": NAMES}, {}, "correlation")
        return path

    of_regions = {"roi": ["V1"] * 3 + ["IT"] * 3, "task": ["view"] * 6}
    with pytest.raises(StudyError, match=r"found 2 RDMs of the subject 's1', expected one of each\. Its .* in roi\.$"):
        outside_files.read_outside(write(subject=["s1", "s2", "s3"] * 2, **of_regions))
    own_export = {"seed": [1, 2, 3] * 2, "epoch": [5] * 6, "layer": ["conv1"] * 3 + ["fc"] * 3}
    with pytest.raises(StudyError, match="differ in layer, seed, without a descriptor subject; expected one RDM of"):
        outside_files.read_outside(write(**own_export))
    assert outside_files.read_outside(write(session=list("uvwxyz"), task=["view"] * 6)).subjects == tuple("012345")
    array = write_npy(tmp_path, VECTORS)
    (tmp_path / "brain_subjects.csv").write_text("subject\nann\nbob\nann\n")
    with pytest.raises(
        StudyError, match=r"brain_subjects\.csv: found 2 RDMs of the subject 'ann', expected one of each"
    ):
        outside_files.read_outside(array)


ASYMMETRIC = SQUARES[0].copy()
ASYMMETRIC[1, 3] = 7.0
ON_DIAGONAL = SQUARES[0] + np.eye(6)


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        (ASYMMETRIC, NAMES, r"found .* at rows . and .; expected a symmetric matrix"),
        (ON_DIAGONAL, NAMES, "found 1 on the diagonal, expected 0 or NaN"),
        (SQUARES[0][:5], NAMES, r"shape \(5, 6\), expected \(6, 6\) or \(15,\) for 6 stimuli"),
        (VECTORS[0][:14], NAMES, r"shape \(14,\), expected"),
        (np.array(["x"] * 15), NAMES, "not an array of numbers"),
        (VECTORS[0], list("abcdea"), "found the stimulus 'a' twice; expected each name once"),
        (VECTORS[0] * np.nan, NAMES, "found no finite dissimilarity"),
        (np.array([None, {}]), NAMES, "not a complete NPY array of numbers"),
    ],
)
def test_wrong_arrays_get_one_sentence(values, names, words, tmp_path):
    with pytest.raises(StudyError, match=words) as problem:
        outside_files.read_outside(write_npy(tmp_path, values, names))
    assert "brain.npy" in str(problem.value)


def test_wrong_files_get_one_sentence(tmp_path):
    def refused(name, words, text=None):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(StudyError, match=words):
            outside_files.read_outside(tmp_path / name)

    refused("brain.pkl", "because unpickling a file runs its code", "")
    refused("brain.mat", "found .mat, expected .npy, .csv, .hdf5, .h5", "")
    refused("gone.csv", "is missing; expected a file of RDMs")
    refused("brain.h5", "not a complete file of rsatoolbox", "not one")
    refused("brain.csv", "the first column does not have the names of the header", ",a,b\nb,0,1\na,1,0\n")
    refused("brain.csv", "found 'x', expected a number", ",a,b\na,0,x\nb,1,0\n")
    twice = "stimulus_a,stimulus_b,dissimilarity\na,b,1\nb,a,2\n"
    refused("brain.csv", "found the pair 'b', 'a' with two dissimilarities", twice)
    np.save(tmp_path / "alone.npy", VECTORS)
    refused("alone.npy", r"alone.csv is missing; expected a table with the columns stimulus")


def outside(names):
    return outside_files.OutsideRdms(tuple(names), np.zeros((1, 3)), ("0",))


def test_stimuli_are_matched_by_name_in_the_order_of_the_study():
    match = outside_files.match_names(list("abcdefg"), outside("gfxedcb"), "brain.npy")
    assert match.of_study == [1, 2, 3, 4, 5, 6]
    assert match.of_file == [6, 5, 4, 3, 1, 0]
    assert match.sentence("brain.npy") == "brain.npy: stimuli without a match: 1 of the study (a), 1 of the file (x)."
    assert outside_files.match_names(list("abcde"), outside("edcba"), "").sentence("brain.npy") is None


def test_names_that_do_not_match_are_refused():
    with pytest.raises(
        StudyError, match=r"2 of its 3 names are names of stimuli, expected at least 5\. The study's are"
    ):
        outside_files.match_names(list("abcdefg"), outside("abA"), "brain.npy")
    with pytest.raises(StudyError, match="two stimuli of the study are called 'a'; name another column"):
        outside_files.match_names(list("abcdea"), outside("abcde"), "brain.npy")


def test_the_order_of_the_file_does_not_matter():
    rng = np.random.default_rng(1)
    order = rng.permutation(6)
    shuffled = outside_files.OutsideRdms(
        tuple(np.array(NAMES)[order]),
        np.stack([squareform(each[np.ix_(order, order)]) for each in SQUARES]),
        tuple("123"),
    )
    match = outside_files.match_names(NAMES, shuffled, "brain.npy")
    np.testing.assert_array_equal(shuffled.of_stimuli(match.of_file), VECTORS)
