"""How often 95 % intervals of methods 5 cover a known truth.

    OMP_NUM_THREADS=1 python benchmarks/coverage.py

Pair values are simulated as ``mu + a_i + a_j + e_ij``. A stated share of the variance of a pair value comes from its
networks. For `both`, every part also depends on the stimuli. Writes benchmarks/results/coverage.csv.
"""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

from manyseeds.statistics import resampling

NETWORKS = (3, 5, 7, 10, 20)
SHARES = (0.0, 0.5, 0.9)
"""Shares of the variance of a pair value that its two networks contribute."""
N_SIMULATIONS = 20_000
N_LAYERS = 9
SIMULTANEOUS_SIMULATIONS = 4_000
BOTH_SIMULATIONS, N_STIMULI, N_RESAMPLES = 1_000, 50, 300
RESULTS = Path(__file__).parent / "results" / "coverage.csv"


def pair_values(rng: np.random.Generator, shape: tuple[int, ...], n_networks: int, share: float) -> np.ndarray:
    """Return values (..., K) of variance 1 about 0 of all pairs of networks."""
    first, second = np.triu_indices(n_networks, 1)
    effects = np.sqrt(share / 2) * rng.standard_normal((*shape, n_networks))
    rest = np.sqrt(1 - share) * rng.standard_normal((*shape, first.size))
    return effects[..., first] + effects[..., second] + rest


def covered(interval: resampling.Interval, truth: float = 0.0) -> np.ndarray:
    return (interval.low <= truth) & (truth <= interval.high)


def pointwise(rng: np.random.Generator, n_networks: int, share: float) -> Iterator[dict]:
    """Yield coverage and width of the intervals of one mean over pairs."""
    values = pair_values(rng, (N_SIMULATIONS,), n_networks, share)
    inside = 0.7 + 0.05 * values  # consistencies about 0.7
    for name, interval, truth in (
        ("jackknife", resampling.jackknife(values, n_networks), 0.0),
        ("jackknife, logit", resampling.jackknife(inside, n_networks, in_unit_interval=True), 0.7),
        ("components", resampling.component_interval(values, n_networks), 0.0),
    ):
        if np.isfinite(interval.low).any():
            yield {"method": name, "coverage": covered(interval, truth).mean(), "n_simulations": N_SIMULATIONS}


def simultaneous(rng: np.random.Generator, n_networks: int, share: float) -> Iterator[dict]:
    """Yield how often all layers are covered; layers share half of the variance of their networks."""
    shape = (SIMULTANEOUS_SIMULATIONS, N_LAYERS)
    common = pair_values(rng, (SIMULTANEOUS_SIMULATIONS, 1), n_networks, share)
    values = (common + pair_values(rng, shape, n_networks, share)) / np.sqrt(2)
    number = np.full(shape, N_LAYERS)
    for name, interval in (
        ("jackknife, all layers", resampling.jackknife(values, n_networks)),
        ("jackknife_simultaneous", resampling.jackknife(values, n_networks, n_simultaneous=number)),
    ):
        hits = covered(interval).all(axis=-1).mean()
        yield {"method": name, "coverage": hits, "n_simulations": SIMULTANEOUS_SIMULATIONS}


def both(rng: np.random.Generator, n_networks: int, share: float) -> Iterator[dict]:
    """Yield coverage for new networks and new stimuli: a part of stimuli, and interactions of networks with stimuli."""
    if n_networks < resampling.MIN_NETWORKS_BOOTSTRAP:
        return
    first, second = np.triu_indices(n_networks, 1)
    hits = {"both": 0, "jackknife, stimuli drawn too": 0}
    for _ in range(BOTH_SIMULATIONS):
        of_pairs = pair_values(rng, (), n_networks, share)
        interaction = rng.standard_normal((n_networks, N_STIMULI))
        of_stimuli = 2 * rng.standard_normal(N_STIMULI)
        each = of_pairs[:, None] + of_stimuli + interaction[first] + interaction[second]
        weights = rng.multinomial(N_STIMULI, np.full(N_STIMULI, 1 / N_STIMULI), size=N_RESAMPLES) / N_STIMULI
        values, resamples = each.mean(axis=1), weights @ each.T
        intervals = {
            "both": resampling.two_factor_interval(values, resamples, n_networks, N_STIMULI, rng),
            "jackknife, stimuli drawn too": resampling.jackknife(values, n_networks),
        }
        for name, interval in intervals.items():
            hits[name] += bool(covered(interval))
    for name, number in hits.items():
        yield {"method": name, "coverage": number / BOTH_SIMULATIONS, "n_simulations": BOTH_SIMULATIONS}


def main() -> None:
    rows = []
    for n_networks, share in product(NETWORKS, SHARES):
        rng = np.random.default_rng([n_networks, int(100 * share)])
        keys = {"n_networks": n_networks, "network_share": share}
        for simulate in (pointwise, simultaneous, both):
            rows += [keys | row for row in simulate(rng, n_networks, share)]
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False, float_format="%.4f")
    wide = table.pivot(index="method", columns=["n_networks", "network_share"], values="coverage")
    print(wide.round(3).to_string())


if __name__ == "__main__":
    main()
