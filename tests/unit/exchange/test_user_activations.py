"""Activations that users bring: what is accepted, counted, and refused."""

import numpy as np
import pandas as pd
import pytest

from manyseeds.errors import StudyError
from manyseeds.exchange import user_activations
from manyseeds.representations.geometry import measure_geometry

STIMULI = 'stimulus,category\nrobin,bird\nwren,bird\npug,dog\nNA,"a, b"\n'


@pytest.fixture
def array() -> np.ndarray:
    values = np.random.default_rng(0).standard_normal((4, 2, 3)).astype(np.float32)
    values[1] = 0
    values[:, 1, 2] = 0
    return values


def test_stimuli_are_numbered_and_categories_in_order_of_appearance(tmp_path):
    (tmp_path / "stimuli.csv").write_text(STIMULI)
    stimuli = user_activations.read_user_stimuli(tmp_path / "stimuli.csv")
    assert stimuli["stimulus"].tolist() == [0, 1, 2, 3]
    assert stimuli["category"].tolist() == [0, 0, 1, 2]
    assert stimuli["category_name"].tolist() == ["bird", "bird", "dog", "a, b"]
    assert stimuli["source"].tolist() == ["robin", "wren", "pug", "NA"]
    assert stimuli["test_position"].isna().all()


def test_blanks_around_names_do_not_count_and_categories_of_one_stimulus_are_told(tmp_path):
    table = tmp_path / "stimuli.csv"
    table.write_text("stimulus,category\n robin ,bird\nwren,bird \npug,dog\t\npoodle,dog\n")
    stimuli = user_activations.read_user_stimuli(table)
    assert stimuli["source"].tolist() == ["robin", "wren", "pug", "poodle"]
    assert stimuli["category_name"].tolist() == ["bird", "bird", "dog", "dog"]
    assert user_activations.check_headers([], table) == []
    table.write_text("stimulus,category\nrobin,bird\nwren,brid\npug,dog\npoodle,dog\n")
    assert user_activations.check_headers([], table) == [
        f"{table}: 2 of 3 categories have one stimulus: bird, brid. Correct the names if they are mistyped."
    ]
    table.write_text("stimulus,category\na,x\na ,y\n")
    with pytest.raises(StudyError, match="rows 1 and 2 are the same stimulus, 'a'"):
        user_activations.read_user_stimuli(table)


def test_stimuli_need_no_categories(tmp_path):
    (tmp_path / "stimuli.csv").write_text("stimulus,label\nrobin,1\nwren,2\n")
    stimuli = user_activations.read_user_stimuli(tmp_path / "stimuli.csv")
    assert stimuli["source"].tolist() == ["robin", "wren"]
    assert stimuli["category"].tolist() == [0, 0]
    assert stimuli["category_name"].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "stimuli.csv is missing"),
        ("", "not a table"),
        ("stimulus,category\n", "found no row below the header"),
        ("stimulus,category\na,x,1\nb,y,2\n", "row 1 has 3 values, expected 2, one per column"),
        ("stimulus,category,category\na,x,y\n", "found the columns stimulus, category, category, expected one"),
        ("image,label\na,b\n", "found the columns image, label, expected one named stimulus"),
        ("stimulus,Category\na,b\n", "found the columns stimulus, Category, expected one named category"),
        ("stimulus,category\na,x\nb,\n", "row 2 has no category"),
        ("stimulus,category\na,x\nb,y\na,y\n", "rows 1 and 3 are the same stimulus, 'a'; expected each once"),
        ("stimulus,category\na,Dog\nb,dog\n", "the categories 'Dog' and 'dog' differ in case alone"),
        ("stimulus,category\na,x\nb,x\n", "found only the category 'x'"),
    ],
)
def test_wrong_stimuli_get_one_sentence(text, sentence, tmp_path):
    path = tmp_path / "stimuli.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StudyError, match=sentence):
        user_activations.read_user_stimuli(path)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("chunk", [1, 2**20])
