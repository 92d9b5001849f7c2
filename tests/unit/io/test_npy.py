"""NPY files written block by block are what numpy would have written at once."""

import numpy as np
import pytest

from manyseeds.io.npy import write_npy, write_npz


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_blocks_make_up_the_array(tmp_path, dtype):
    array = np.arange(7 * 3 * 2).reshape(7, 3, 2).astype(dtype)
    blocks = [array[:4], np.asfortranarray(array[4:5]), array[5:].astype(np.float64)]
    write_npy(tmp_path / "blocks.npy", blocks, array.shape, dtype)
    np.save(tmp_path / "whole.npy", array)
    assert (tmp_path / "blocks.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("shape", [(6, 3), (4, 3), (5, 2)])
def test_blocks_of_another_shape_leave_no_file(tmp_path, shape):
    with pytest.raises(ValueError, match="expected"):
        write_npy(tmp_path / "a.npy", [np.zeros((5, 3))], shape, np.float32)
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_written_one_by_one_as_numpy_would(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"]), "c": np.array(7)}
    write_npz(tmp_path / "one_by_one.npz", iter(arrays.items()))
    np.savez(tmp_path / "at_once.npz", **arrays)
    with np.load(tmp_path / "one_by_one.npz") as found, np.load(tmp_path / "at_once.npz") as expected:
        assert found.files == expected.files
        for name in arrays:
            assert found[name].dtype == expected[name].dtype
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_failure_between_arrays_leaves_no_file(tmp_path):
    def arrays():
        yield "a", np.zeros(3)
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_npz(tmp_path / "a.npz", arrays())
    assert list(tmp_path.iterdir()) == []
