"""Stimuli: the first images of each category in file order, stacked by category."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from manyseeds.data.dataset import index_table
from manyseeds.data.image_folder import load_image_folder
from manyseeds.data.stimuli import stimuli_from_folder, stimuli_from_test_images, stimuli_of_image_folder
from manyseeds.errors import StudyError


def made_index(labels):
    """An index of a few training images and of test images with given labels."""
    labels = np.asarray([2, 2, *labels])
    return pd.DataFrame(
        {
            "split": ["train"] * 2 + ["test"] * (len(labels) - 2),
            "position": [0, 1, *range(len(labels) - 2)],
            "category": labels,
            "category_name": np.array(["a", "b", "c"])[labels],
            "source": "file",
            "source_index": np.arange(len(labels)),
            "lossless": pd.array([True] * len(labels), dtype="boolean"),
        }
    )


def test_the_first_of_each_category_are_stacked_by_category():
    labels = [2, 0, 1, 1, 0, 2, 0, 1, 2, 2]
    stimuli = stimuli_from_test_images(made_index(labels), ["a", "b", "c"], 2)
    assert stimuli["test_position"].tolist() == [1, 4, 2, 3, 0, 5]
    assert stimuli["category"].tolist() == [0, 0, 1, 1, 2, 2]
    assert stimuli["category_name"].tolist() == list("aabbcc")
    assert stimuli["stimulus"].tolist() == list(range(6))
    assert stimuli["source_index"].tolist() == [3, 6, 4, 5, 2, 7]


def test_many_images_keep_file_order():
    labels = np.random.default_rng(0).integers(0, 3, 5000)
    stimuli = stimuli_from_test_images(made_index(labels), ["a", "b", "c"], 1000)
    for category in range(3):
        expected = [position for position, label in enumerate(labels) if label == category][:1000]
        assert stimuli[stimuli["category"] == category]["test_position"].tolist() == expected


def test_more_stimuli_than_there_are_name_key_category_and_count():
    with pytest.raises(StudyError, match=r"stimuli\.per_category is 3, but category 'b' has 2 test images"):
        stimuli_from_test_images(made_index([0, 0, 0, 1, 1, 2, 2, 2]), ["a", "b", "c"], 3)
    with pytest.raises(StudyError, match=r"category 'b' has 0 test images"):
        stimuli_from_test_images(made_index([0, 2]), ["a", "b", "c"], 1)


@pytest.fixture
def folders(tmp_path):
    for folder in ("n01", "n02", "n03"):
        (tmp_path / folder).mkdir()
        for k in range(3):
            Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(tmp_path / folder / f"{k}.png")
    return tmp_path


def test_stimuli_of_an_image_folder_are_known_before_it_is_packed(tmp_path):
    for place in ("train/cat", "train/dog", "test/cat", "test/dog/deep"):
        (tmp_path / place).mkdir(parents=True)
        for k in (10, 2, 1):
            Image.new("L", (8, 8)).save(tmp_path / place / f"{k}.png")
    packed = load_image_folder(tmp_path, 8)
    expected = stimuli_from_test_images(index_table(packed), packed.categories, 2)
    known = ["stimulus", "category", "category_name", "source", "source_index"]
    pd.testing.assert_frame_equal(stimuli_of_image_folder(tmp_path, 2)[known], expected[known], check_dtype=False)
    with pytest.raises(
        StudyError, match=r"per_category is 4, but category 'cat' has 3 images in .*; expected at most 3"
    ):
        stimuli_of_image_folder(tmp_path, 4)
    with pytest.raises(StudyError, match=r"data\.root: .*lost is not an image folder"):
        stimuli_of_image_folder(tmp_path / "lost", 4)


def test_folders_are_categories_or_parts_of_one(folders):
    stimuli, paths = stimuli_from_folder(folders, 2)
    assert stimuli["category_name"].tolist() == ["n01"] * 2 + ["n02"] * 2 + ["n03"] * 2
    assert [path.relative_to(folders).as_posix() for path in paths] == stimuli["source"].tolist()
    stimuli, _ = stimuli_from_folder(folders, 5, {"bird": ["n03", "n01"]})
    assert stimuli["source"].tolist() == ["n03/0.png", "n03/1.png", "n03/2.png", "n01/0.png", "n01/1.png"]
    assert stimuli["category"].tolist() == [0] * 5
    assert stimuli["test_position"].isna().all()


def test_folders_that_do_not_fit_are_refused(folders):
    with pytest.raises(StudyError, match=r"stimuli\.categories: folder 'n09' of category 'bird' is not in"):
        stimuli_from_folder(folders, 1, {"bird": ["n09"]})
    with pytest.raises(StudyError, match=r"stimuli\.per_category is 4, but category 'n01' has 3 images"):
        stimuli_from_folder(folders, 4)
    with pytest.raises(StudyError, match=r"stimuli\.root: .*nowhere is not a folder"):
        stimuli_from_folder(folders / "nowhere", 1)