def test_units_are_counted_block_by_block(array, order, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(user_activations, "CHUNK_BYTES", chunk)
    path = tmp_path / "conv1.npy"
    np.save(path, np.asarray(array, order=order))
    assert user_activations.count_units(path, 4) == 6


def test_layers_are_linked_in_order_and_the_arrays_left_alone(array, tmp_path):
    paths = [tmp_path / f"{layer}.npy" for layer in ("conv2", "conv1")]
    for path in paths:
        np.save(path, array)
    before = [path.read_bytes() for path in paths]
    index = user_activations.link_layers(paths, 4, tmp_path / "study")
    assert index[["layer", "layer_index"]].values.tolist() == [["conv2", 0], ["conv1", 1]]
    np.testing.assert_array_equal(np.load(tmp_path / "study" / "conv2.npy"), array)
    assert [path.read_bytes() for path in paths] == before


def not_finite(array):
    array[2, 1, 0] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda array: array[:3], "found 3 rows, expected 4, one for each row of stimuli.csv"),
        (not_finite, "found nan in row 2, unit 3; expected finite values"),
        (lambda array: array[:, 0, 0], r"found an array of shape \(4,\)"),
        (lambda array: array.astype(complex), "found values of type complex128, expected float16, float32, float64"),
        (lambda array: (array != 0) * (2**53 + 1), r"found 9007199254740993 in row 0, unit 0; expected integers up to"),
        (lambda array: (array != 0) * np.int64(-(2**53) - 1), "found -9007199254740993 in row 0, unit 0; expected"),
        (lambda array: array.astype(object), "not a complete NPY array of numbers"),
    ],
)
def test_wrong_arrays_get_one_sentence(change, sentence, array, tmp_path, monkeypatch):
    monkeypatch.setattr(user_activations, "CHUNK_BYTES", 30)
    path = tmp_path / "conv1.npy"
    np.save(path, change(array))
    with pytest.raises(StudyError, match=sentence) as caught:
        user_activations.count_units(path, 4)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("dtype", ["u1", "i1", "?", ">i4", "u8"])
def test_integers_are_taken_as_they_are_and_told_while_planning(dtype, array, tmp_path):
    path = tmp_path / "conv1.npy"
    values = (np.abs(array) * 99).astype(dtype)
    np.save(path, values)
    (tmp_path / "stimuli.csv").write_text(STIMULI)
    assert user_activations.check_headers([path], tmp_path / "stimuli.csv")[:-1] == [
        f"{tmp_path}: arrays of {values.dtype} (1) are read as float64, without loss."
    ]
    user_activations.link_layers([path], 4, tmp_path / "study")
    measured = measure_geometry(np.load(tmp_path / "study/conv1.npy", mmap_mode="r"), name="")
    expected = measure_geometry(values.astype(np.float64), name="")
    np.testing.assert_array_equal(measured.gram, expected.gram)
    np.testing.assert_array_equal(measured.squared_distances, expected.squared_distances)


def test_all_mistakes_in_headers_are_told_together_without_reading_values(array, tmp_path, monkeypatch):
    monkeypatch.setattr(user_activations, "_blocks", None)
    wrong = {"rows": array[:3], "complex": array.astype(complex), "flat": array[:, 0, 0], "right": array}
    paths = [tmp_path / f"{name}.npy" for name in wrong]
    for path, values in zip(paths, wrong.values(), strict=True):
        np.save(path, values)
    table = tmp_path / "stimuli.csv"
    table.write_text(STIMULI)
    assert len(user_activations.check_headers(paths[3:], table)) == 1  # on categories of one stimulus
    with pytest.raises(StudyError) as caught:
        user_activations.check_headers(paths, table)
    sentences = [
        f"Found 3 mistakes in your activations: (1) {paths[0]}: found 3 rows, expected 4, one for each row of",
        f"(2) {paths[1]}: found values of type complex128, expected float16",
        f"(3) {paths[2]}: found an array of shape (4,), expected stimuli x units.",
    ]
    assert all(sentence in str(caught.value) for sentence in sentences)
    with pytest.raises(StudyError) as caught:
        user_activations.check_headers(paths[:1], table)
    assert str(caught.value).startswith(f"{paths[0]}: found 3 rows")
    table.write_text("stimulus,category\n")
    with pytest.raises(StudyError, match=r"Found 2 mistakes .*\(1\) .*stimuli\.csv: found no row .*\(2\) .*complex"):
        user_activations.check_headers(paths[1:2], table)
    with pytest.raises(StudyError, match=r"\(10\) .* And 21 more\.$"):
        user_activations.check_headers(paths[1:2] * 30, table)


def test_a_truncated_array_gets_one_sentence(array, tmp_path):
    path = tmp_path / "conv1.npy"
    np.save(path, array)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(StudyError, match="not a complete NPY array"):
        user_activations.count_units(path, 4)


def test_the_index_has_the_columns_of_activations_recorded_here(array, tmp_path):
    torch = pytest.importorskip("torch")
    from manyseeds.representations import activations

    layer = torch.nn.Linear(3, 2)
    stimuli = np.zeros((4, 1, 1, 3), dtype=np.float32)
    module = torch.nn.Sequential(torch.nn.Flatten(), layer)
    recorded = activations.dump(module, {"fc": layer}, stimuli, tmp_path / "recorded", device=torch.device("cpu"))
    path = tmp_path / "fc.npy"
    np.save(path, np.load(tmp_path / "recorded" / "fc.npy"))
    linked = user_activations.link_layers([path], 4, tmp_path / "linked")
    pd.testing.assert_frame_equal(linked, recorded)
