"""The files of a block are shared out to its networks."""

import pytest

from manyseeds.io.parts import part_of


def test_files_of_a_block_are_those_of_its_seeds_in_turn():
    files = ["a1", "a2", "b1", "b2"]
    assert [part_of(files, place, 2) for place in (0, 1)] == [["a1", "a2"], ["b1", "b2"]]
    assert part_of([], 1, 2) == []


def test_files_that_cannot_be_shared_out_equally_are_refused():
    with pytest.raises(ValueError, match="found 5 files, expected a multiple of 2"):
        part_of("abcde", 0, 2)
