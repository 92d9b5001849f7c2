"""NPY files of any size, written block by block, and NPZ files, written array by array."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from manyseeds.io.files import atomic_path


def write_npy(path: Path, blocks: Iterable[NDArray], shape: tuple[int, ...], dtype: DTypeLike) -> None:
    """Write blocks of rows one after another into one NPY file, using the memory of one block.

    Parameters
    ----------
    path
        Path of the file, which is written whole or not at all.
    blocks
        Arrays (m, *shape[1:]) that together hold the rows of the array.
    shape
        Shape of the whole array.
    dtype
        Type of the whole array.

    Raises
    ------
    ValueError
        If the blocks do not add up to the shape.
    """
    dtype = np.dtype(dtype)
    n_rows = 0
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            if block.shape[1:] != tuple(shape[1:]):
                raise ValueError(f"a block of rows has shape {block.shape[1:]}, expected {tuple(shape[1:])}")
            file.write(np.ascontiguousarray(block, dtype=dtype).data)
            n_rows += len(block)
        if n_rows != shape[0]:
            raise ValueError(f"the blocks have {n_rows} rows, expected {shape[0]}")


def write_npz(path: Path | str, arrays: Iterable[tuple[str, NDArray]]) -> None:
    """Write named arrays one after another into an NPZ file as `numpy.savez` does, using the memory of one array.

    Parameters
    ----------
    path
        Path of the file, which is written whole or not at all.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
