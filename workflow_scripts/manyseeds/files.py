"""Files that appear whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # read by modules that never need pandas
    import pandas as pd


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on failure.

    The folder is made if needed. The temporary name keeps the suffix, which writers such as numpy's look at. It is not
    made with `tempfile`, whose files nobody but their owner may read.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_parquet(frame: "pd.DataFrame", path: Path | str) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as partial:
        frame.to_parquet(partial, index=False)
