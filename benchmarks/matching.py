"""Matching of the channels of two full-width All-CNN-C: products that change in some terms, against the published way.

    OMP_NUM_THREADS=1 python benchmarks/matching.py

The published algorithm (weight matching of Ainsworth et al. 2022) computes all products of a layer for each assignment.
The ratio is of processor seconds of one run on one core. That both find the same orders is checked. Writes
benchmarks/results/matching.csv.
"""

import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow_scripts"), str(ROOT / "tests/support")]

import plain_matching

from manyseeds.kernels import matching, variants
from manyseeds.models.initialisation import initial_weights
from manyseeds.models.spec import Network

NETWORK, SHAPE, N_CATEGORIES = Network("all_cnn_c", readout_relu=False), (32, 32, 3), 10
RESULTS = ROOT / "benchmarks/results/matching.csv"


def chain(seed: int) -> list[matching.Layer]:
    """Return an All-CNN-C as it is before training."""
    weights = initial_weights(NETWORK, SHAPE, N_CATEGORIES, root_seed=0, seed=seed)
    return variants.chain(weights, variants.convolutions(weights))


def seconds(match: Callable, *chains: list[matching.Layer]) -> tuple[float, list[matching.Order]]:
    """Return the processor seconds of a match of five searches, and its orders."""
    start = time.process_time()
    orders = match(*chains, restarts=5, seed=0)
    return time.process_time() - start, orders


def main() -> None:
    """Match three pairs, print the mean seconds and write them."""
    rows = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        ours, orders = seconds(matching.match, chain(a), chain(b))
        theirs, expected = seconds(plain_matching.match, chain(a), chain(b))
        assert all(map(np.array_equal, orders, expected)), "the two disagree"
        rows.append({"manyseeds_s": ours, "published_s": theirs})
    table = pd.DataFrame([pd.DataFrame(rows).mean()]).round(2)
    table["ratio"] = (table["published_s"] / table["manyseeds_s"]).round(1)
    table["device"] = f"{platform.machine()} CPU, 1 thread"
    table["versions"] = f"numpy {version('numpy')}, scipy {version('scipy')}, python {platform.python_version()}"
    print(table.to_string(index=False))
    table.to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
