"""The user's own activations: labels of their stimuli, and arrays that are checked before use."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.representations.layer_table import index_of
from manyseeds.study.names import alike
from manyseeds.study.user_folders import abridged, names_categories, read_columns

FLOATS = (np.float16, np.float32, np.float64)

EXACT = 2**53
"""Largest integer up to which float64 holds all integers."""

MOST_TOLD = 10
"""Maximum number of mistakes that are told at once."""

CHUNK_BYTES = 64 * 2**20
"""Arrays are read in blocks of rows of this size, because they may be larger than memory."""


def read_user_stimuli(path: Path) -> pd.DataFrame:
    """Read ``stimuli.csv``: columns stimulus and, if known, category; one row for each row of the arrays.

    Returns
    -------
    pandas.DataFrame
        One row per stimulus, as for images of a data set. Categories are numbered in the order of their appearance;
        columns on image files are null. Without the column category all stimuli have category 0 of no name.

    Raises
    ------
    StudyError
        If the file or the column stimulus is missing, a row has no label, or all rows have one named category. Also if
        a stimulus is there twice, or categories differ in case alone.
    """
    named = names_categories(path)
    sources, *more = read_columns(path, "stimulus", *(["category"] if named else []))
    categories = more[0] if named else [""] * len(sources)
    if not sources:
        raise StudyError(f"{path}: found no row below the header, expected one for each stimulus.")
    rows = pd.Series(sources)
    if rows.duplicated().any():
        first, second = rows.index[rows == rows[rows.duplicated()].iloc[0]][:2]
        raise StudyError(
            f"{path}: rows {first + 1} and {second + 1} are the same stimulus, {sources[first]!r}; expected each once."
        )
    if pair := alike(categories):
        raise StudyError(
            f"{path}: the categories {pair[0]!r} and {pair[1]!r} differ in case alone; expected one category."
        )
    category, names = pd.factorize(np.array(categories, dtype=object))
    if named and len(names) < 2:
        raise StudyError(
            f"{path}: found only the category {names[0]!r}, expected at least 2. Leave the column category out to "
            "compare whole RDMs."
        )
    return pd.DataFrame(
        {
            "stimulus": np.arange(len(sources)),
            "category": category,
            "category_name": categories,
            "test_position": pd.array([None] * len(sources), dtype="Int64"),
            "source": sources,
            "source_index": 0,
            "lossless": pd.array([None] * len(sources), dtype="boolean"),
        }
    )


def check_headers(arrays: Iterable[Path], stimuli: Path) -> list[str]:
    """Check all arrays of a study by their headers, without reading their values, and the table of stimuli.

    Returns
    -------
    list of str
        A sentence for each type of integers: they are read as floating-point numbers. And one on categories of one
        stimulus, which a mistyped name makes.

    Raises
    ------
    StudyError
        If there are mistakes; names all of them, or the first `MOST_TOLD`.
    """
    problems, labels, integers = [], None, Counter[str]()
    try:
        labels = read_user_stimuli(stimuli)
    except StudyError as problem:
        problems.append(str(problem))
    for path in arrays:
        try:
            array = _checked_array(path, None if labels is None else len(labels))
            integers.update([str(array.dtype)] if array.dtype.kind != "f" else [])
        except StudyError as problem:
            problems.append(str(problem))
    _refuse(problems)
    notes = [
        f"{stimuli.parent}: arrays of {kind} ({count}) are read as float64, without loss."
        for kind, count in integers.items()
    ]
    return notes + ([] if labels is None else _of_one_stimulus(labels["category_name"], stimuli))


def _refuse(problems: list[str]) -> None:
    """Raise an error that tells all mistakes, or the first of many, if there are any."""
    if len(problems) == 1:
        raise StudyError(problems[0])
    if problems:
        told = " ".join(f"({number}) {problem}" for number, problem in enumerate(problems[:MOST_TOLD], start=1))
        others = f" And {len(problems) - MOST_TOLD} more." if len(problems) > MOST_TOLD else ""
        raise StudyError(f"Found {len(problems)} mistakes in your activations: {told}{others}")


def _of_one_stimulus(categories: pd.Series, path: Path) -> list[str]:
    """Return a sentence on categories of one stimulus, or none."""
    counts = categories.value_counts(sort=False)
    single = [str(name) for name in counts.index[counts == 1]]
    if not single:
        return []
    number = f"{len(single)} of {len(counts)} categories"
    return [f"{path}: {number} have one stimulus: {abridged(single)}. Correct the names if they are mistyped."]


def link_layers(arrays: Iterable[Path], n_stimuli: int, folder: Path) -> pd.DataFrame:
    """Check one instance's arrays at one epoch, and link to them from a folder of the study.

    Parameters
    ----------
    arrays
        One NPY file for each layer, in order; the first axis is the stimuli.
    folder
        Receives a symbolic link ``{layer}.npy`` for each array; the arrays themselves are neither copied nor changed.

    Returns
    -------
    pandas.DataFrame
        The index, as for activations that are recorded here.

    Raises
    ------
    StudyError
        See `count_units`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    units = {}
    for path in arrays:
        units[path.stem] = count_units(path, n_stimuli)
        (folder / path.name).symlink_to(path.resolve())
    return index_of(units)


