"""Arrays that may be larger than memory."""

import numpy as np

from manyseeds.io.scratch import scratch


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
