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

if TYPE_CHECKING:  # read by modules that never need pandas
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
"""Numbers of errors that say that there is no room, or no permission, for a file."""


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Say in one sentence what is wrong where a file cannot be written in this context.

    Raises
    ------
    StudyError
        Naming the file, and why there is no room for it or no permission.
    """
    try:
        yield
    except OSError as problem:
        written_in_part = "requested and" in str(problem)  # numpy's, without a number
        if problem.errno not in UNWRITABLE and not written_in_part:
            raise
        raise StudyError(
            f"{path} cannot be written: {problem.strerror or problem}. What was written before is whole: make room, or "
            "the folder writable, and run the same command again."
        ) from problem


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on failure.

    The folder is made if needed. The temporary name keeps the suffix, which writers such as numpy's look at. It is not
    made with `tempfile`, whose files nobody but their owner may read.

    Raises
    ------
    StudyError
        If the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove what processes that were killed while writing have left in a folder: files that never got their names.

    Only when nobody writes there.
    """
    for path in folder.rglob(".*"):
        if PARTIAL.search(path.name):
            path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Look whether files can be made in a folder, which need not exist yet.

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
    """Take the room for a file that has its size already but, being sparse, no place on the disk.

    Without it, writing to the file's memory map on a full disk ends the process by SIGBUS.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_parquet(frame: "pd.DataFrame", path: Path | str) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as partial:
        frame.to_parquet(partial, index=False)
