"""The user's own activations: labels of their stimuli, and arrays that are checked before use."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.representations.layer_table import index_of
from manyseeds.study.names import alike
from manyseeds.study.user_folders import read_columns

CHUNK_BYTES = 64 * 2**20
"""Arrays are read in blocks of rows of this size, because they may be larger than memory."""


def read_user_stimuli(path: Path) -> pd.DataFrame:
    """Read ``stimuli.csv``: columns stimulus and category, one row for each row of the arrays.

    Returns
    -------
    pandas.DataFrame
        One row per stimulus, as for images of a data set. Categories are numbered in the order of their appearance;
        columns on image files are null.

    Raises
    ------
    StudyError
        If the file or a column is missing, a row has no label, or all rows have one category. Also if a stimulus is
        there twice, or categories differ in case alone.
    """
    sources, categories = read_columns(path, "stimulus", "category")
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
    if len(names) < 2:
        raise StudyError(f"{path}: found only the category {names[0]!r}, expected at least 2.")
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
        If the file is not an NPY array of floating-point numbers; pickled objects are not loaded. Also if the first
        axis does not have one row for each stimulus, or a value is not finite.
    """
    array = _open(path)
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise StudyError(f"{path}: found values of type {array.dtype}, expected float16, float32 or float64.")
    if array.ndim < 2 or array.size == 0:
        raise StudyError(f"{path}: found an array of shape {array.shape}, expected stimuli x units.")
    if len(array) != n_stimuli:
        raise StudyError(f"{path}: found {len(array)} rows, expected {n_stimuli}, one for each row of stimuli.csv.")
    for start, rows in _blocks(array):
        _check_finite(rows, path, start)
    return array[0].size


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
