"""Files appear whole or not at all; where there is no room for them, a sentence says so."""

import errno
import os
import resource
import stat
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from manyseeds.errors import StudyError
from manyseeds.io.files import atomic_path, check_writable, remove_partial, reserve, write_parquet


def test_a_file_appears_at_the_end_of_the_block(tmp_path):
    target = tmp_path / "new" / "array.npy"
    with atomic_path(target) as path:
        path.write_text("whole")
        assert not target.exists()
        assert path.parent == target.parent
        assert path.suffix == ".npy"
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_file_survives_a_power_loss(tmp_path, monkeypatch):
    """Its contents are on the disk before it gets its name, and all names are before the context ends."""
    calls: list[tuple[str, object]] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(opened):
        calls.append(("fsync", Path(os.readlink(f"/proc/self/fd/{opened}"))))
        fsync(opened)

    def record_replace(source, target):
        calls.append(("replace", (Path(source), Path(target))))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    target = tmp_path / "new/er/table.csv"
    with atomic_path(target) as path:
        path.write_text("whole")
    assert calls == [
        ("fsync", tmp_path),
        ("fsync", tmp_path / "new"),
        ("fsync", path),
        ("replace", (path, target)),
        ("fsync", target.parent),
    ]
    calls.clear()
    with pytest.raises(RuntimeError, match="interrupted"), atomic_path(target) as path:
        write_half(path)
    assert calls == []


def test_a_file_system_that_cannot_flush_folders_is_no_obstacle(tmp_path, monkeypatch):
    fsync = os.fsync

    def only_files(opened):
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(opened)

    def nothing(opened):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", only_files)
    save_bytes(tmp_path / "table.csv")
    monkeypatch.setattr(os, "fsync", nothing)
    with pytest.raises(OSError, match="Input/output error"):
        save_bytes(tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


def write_half(path):
    path.write_text("half")
    raise RuntimeError("interrupted")


def test_a_failure_leaves_the_former_file_and_no_other(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("former")
    with pytest.raises(RuntimeError, match="interrupted"), atomic_path(target) as path:
        write_half(path)
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_files_get_the_permissions_of_any_other(tmp_path):
    (tmp_path / "usual").touch()
    with atomic_path(tmp_path / "atomic") as path:
        path.touch()
    assert os.stat(tmp_path / "atomic").st_mode == os.stat(tmp_path / "usual").st_mode


@contextmanager
def no_file_beyond(n_bytes):
    """As on a full disk: while the context lasts this process cannot make a file grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))  # Python ignores SIGXFSZ: writing fails instead
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def save_npy(path):
    with atomic_path(path) as partial:
        np.save(partial, np.zeros(10_000))


def save_bytes(path):
    with atomic_path(path) as partial:
        partial.write_bytes(bytes(80_000))


def save_table(path):
    write_parquet(pd.DataFrame({"x": np.random.default_rng(0).random(10_000)}), path)


@pytest.mark.parametrize("save", [save_npy, save_bytes, save_table])
def test_without_room_a_sentence_names_the_file_and_the_former_one_stays(tmp_path, save):
    target = tmp_path / "file.x.npy"
    target.write_text("former")
    with (
        no_file_beyond(50_000),
        pytest.raises(StudyError, match=r"file\.x\.npy cannot be written: .+Files written before"),
    ):
        save(target)
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(StudyError, match=r"results/table\.csv cannot be written: "):
        save_bytes(tmp_path / "results/table.csv")


def test_what_cannot_be_read_is_not_said_to_be_unwritable(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "copy"):
        (tmp_path / "missing").read_bytes()


def test_room_for_a_memory_map_is_taken_beforehand(tmp_path):
    path = tmp_path / "array.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(1000, 1000))
    sparse = path.stat().st_blocks
    reserve(path)
    assert path.stat().st_blocks * 512 >= path.stat().st_size
    assert path.stat().st_blocks > sparse


def test_what_was_left_half_written_is_removed_and_nothing_else(tmp_path):
    kept = [tmp_path / name for name in ("table.parquet", ".cohort0", ".training/state", "a/.provenance/x.json")]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    left = []
    for name in ("a/table.parquet", "a/.cohort0", "seed0"):  # as a process leaves them that is killed while writing
        writing = atomic_path(tmp_path / name)
        left.append(writing.__enter__())
        left[-1].touch()
    remove_partial(tmp_path)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in left)


def test_a_folder_is_tried_before_the_work(tmp_path):
    check_writable(tmp_path / "new/results")
    assert list((tmp_path / "new/results").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"file cannot be written: "):
        check_writable(tmp_path / "file")
