"""Files appear whole or not at all."""

import os

import pytest

from manyseeds.files import atomic_path


def test_a_file_appears_at_the_end_of_the_block(tmp_path):
    target = tmp_path / "new" / "array.npy"
    with atomic_path(target) as path:
        path.write_text("whole")
        assert not target.exists()
        assert path.parent == target.parent
        assert path.suffix == ".npy"
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def write_half(path):
    path.write_text("half")
    raise OSError("disk is full")


def test_a_failure_leaves_the_former_file_and_no_other(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("former")
    with pytest.raises(OSError, match="disk is full"), atomic_path(target) as path:
        write_half(path)
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_files_get_the_permissions_of_any_other(tmp_path):
    (tmp_path / "usual").touch()
    with atomic_path(tmp_path / "atomic") as path:
        path.touch()
    assert os.stat(tmp_path / "atomic").st_mode == os.stat(tmp_path / "usual").st_mode
