"""How often intervals of variance components by random stream cover a known truth (methods 12).

    OMP_NUM_THREADS=1 python benchmarks/sources.py

RDM vectors of k x k networks are simulated from a common part and independent parts of initial weights, order, and both
together. With `unequal`, parts of some seeds have four times the variance of others. Writes
benchmarks/results/sources.csv.
"""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

from manyseeds.comparison.consistency import pairwise_r
from manyseeds.statistics.sources import Design, components

SEEDS = (3, 4, 5, 8)
SCENARIOS = {
    "initialisation more": (0.4, 0.3, 0.1, 0.2),
    "equal": (0.5, 0.1, 0.1, 0.3),
    "neither": (0.5, 0.0, 0.0, 0.5),
}
"""Variances of the common part, of initial weights, of order, and of both together."""
NAMES = ("common", "init", "order", "init+order", "difference")
N_SIMULATIONS, N_ENTRIES = 500, 300
COMMON = np.sqrt(2) * np.sin(2 * np.pi * np.arange(N_ENTRIES) / N_ENTRIES)
"""The common part, of variance 1: the stimuli are the same in all simulations, and only seeds are drawn."""
RESULTS = Path(__file__).parent / "results" / "sources.csv"


def simulated(rng: np.random.Generator, k: int, variances: tuple[float, ...], *, unequal: bool) -> np.ndarray:
    """Return RDM vectors (k * k, P) of crossed networks; the last stream changes fastest."""
    common, init, order, both = (np.sqrt(variance) for variance in variances)
    scales = np.where(np.arange(k) % 2 == 0, np.sqrt(1.6), np.sqrt(0.4)) if unequal else np.ones(k)
    scales = scales / np.sqrt(np.mean(scales**2))
    rows = scales[:, None, None] * rng.standard_normal((k, 1, N_ENTRIES))
    columns = scales[None, :, None] * rng.standard_normal((1, k, N_ENTRIES))
    cells = rng.standard_normal((k, k, N_ENTRIES))
    whole = common * COMMON + init * rows + order * columns + both * cells
    return whole.reshape(k * k, N_ENTRIES)


def covered(rng: np.random.Generator, k: int, scenario: str, *, unequal: bool) -> Iterator[dict]:
    """Yield mean error, coverage and half-width of each component."""
    variances = SCENARIOS[scenario]
    design = Design(("init", "order"), np.array(list(product(range(k), repeat=2))))
    upper = np.triu_indices(k * k, 1)
    vectors = [simulated(rng, k, variances, unequal=unequal) for _ in range(N_SIMULATIONS)]
    r = np.stack([pairwise_r(each)[0][upper] for each in vectors])
    found = components(design, design.class_means(r))
    truth = dict(zip(NAMES, [*variances, variances[1] - variances[2]], strict=True))
    for name in NAMES:
        low, high = design.interval(found[name])
        # With unequal seeds correlations depend on the seeds of a pair, so the truth is the mean estimate.
        value = found[name][:, 0].mean() if unequal else truth[name]
        yield {
            "scenario": scenario,
            "unequal": unequal,
            "seeds": k,
            "component": name,
            "truth": value,
            "mean": found[name][:, 0].mean(),
            "coverage": ((low <= value) & (value <= high)).mean(),
            "half_width": ((high - low) / 2).mean(),
            "n_simulations": N_SIMULATIONS,
        }


def main() -> None:
    """Simulate all scenarios, print them and write them."""
    rng = np.random.default_rng(0)
    rows = [
        row
        for k, scenario, unequal in product(SEEDS, SCENARIOS, (False, True))
        for row in covered(rng, k, scenario, unequal=unequal)
    ]
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
