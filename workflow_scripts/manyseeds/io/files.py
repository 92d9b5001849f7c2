"""Files that appear whole or not at all."""

import errno
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from manyseeds.errors import StudyError

if TYPE_CHECKING:  # modules that never need pandas import this one
    import pandas as pd

REJECTED = "rejected{}.safetensors"
"""Weights of a rejected attempt, beside those of the accepted one."""


PARTIAL = re.compile(r"^\..+\.[0-9a-f]{32}(\.\w+)?$")
"""Names that `atomic_path` gives to files that are not yet whole."""

UNWRITABLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
}
"""Numbers of the errors that mean that there is no room for a file, or no permission to write it."""


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Report in one sentence if a file cannot be written in this context.

    Raises
    ------
    StudyError
        If there is no room for the file, or no permission to write it; names the file and the reason.
    """
    try:
        yield
    except OSError as problem:
        written_in_part = "requested and" in str(problem)  # a message of numpy's, without an error number
        if problem.errno not in UNWRITABLE and not written_in_part:
            raise
        raise StudyError(
            f"{path} cannot be written: {problem.strerror or problem}. Files written before are complete. Make room or "
            "make the folder writable, and run the same command again."
        ) from problem


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on failure.

    The folder is created if needed. The temporary name keeps the suffix, which writers such as numpy's check. Files of
    the module `tempfile` would be readable by their owner only.

    Contents reach the disk before the rename, and the rename does before the context ends. Otherwise a power loss could
    leave an empty file under the final name.

    Raises
    ------
    StudyError
        If the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    with writing(path):
        _make_folder(path.parent)
        try:
            yield partial
            _flush(partial)
            os.replace(partial, path)
            _flush(path.parent)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents if needed; their names reach the disk before the function returns."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush(folder.parent)


def _flush(path: Path) -> None:
    """Wait until the contents of a file, or the names in a folder, are on the disk.

    Some file systems cannot flush a folder.
    """
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(opened)


def remove_partial(folder: Path) -> None:
    """Remove the partial files that killed processes have left in a folder.

    Call it only while no process writes there.
    """
    for path in folder.rglob(".*"):
        if PARTIAL.search(path.name):
            path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Check that files can be written in a folder, which is created if needed.

    Raises
    ------
    StudyError
        If they cannot.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()


def reserve(path: Path) -> None:
    """Allocate the disk space of a sparse file that already has its final size.

    Otherwise, writing to the file's memory map on a full disk kills the process with SIGBUS.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_parquet(frame: "pd.DataFrame", path: Path | str) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as partial:
        frame.to_parquet(partial, index=False)
