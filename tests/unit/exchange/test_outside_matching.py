"""RDMs from outside matched with the stimuli of a study, and what is refused of them."""

import numpy as np
import pandas as pd
import pytest
from configs import study
from own_folders import own_activations
from PIL import Image
from scipy.spatial.distance import squareform

from manyseeds.comparison.outside import load_outside, save_outside
from manyseeds.errors import StudyError
from manyseeds.exchange.outside_matching import check_files, matched, names_of, planned_names

NAMES = [f"s{place}" for place in range(8)]
VECTORS = np.random.default_rng(0).random((3, 28))


def write(folder, name="brain", values=VECTORS, names=NAMES):
    np.save(folder / f"{name}.npy", values)
    (folder / f"{name}.csv").write_text("\n".join(["stimulus", *names]))
    return {"name": name, "path": str(folder / f"{name}.npy"), "kind": "brain", "squared": False}


def test_stimuli_are_in_the_order_of_the_study_whatever_the_file_has(tmp_path):
    order = np.random.default_rng(1).permutation(8)
    wanted = ["other", *(NAMES[place] for place in order[:6])]
    theirs, remarks = matched(write(tmp_path), "stimulus", wanted)
    np.testing.assert_array_equal(theirs.places, np.arange(1, 7))
    square = squareform(VECTORS[1])[np.ix_(order[:6], order[:6])]
    np.testing.assert_array_equal(theirs.vectors[1], squareform(square))
    assert (theirs.name, theirs.kind, theirs.is_squared, len(theirs.subjects)) == ("brain", "brain", False, 3)
    assert len(remarks) == 1
    assert "1 of the study (other), 2 of the file" in remarks[0]
    save_outside(tmp_path / "it.npz", theirs)
    again = load_outside(tmp_path / "it.npz")
    assert (again.name, again.kind, again.is_squared, again.subjects) == ("brain", "brain", False, theirs.subjects)
    np.testing.assert_array_equal(again.vectors, theirs.vectors)
    np.testing.assert_array_equal(again.places, theirs.places)


def test_undefined_and_constant_dissimilarities_are_told(tmp_path):
    values = VECTORS.copy()
    values[0], values[1, :3] = 0.5, np.nan
    _, remarks = matched(write(tmp_path, values=values), "stimulus", NAMES)
    path = tmp_path / "brain.npy"
    assert remarks == [
        f"{path}: all dissimilarities are equal, so nothing agrees with them: subject 0.",
        f"{path}: 3 of 84 dissimilarities are undefined and left out.",
    ]


def test_names_of_stimuli_are_those_of_files_or_of_another_column(tmp_path):
    table = pd.DataFrame({"category_name": ["cat"] * 2, "category": 0, "source": ["a/x.png", "b/y.png"], "part": None})
    path = tmp_path / "stimuli.parquet"
    table.to_parquet(path)
    assert names_of(path, "stimulus") == ["x", "y"]
    assert names_of(path, "source") == ["a/x.png", "b/y.png"]
    for column in ("part", "lost"):
        with pytest.raises(StudyError, match=f"outside.column: found '{column}', expected one of category_name, cat"):
            names_of(path, column)
    csv = tmp_path / "stimuli.csv"
    csv.write_text("stimulus,area\na,b\n")
    assert names_of(csv, "area") == ["b"]


def test_names_are_known_while_planning_where_files_or_the_data_set_tell_them(tmp_path):
    assert planned_names(study(stimuli={"per_category": 2}))[:3] == ["0/0", "0/1", "1/0"]
    assert planned_names(study(data={"dataset": "cifar10"}))[100] == "automobile/0"
    lost = study(data={"dataset": "image_folder", "root": str(tmp_path / "lost")})
    assert planned_names(lost) is None
    for split in ("train", "val"):
        for category in ("cat", "dog"):
            (tmp_path / "photographs" / split / category).mkdir(parents=True)
            for place in (1, 2):
                name = f"photographs/{split}/{category}/{split}_{category}{place}.png"
                Image.new("L", (8, 8)).save(tmp_path / name)
    data = {"dataset": "image_folder", "root": str(tmp_path / "photographs")}
    of_test = study(data=data, stimuli={"per_category": 2})
    assert planned_names(of_test) == ["val_cat1", "val_cat2", "val_dog1", "val_dog2"]
    for category in ("cat", "dog"):
        (tmp_path / "images" / category).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / f"images/{category}/{category}1.png")
        Image.new("L", (8, 8)).save(tmp_path / f"images/{category}/{category}2.png")
    of_folder = study(stimuli={"root": str(tmp_path / "images"), "per_category": 2})
    assert planned_names(of_folder) == ["cat1", "cat2", "dog1", "dog2"]
    own = own_activations(tmp_path / "own")
    (tmp_path / "own/stimuli.csv").write_text("stimulus,category\na,x\nb,y\n")
    assert planned_names(study(**own)) == ["a", "b"]


