"""Arrays that may be larger than memory."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 2**30
"""Largest size in bytes of an array that is kept in memory."""


def scratch(shape: tuple[int, ...], *, in_memory: int = IN_MEMORY) -> NDArray[np.float64]:
    """Return an array to be filled: in memory or, if it is larger, in a file of the working directory without a name.

    The file ends with the array, also if the process is killed.
    """
    if 8 * int(np.prod(shape)) <= in_memory:
        return np.empty(shape)
    with tempfile.TemporaryFile(dir=Path.cwd()) as file:
        return np.memmap(file, dtype=np.float64, mode="w+", shape=shape)


def stack(rows: Iterable[NDArray[np.float64]], n_rows: int, *, in_memory: int = IN_MEMORY) -> NDArray[np.float64]:
    """Return rows of equal shape, which come one after another, as one array of `scratch` (n_rows, ...)."""
    array = None
    for place, row in enumerate(rows):
        array = scratch((n_rows, *row.shape), in_memory=in_memory) if array is None else array
        array[place] = row
    if array is None:
        raise ValueError("There is no row to stack.")
    return array
