"""Stimuli: the images that every network sees (methods 1).

From a data set, they are the first `per_category` test images of each category in file order, stacked by category. From
a folder of the user's, they are the first images of each category, which is one folder or several.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from manyseeds.data.image_folder import Files, Remarks, list_categories, list_test_images
from manyseeds.errors import StudyError


def stimuli_from_test_images(index: pd.DataFrame, categories: Sequence[str], per_category: int) -> pd.DataFrame:
    """Choose stimuli among a data set's test images.

    Parameters
    ----------
    index
        The data set's index, one row per image (`data.dataset.index_table`).
    categories
        Names of all categories.
    per_category
        Number of images of each category.

    Returns
    -------
    DataFrame
        One row per stimulus: stimulus (0 …), category, category_name, test_position (in the test images), source,
        source_index, lossless.

    Raises
    ------
    StudyError
        If a category has fewer test images.
    """
    test = index[index["split"] == "test"].rename(columns={"position": "test_position"})
    counts = np.bincount(test["category"], minlength=len(categories))
    _check_counts(dict(zip(categories, counts.tolist(), strict=True)), per_category, "test images")
    # A stable sort keeps file order within each category.
    chosen = test.groupby("category", sort=False).head(per_category).sort_values("category", kind="stable")
    return _as_stimuli(chosen)


def stimuli_from_folder(
    root: Path,
    per_category: int,
    categories: Mapping[str, Sequence[str]] | None = None,
    remarks: Remarks | None = None,
) -> tuple[pd.DataFrame, list[Path]]:
    """Choose stimuli among the images of a folder of folders.

    Parameters
    ----------
    root
        A folder that holds one folder for each category, or several mapped to one.
    per_category
        Number of images of each category.
    categories
        Category name -> names of its folders, whose images follow each other in this order. If None, every folder is a
        category of its own.
    remarks
        Receives the images that are left out.

    Returns
    -------
    stimuli : DataFrame
        As from `stimuli_from_test_images`, with test_position and lossless null.
    paths : list of Path
        The images' files, in the same order.

    Raises
    ------
    StudyError
        If the root or a named folder is missing, there is only one category, or a category has fewer images.
    """
    root = Path(root)
    if not root.is_dir():
        raise StudyError(f"stimuli.root: {root} is not a folder; expected a folder with one folder per category.")
    files = _map_folders(root, list_categories(root, remarks), categories)
    if categories is None and len(files) < 2:
        raise StudyError(f"stimuli.root: {root} has only the category {next(iter(files))!r}, expected at least 2.")
    return _first_of(files, root, per_category)


def stimuli_of_image_folder(root: Path, per_category: int) -> pd.DataFrame:
    """Return the stimuli that `stimuli_from_test_images` will choose, before a folder of images is packed.

    Parameters
    ----------
    root
        Folder of `data.root`.

    Returns
    -------
    DataFrame
        As from `stimuli_from_folder`; sources are paths from the root.

    Raises
    ------
    StudyError
        As `list_test_images`, or if a category has fewer test images.
    """
    return _first_of(list_test_images(root, "data.root"), root, per_category)[0]


def _first_of(files: Files, root: Path, per_category: int) -> tuple[pd.DataFrame, list[Path]]:
    """Return the first images of each category as stimuli, and their paths."""
    _check_counts({name: len(paths) for name, paths in files.items()}, per_category, f"images in {root}")
    paths = [path for category in files.values() for path in category[:per_category]]
    chosen = pd.DataFrame(
        {
            "category": np.repeat(np.arange(len(files)), per_category),
            "category_name": np.repeat(np.array(list(files), dtype=object), per_category),
            "test_position": pd.array([None] * len(paths), dtype="Int64"),
            "source": [path.relative_to(root).as_posix() for path in paths],
            "source_index": 0,
            "lossless": pd.array([None] * len(paths), dtype="boolean"),
        }
    )
    return _as_stimuli(chosen), paths


def _map_folders(
    root: Path, folders: dict[str, list[Path]], categories: Mapping[str, Sequence[str]] | None
) -> dict[str, list[Path]]:
    """Return the images of each category, given the images of each folder."""
    if categories is None:
        return folders
    for category, names in categories.items():
        for name in names:
            if name not in folders:
                raise StudyError(f"stimuli.categories: folder {name!r} of category {category!r} is not in {root}.")
    return {category: [path for name in names for path in folders[name]] for category, names in categories.items()}


def _check_counts(counts: Mapping[str, int], per_category: int, what: str) -> None:
    """Check that every category has enough images; the error names the smallest category."""
    smallest = min(counts, key=counts.__getitem__)
    if per_category > counts[smallest]:
        raise StudyError(
            f"stimuli.per_category is {per_category}, but category {smallest!r} has {counts[smallest]} {what}; "
            f"expected at most {counts[smallest]}."
        )


def _as_stimuli(chosen: pd.DataFrame) -> pd.DataFrame:
    columns = ["category", "category_name", "test_position", "source", "source_index", "lossless"]
    stimuli = chosen[columns].reset_index(drop=True)
    stimuli.insert(0, "stimulus", np.arange(len(stimuli)))
    return stimuli.astype({"test_position": "Int64", "lossless": "boolean"})