def count_units(path: Path, n_stimuli: int) -> int:
    """Check one array, and return its number of units.

    Raises
    ------
    StudyError
        If the file is not an NPY array of real numbers; pickled objects are not loaded. Also if the first axis does not
        have one row for each stimulus, a value is not finite, or float64 cannot hold an integer.
    """
    array = _checked_array(path, n_stimuli)
    for start, rows in _blocks(array):
        if array.dtype.kind == "f":
            _check_finite(rows, path, start)
        elif array.dtype.itemsize == 8:
            _check_exact(rows, path, start)
    return array[0].size


def _checked_array(path: Path, n_stimuli: int | None) -> NDArray:
    """Return an array that is not read yet, if its header says what is expected; None: any number of rows."""
    array = _open(path)
    if array.dtype not in FLOATS and array.dtype.kind not in "iub":
        raise StudyError(
            f"{path}: found values of type {array.dtype}, expected float16, float32, float64 or an integer type."
        )
    if array.ndim < 2 or array.size == 0:
        raise StudyError(f"{path}: found an array of shape {array.shape}, expected stimuli x units.")
    if n_stimuli is not None and len(array) != n_stimuli:
        raise StudyError(f"{path}: found {len(array)} rows, expected {n_stimuli}, one for each row of stimuli.csv.")
    return array


def _open(path: Path) -> NDArray:
    if not path.is_file():
        raise StudyError(f"{path} is not a file; expected an NPY array.")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as problem:  # numpy's parsers of headers raise errors of many types
        raise StudyError(f"{path}: not a complete NPY array of numbers ({problem}).") from problem


def _blocks(array: NDArray) -> Iterator[tuple[int, NDArray]]:
    """Yield blocks of an array's rows, flattened to stimuli x units, with the number of the first row."""
    step = max(1, CHUNK_BYTES // array[0].nbytes)
    for start in range(0, len(array), step):
        rows = np.asarray(array[start : start + step])
        yield start, rows.reshape(len(rows), -1)


def _check_finite(rows: NDArray, path: Path, start: int) -> None:
    finite = np.isfinite(rows)
    if not finite.all():
        row, unit = np.argwhere(~finite)[0]
        raise StudyError(f"{path}: found {rows[row, unit]} in row {start + row}, unit {unit}; expected finite values.")


def _check_exact(rows: NDArray, path: Path, start: int) -> None:
    exact = (rows <= EXACT) & (rows >= -EXACT if rows.dtype.kind == "i" else True)
    if not exact.all():
        row, unit = np.argwhere(~exact)[0]
        raise StudyError(
            f"{path}: found {rows[row, unit]} in row {start + row}, unit {unit}; expected integers up to 2**53."
        )
