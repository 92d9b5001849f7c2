"""The memory that is told is the memory that is needed."""

import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from manyseeds.representations import memory

MEASURING = """
import sys
from pathlib import Path

import numpy as np

from manyseeds.representations import geometry, measures

def peak():  # ru_maxrss would begin with that of the process that started this one
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

n = int(sys.argv[1])
activations = np.random.default_rng(0).random((n, 50), dtype=np.float32)
before = peak()
raw = geometry.measure_geometry(activations, name="x", is_collapsed=False)
measures.rdm(geometry.cocktail_blank(raw), "correlation")
print(peak() - before)
"""


def test_a_machine_that_is_large_enough_is_not_told():
    assert memory.note(1000, 10, 2**30) is None
    assert memory.note(60_000, 2, 2**50) is None


def test_too_many_stimuli_are_told_with_what_they_need():
    """60,000 stimuli: 45 bytes for each of 3.6e9 pairs and 5 networks are 754 GiB."""
    assert memory.note(60_000, 5, 64 * 2**30) == (
        "60,000 stimuli: the largest job, which compares 5 networks, needs about 754 GiB of memory, and this machine "
        "has 64 GiB. It can hold about 17,476 stimuli."
    )
    assert memory.note(17_476, 5, 64 * 2**30) is None
    assert memory.note(17_477, 5, 64 * 2**30) is not None
    assert memory.note(10**7, 5).startswith("10,000,000 stimuli")


def test_the_memory_of_a_job_grows_with_what_it_holds():
    assert memory.megabytes(10, share=4, at_least=3000) == 3000
    assert memory.megabytes(7000, share=0.8, at_least=3000) == 6600
    assert memory.megabytes(9000, share=4, n_layers=9, at_least=3000) == 5000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from Linux's /proc")
def test_measuring_a_layer_needs_what_is_told():
    n = 2000
    command = [sys.executable, "-c", MEASURING, str(n)]
    environment = {"PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
    needed = int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert 0.5 < needed / memory.bytes_needed(n, 1) < 1.2  # the allocator frees some of it in between, or does not


def test_the_memory_of_summaries_grows_with_pairs_and_resamples():
    assert memory.of_summaries(2, 10_000) == 2000
    # 2.7 GB were measured.
    assert 2700 < memory.of_summaries(100, 10_000) < 4100
    assert memory.of_summaries(100, 20_000) - 2000 == 2 * (memory.of_summaries(100, 10_000) - 2000)
