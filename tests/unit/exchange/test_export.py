"""Exported networks: what is kept of them, how far rounding moves it, and that nothing else is taken for it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from places import ROOT

from manyseeds.errors import StudyError
from manyseeds.exchange import export, readme
from manyseeds.io import tables, tensors
from manyseeds.study.instances import Instance

IDENTITY = {"architecture": "net", "condition": "baseline", "seed": 3}
SCHEMAS = {
    name: tables.read_schema(ROOT / f"workflow_scripts/manyseeds/schemas/tables/{name}.schema.json")
    for name in export.TABLES
}
WEIGHTS = {
    "conv.weight": np.random.default_rng(0).standard_normal((3, 2, 3, 3)).astype(np.float32),
    "conv.bias": np.array([1e-6, 2.0, 1e6], np.float32),
    "norm.steps": np.array(7),
}
METADATA = {"software": '{"torch": "2"}', "device": "cpu", "key": "k", "attempt": "1"}
SETTINGS, IMAGES = {"data": {"dataset": "digits"}}, {"training": "t", "stimuli": "s"}
ACTIVATIONS = {
    epoch: {layer: np.random.default_rng(epoch).standard_normal((4, 5)).astype(np.float32) for layer in ("a/b", "c")}
    for epoch in (1, 10)
}


def test_activations_that_declare_far_more_than_they_hold_are_not_read(folder, monkeypatch):
    """MB of zeros stand for GB."""
    monkeypatch.setattr(export, "check_file", lambda path: path)
    monkeypatch.setattr(export, "ROOMY", 10**6)
    path = folder / export.ACTIVATIONS
    np.savez_compressed(path, **{"epoch1/c": np.zeros((1000, 100))})
    assert dict(export.read_activations(path, [1], ["c"]))[1]["c"].shape == (1000, 100)  # 0.8 MB in 1 kB
    np.savez_compressed(path, **{"epoch1/c": np.zeros((1000, 2000))})
    sentence = (
        r"activations.npz: found 16,000,\d+ bytes compressed to 1\d,\d+, expected activations as an export writes"
    )
    with pytest.raises(StudyError, match=sentence):
        list(export.read_activations(path, [1], ["c"]))


@pytest.fixture
def folder(tmp_path) -> Path:
    """An exported instance, its first attempt collapsed."""
    folder = tmp_path / "net/baseline/seed3"
    tensors.write(folder / export.WEIGHTS, export.rounded_weights(WEIGHTS), METADATA)
    export.write_activations(folder / export.ACTIVATIONS, ACTIVATIONS)
    history = [
        {"attempt": attempt, "epoch": 1, "loss": 2.0, "accuracy": 0.5, "learning_rate": 0.1, "seconds": 60.04}
        for attempt in (0, 1)
    ]
    attempts = [
        {"attempt": 0, "outcome": "collapsed", "reason": "why", "loss": 3.0, "train_accuracy": 0.1},
        {"attempt": 1, "outcome": "accepted", "reason": None, "loss": 1.0, "train_accuracy": 0.75},
    ]
    accuracy = [
        {
            "epoch": epoch,
            "split": split,
            "subset": subset,
            "accuracy": epoch / 20 + (split == "train") / 4,
            "n_images": 9,
        }
        for epoch in (1, 10)
        for split, subset in (("train", "all"), ("test", "all"), ("test", "lossless"))
    ]
    for name, rows in (("history", history), ("attempts", attempts), ("accuracy", accuracy)):
        frame = pd.DataFrame(rows).assign(**IDENTITY)
        frame = frame.assign(n_categories_predicted=2) if name == "attempts" else frame
        tables.conform(frame, SCHEMAS[name]).to_parquet(folder / f"{name}.parquet")
    export.write_card(folder / "card.json", SETTINGS, IMAGES, METADATA, has_activations=True)
    return folder


# Rounding


@given(arrays(np.float32, (2, 3), elements=st.floats(-65000, 65000, width=32)))
def test_half_precision_is_off_by_no_more_than_half_a_unit_in_its_last_place(array):
    rounded = export.in_half_precision(array)
    assert rounded.dtype == np.float16
    error = np.abs(rounded.astype(np.float64) - array)
    assert (error <= np.maximum(np.abs(array) * 2.0**-11, 2.0**-25)).all()


@pytest.mark.parametrize("largest", [65536.0, 1e30])
def test_what_half_precision_cannot_hold_stays_as_it_is(largest):
    array = np.array([[1.1, largest]], np.float32)
    assert export.in_half_precision(array) is array


def test_weights_that_diverged_may_be_rounded():
    diverged = np.array([[1.0, np.inf, np.nan]], np.float32)
    np.testing.assert_array_equal(export.in_half_precision(diverged), diverged.astype(np.float16))


def test_only_matrices_and_kernels_are_rounded(folder):
    weights, metadata = export.read_exported_weights(folder / export.WEIGHTS)
    assert metadata == METADATA
    assert weights["conv.weight"].dtype == weights["conv.bias"].dtype == np.float32
    np.testing.assert_array_equal(weights["conv.weight"], WEIGHTS["conv.weight"].astype(np.float16))
    assert (weights["conv.weight"] != WEIGHTS["conv.weight"]).any()
    np.testing.assert_array_equal(weights["conv.bias"], WEIGHTS["conv.bias"])
    np.testing.assert_array_equal(weights["norm.steps"], 7)


def test_activations_are_kept_by_epoch_and_layer(folder):
    kept = dict(export.read_activations(folder / export.ACTIVATIONS, [10, 1], ["c", "a/b", "elsewhere"]))
    assert list(kept) == [10, 1]
    for epoch, layers in kept.items():
        assert list(layers) == ["c", "a/b"]
        for layer, array in layers.items():
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, ACTIVATIONS[epoch][layer].astype(np.float16))


def test_equal_activations_make_equal_files(tmp_path):
    for name in ("first.npz", "second.npz"):
        export.write_activations(tmp_path / name, ACTIVATIONS)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


@pytest.mark.parametrize(("epoch", "layer"), [(2, "c"), (1, "d")])
def test_activations_that_were_not_recorded_are_missed(folder, epoch, layer):
    with pytest.raises(StudyError, match=f"found no activations of {layer} at epoch {epoch}"):
        list(export.read_activations(folder / export.ACTIVATIONS, [epoch], [layer]))


# Cards


def test_a_card_tells_the_training_and_what_lies_beside_it(folder):
    card = json.loads((folder / "card.json").read_text())
    trained = {"software": {"torch": "2"}, "device": "cpu", "key": "k", "attempt": "1", "seconds": 120.1}
    assert card["trained"] == trained
    assert card["recorded"] == {"epochs": [1, 10], "layers": ["a/b", "c"]}
    assert sorted(card["files"]) == sorted(path.name for path in folder.iterdir() if path.name != "card.json")


def test_activations_of_an_earlier_training_are_not_taken_for_this_ones(folder):
    export.write_card(folder / "card.json", SETTINGS, IMAGES, METADATA, has_activations=False)
    card = json.loads((folder / "card.json").read_text())
    assert card["recorded"] == {"epochs": [], "layers": []}
    assert export.ACTIVATIONS not in card["files"]
    assert not (folder / export.ACTIVATIONS).exists()


def read(path: Path) -> None:
    """Read a file of an exported instance as a study does."""
    if path.name == export.WEIGHTS:
        export.read_exported_weights(path)
    elif path.name == export.ACTIVATIONS:
        list(export.read_activations(path, [1], ["c"]))
    else:
        export.read_table(path, SCHEMAS[path.stem], IDENTITY)


FILES = [export.WEIGHTS, export.ACTIVATIONS, *(f"{table}.parquet" for table in export.TABLES)]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_changed_is_named_and_not_read(folder, name):
    path = folder / name
    read(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StudyError, match=f"{name}: its contents have changed since it was exported"):
        read(path)
    path.unlink()
    with pytest.raises(StudyError, match=f"{name} is missing"):
        read(path)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_something_else_gets_one_sentence_though_its_card_knows_it(folder, name):
    path = folder / name
    path.write_bytes(b"something else")
    card = json.loads((folder / "card.json").read_text())
    card["files"][name] = export.digest(path)
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(StudyError, match=name):
        read(path)


def test_a_table_is_told_under_the_name_that_the_instance_has_here(folder):
    found = export.read_table(folder / "history.parquet", SCHEMAS["history"], IDENTITY | {"seed": 5})
    assert found["seed"].tolist() == [5, 5]
    assert list(found) == list(SCHEMAS["history"]["properties"])
    with pytest.raises(
        StudyError, match=r"history.parquet: expected the table accuracy of an instance \(table accuracy: missing"
    ):
        export.read_table(folder / "history.parquet", SCHEMAS["accuracy"], IDENTITY)


# Images


CARD = {"dataset": "digits", "categories": ["0", "1"], "image_shape": [2, 2, 1], "n_train": 3, "n_test": 9}
PIXELS, LABELS = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1), np.array([0, 1, 1])


def changed(array: np.ndarray) -> np.ndarray:
    other = array.copy()
    other.flat[-1] += 1
    return other


def test_the_same_training_images_are_known_again(tmp_path):
    about = export.about_data(CARD, PIXELS, LABELS)
    path = tmp_path / "data.json"
    path.write_text(json.dumps(about))
    export.check_data(export.about_data(CARD | {"n_test": 8}, PIXELS.copy(), LABELS), export.read_about(path), path)


@pytest.mark.parametrize(
    ("card", "pixels", "labels", "key"),
    [
        ({}, changed(PIXELS), LABELS, "train_digest"),
        ({}, PIXELS, changed(LABELS), "train_digest"),
        ({"dataset": "cifar10"}, PIXELS, LABELS, "dataset digits, found cifar10"),
        ({"categories": ["a", "b"]}, PIXELS, LABELS, "categories"),
    ],
)
def test_other_training_images_are_refused(card, pixels, labels, key):
    expected = export.about_data(CARD, PIXELS, LABELS)
    with pytest.raises(StudyError, match=f"trained on other images than the study has: expected {key}"):
        export.check_data(export.about_data(CARD | card, pixels, labels), expected, Path("data.json"))


@pytest.mark.parametrize("text", ["", "[]", '{"dataset": 1}', "[" * 100_000])
def test_a_page_that_tells_no_training_images_gets_one_sentence(tmp_path, text):
    path = tmp_path / "data.json"
    path.write_text(text)
    with pytest.raises(StudyError, match="does not describe the training images"):
        export.read_about(path)


STIMULI = pd.DataFrame(
    {"stimulus": range(4), "category_name": list("aabb"), "source": "test", "source_index": [3, 5, 0, 1], "other": 1.5}
)


@given(st.permutations(range(4)), st.integers(1, 4))
def test_stimuli_are_found_wherever_they_stood(order, n):
    chosen = STIMULI.iloc[order[:n]]
    assert export.places(STIMULI, chosen).tolist() == order[:n]


def test_a_stimulus_that_was_not_recorded_is_named():
    others = STIMULI.assign(source_index=[3, 5, 0, 2])
    with pytest.raises(StudyError, match=r"^Stimulus 3 \(image 2 of test\) is not among the stimuli recorded"):
        export.places(STIMULI, others)


def test_stimuli_are_told_with_a_digest_of_their_pixels(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (4, 2, 2, 1), dtype=np.uint8)
    images[2] = images[0]
    export.with_pixels(STIMULI, images).to_parquet(tmp_path / "stimuli.parquet")
    digests = export.read_recorded_stimuli(tmp_path / "stimuli.parquet")["sha256"]
    assert digests[0] == digests[2]
    assert digests.nunique() == 3
    STIMULI.to_parquet(tmp_path / "without.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    for name in ("without", "broken", "missing"):
        with pytest.raises(StudyError, match="is not a table of stimuli"):
            export.read_recorded_stimuli(tmp_path / f"{name}.parquet")


def test_networks_of_other_images_are_told_where_exports_were_put_together():
    table = STIMULI.assign(sha256=list("wxyz"))
    found = export.about_images({"train_digest": "t"}, table)
    assert found == export.about_images({"train_digest": "t"}, table.drop(columns=["other"]))
    other_stimuli = export.about_images({"train_digest": "t"}, table.assign(sha256=list("wxyy")))
    other_training = export.about_images({"train_digest": "u"}, table)
    export.check_images(found, {"a": found, "b": dict(found)}, followed=True)
    export.check_images(found, {"a": found, "b": other_stimuli}, followed=False)
    with pytest.raises(StudyError, match=r"^b: the network was probed with other stimuli than those beside it"):
        export.check_images(found, {"a": found, "b": other_stimuli}, followed=True)
    for followed in (False, True):
        with pytest.raises(StudyError, match=r"^b: the network was trained on other images than those beside it"):
            export.check_images(found, {"a": found, "b": other_training}, followed=followed)


def test_other_copies_of_the_same_stimuli_are_counted():
    recorded = STIMULI.assign(sha256=list("wxyz"))
    assert export.about_pixels(recorded, recorded.iloc[[3, 1]]) is None
    assert export.about_pixels(recorded, recorded.assign(source="elsewhere", sha256="")) is None  # others altogether
    note = export.about_pixels(recorded, recorded.assign(sha256=list("wxab")).iloc[1:])
    assert note.startswith("2 of 3 stimuli have other pixels here")


def test_answers_are_compared_with_those_recorded():
    answers = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
    noise = np.random.default_rng(1).standard_normal(answers.shape)
    expected = np.corrcoef(answers.ravel(), (answers + 0.1 * noise).ravel())[0, 1]
    assert export.check_agreement(answers, answers + 0.1 * noise, "conv9") == pytest.approx(expected)
    assert np.isnan(export.check_agreement(np.zeros((3, 2)), np.zeros((3, 2)), "a dead layer"))
    with pytest.raises(
        StudyError, match=r"conv9: the network's activations differ .* \(r = -?0.\d\d, expected at least 0.9\)"
    ):
        export.check_agreement(answers, noise, "conv9")
    for dead in (np.zeros_like(answers), np.full_like(answers, np.nan)):
        for pair in ((answers, dead), (dead, answers)):
            with pytest.raises(StudyError, match="activations differ from those before its export"):
                export.check_agreement(*pair, "half dead")
    with pytest.raises(StudyError, match="expected 6 units, as recorded, found 7"):
        export.check_agreement(answers, answers[:, :6], "conv9")


# The page


def test_the_page_tells_each_network(folder):
    page = readme.page("mine", {Instance("net", "baseline", 3): folder})
    assert "| `net/baseline/seed3` | 2 | accepted | 75.0 % | 50.0 % | 50.0 % | 2.0 |" in page
    assert "# Exported networks: mine\n" in page
    assert "\nOne network, trained as" in page
    assert "Trained with torch 2, on cpu." in page
    assert "{" not in page


@pytest.mark.parametrize(
    ("instances", "analysed"),
    [
        ([("net", "baseline", 3)], False),
        ([("net", "baseline", 3), ("net", "dropout", 3), ("other", "baseline", 4)], False),
        ([("net", "baseline", 3), ("net", "dropout", 3), ("net", "dropout", 4)], True),
    ],
)
def test_the_page_says_how_to_analyse_only_what_the_workflow_can_compare(folder, instances, analysed):
    page = readme.page("mine", {Instance(*each): folder for each in instances})
    assert ("pretrained_dir=DIR" in page) == analysed
    assert ("no condition has two" in page.replace("\n", " ")) == (not analysed)


def test_the_page_tells_which_networks_collapsed(folder):
    attempts = pd.read_parquet(folder / "attempts.parquet")
    attempts.assign(outcome="collapsed").to_parquet(folder / "attempts.parquet")
    page = readme.page("mine", {Instance("net", "baseline", seed): folder for seed in (10, 9)})
    assert "\n2 networks, 2 of them collapsed, trained as" in page
    assert page.index("| `net/baseline/seed9` | 2 | collapsed |") < page.index(
        "| `net/baseline/seed10` | 2 | collapsed |"
    )


def test_weights_of_rejected_attempts_are_exported_listed_on_the_card_and_imported(folder, tmp_path):
    source, imported = tmp_path / "networks", tmp_path / "imported"
    tensors.write(source / "rejected0.safetensors", WEIGHTS, METADATA)
    (folder / "rejected3.safetensors").touch()  # of an earlier training
    export.copy_rejected(source, folder)
    export.write_card(folder / "card.json", SETTINGS, IMAGES, METADATA, has_activations=True)
    files = json.loads((folder / "card.json").read_text())["files"]
    assert [name for name in files if name.startswith("rejected")] == ["rejected0.safetensors"]
    found, metadata = export.read_exported_weights(folder / "rejected0.safetensors")
    assert metadata == METADATA
    for name, array in export.in_single_precision(export.rounded_weights(WEIGHTS)).items():
        np.testing.assert_array_equal(found[name], array)
    imported.mkdir()
    (imported / "rejected3.safetensors").touch()
    export.import_rejected(folder, imported)
    assert [path.name for path in imported.iterdir()] == ["rejected0.safetensors"]
    assert tensors.read(imported / "rejected0.safetensors")[0].keys() == WEIGHTS.keys()
    (folder / "rejected0.safetensors").write_bytes(b"other")
    with pytest.raises(StudyError, match="contents have changed"):
        export.import_rejected(folder, imported)
