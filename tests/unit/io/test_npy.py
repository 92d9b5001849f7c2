"""NPY files written block by block are what numpy would have written at once."""

import numpy as np
import pytest

from manyseeds.io.npy import write_npy


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