def test_all_mistakes_in_files_are_told_while_planning(tmp_path):
    for name, change in (("few", NAMES[:4]), ("brain", NAMES)):
        write(tmp_path, name, VECTORS[0, :6] if name == "few" else VECTORS, change)
    negative = write(tmp_path, "negative", VECTORS - 0.5, [f"0/{place}" for place in range(8)])
    (tmp_path / "it.pkl").touch()
    entries = [
        {"name": "few", "path": str(tmp_path / "few.npy")},
        {"name": "brain", "path": str(tmp_path / "brain.npy")},
        {**negative, "squared": True},
        {"name": "pickled", "path": str(tmp_path / "it.pkl")},
        {"name": "lost", "path": str(tmp_path / "lost.csv")},
    ]
    with pytest.raises(StudyError) as caught:
        check_files(study(outside={"files": entries}))
    told = str(caught.value)
    assert told.startswith("Found 5 mistakes in the RDMs from outside: (1) ")
    assert "0 of its 4 names are names of stimuli, expected at least 5. The study's are such as 0/0, 0/1" in told
    assert "expected none below 0, because outside.files says `squared: true` of negative." in told
    assert "found .pkl, expected .npy, .csv, .hdf5, .h5, because unpickling a file runs its code." in told
    assert f"{tmp_path}/lost.csv is missing; expected a file of RDMs." in told
    with pytest.raises(StudyError, match=r"^[^(]*it\.pkl: found \.pkl"):
        check_files(study(outside={"files": entries[3:4]}))
    assert check_files(study()) == []


@pytest.mark.parametrize(
    ("outside", "sentence"),
    [
        ({"files": [{"name": "it", "path": "a.npy"}] * 2}, "outside.files: the name 'it' occurs twice"),
        ({"files": [{"name": "pixels", "path": "a.npy"}]}, "found the name pixels, which a built-in RDM has"),
        ({"files": [{"name": "it", "path": "{a}.npy"}]}, "expected a path without {, }, < and >"),
        ({"files": [{"name": "it", "path": "results/digits/x.npy"}]}, "expected a file outside the study's own"),
        (
            {"files": [{"name": "it", "path": "a.npy"}], "comparisons": ["whitened_cosine"]},
            "found whitened_cosine, which compares squared distances, and it of outside.files is not `squared: true`",
        ),
        ({"files": [{"name": "it"}]}, "outside.files"),
        ({"layers": ["conv77"]}, "outside.layers: found conv77, expected at least one of conv1"),
        ({"conditions": ["lost"]}, "outside.conditions: found 'lost', expected one of baseline"),
        ({"comparisons": ["cka"]}, "outside.comparisons"),
    ],
)
def test_what_the_config_says_wrongly_is_refused(outside, sentence):
    with pytest.raises(StudyError) as caught:
        study(outside=outside)
    assert sentence in str(caught.value)


def test_own_activations_have_no_pixels_and_may_have_no_categories(tmp_path):
    own = own_activations(tmp_path)
    (tmp_path / "stimuli.csv").write_text("stimulus\n")
    assert study(**own).built_in == ()
    assert study(**own).outside_groups == ()
    assert study(**own, outside={"files": [{"name": "it", "path": "a.npy"}]}).outside_groups
    (tmp_path / "stimuli.csv").write_text("stimulus,category\n")
    assert study(**own).built_in == ("categories",)
    assert study().built_in == ("pixels", "categories")


def test_paths_of_a_users_files_are_not_exported():
    exported = study(outside={"files": [{"name": "it", "path": "a.npy"}]}).portable_config
    assert "files" not in exported["outside"]
    assert exported["outside"]["built_in"] == ["pixels", "categories"]
