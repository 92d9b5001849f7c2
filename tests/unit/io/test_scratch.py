"""Arrays that may be larger than memory."""

import numpy as np
import pytest

from manyseeds.io.scratch import scratch, stack


def test_large_arrays_are_files_that_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).random((3, 5))
    small, large = scratch((3, 5), in_memory=120), scratch((3, 5), in_memory=119)
    assert not isinstance(small, np.memmap)
    assert isinstance(large, np.memmap)
    for array in (small, large):
        array[:] = values
        np.testing.assert_array_equal(array, values)
    assert not list(tmp_path.iterdir())


def test_rows_are_stacked_as_they_come():
    values = np.random.default_rng(0).random((3, 5))
    for in_memory in (0, 120):
        stacked = stack((row for row in values), 3, in_memory=in_memory)
        assert isinstance(stacked, np.memmap) == (in_memory == 0)
        np.testing.assert_array_equal(stacked, values)
    with pytest.raises(ValueError, match="no row"):
        stack([], 0)
