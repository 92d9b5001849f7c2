"""Does similarity of two networks foresee that they fail alike? Table `kernel_relations` (methods 11).

Pairs share networks. So intervals are jackknives over networks on Fisher's z, and p-values permute networks.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.kernels.pairs import SEEDS
from manyseeds.statistics.agreement import holm
from manyseeds.statistics.correlations import pearson
from manyseeds.statistics.permutation import mantel, network_orders
from manyseeds.statistics.resampling import jackknife_ends, pair_products
from manyseeds.statistics.selection import main_exemplars
from manyseeds.streams import generator
from manyseeds.study.distortions import NONE

MIN_NETWORKS = 5
"""Smallest number of networks for an interval."""

MIN_PAIRS = 3
"""Smallest number of pairs for a correlation."""

OUTCOMES = ("abs_difference", "kappa", "agreement")
"""What similarities are related to."""

CONSISTENCY = "consistency"

Floats = NDArray[np.float64]
Row = dict[str, Any]


def jackknife_z(x: Floats, y: Floats, n_networks: int) -> tuple[float, float, float]:
    """Return Pearson's r over all pairs of networks, and its interval by the jackknife over networks on Fisher's z.

    Parameters
    ----------
    x, y
        (K,) values of all pairs of N networks in the order of ``numpy.triu_indices(N, 1)``.

    Returns
    -------
    r, low, high
        NaN if a value is undefined or a variable is constant. The interval is NaN below five networks.
    """
    if len(x) < MIN_PAIRS or not np.isfinite([x, y]).all() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan"), float("nan"), float("nan")
    r = pearson(x, y)[0]
    if n_networks < MIN_NETWORKS:
        return r, float("nan"), float("nan")
    kept = pair_products(1 - np.eye(n_networks)) > 0
    return r, *jackknife_ends(r, np.array([pearson(x[pairs], y[pairs])[0] for pairs in kept]), scale="z")


def relations(
    errors: pd.DataFrame, accuracy: pd.DataFrame, kernels: pd.DataFrame, consistency: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Return the rows of `kernel_relations` of a group; none below three networks.

    Parameters
    ----------
    errors, accuracy
        Rows of `error_agreement` and `distorted_accuracy`, with the keys of the group.
    kernels, consistency
        The group's rows of these tables.
    seed
        Root of the permutations.
    """
    seeds = sorted(set(accuracy["seed"]))
    if len(seeds) < MIN_PAIRS:
        return pd.DataFrame()
    found = [
        ({"distortion": distortion, "y": outcome}, y)
        for outcome in OUTCOMES
        for distortion, y in outcomes(errors, accuracy, outcome, seeds).items()
    ]
    rows = related(found, kernels, consistency, seeds, seed)
    if not rows:
        return pd.DataFrame()
    group = {"architecture": accuracy["architecture"].iloc[0], "condition": accuracy["condition"].iloc[0]}
    return with_holm(pd.DataFrame(rows).assign(**group))


def related(
    found: Sequence[tuple[Row, Floats]],
    kernels: pd.DataFrame,
    consistency: pd.DataFrame,
    seeds: list[int],
    seed: int,
) -> list[Row]:
    """Relate each similarity of networks to each outcome; none below three networks.

    Parameters
    ----------
    found
        Keys of an outcome, and its values (K,) for all pairs of networks.
    kernels, consistency
        The networks' rows of these tables; `kernels` may be empty.
    seeds
        Ascending seeds of the networks.
    seed
        Root of the permutations.
    """
    if len(seeds) < MIN_PAIRS:
        return []
    of_kernels = list(_kernel_similarities(kernels, seeds)) if len(kernels) else []
    similarities = [*of_kernels, *_consistencies(consistency, seeds)]
    orders = network_orders(len(seeds), generator(seed, "permutation/kernels", len(seeds)))
    return [keys | own | _related(x, y, orders) for own, y in found for keys, x in similarities]


def with_holm(frame: pd.DataFrame) -> pd.DataFrame:
    """Add p-values adjusted by Holm's method, one family for each outcome `y`."""
    adjusted = frame.groupby("y")["p_permutation"].transform(lambda p: holm(p.to_numpy(float)))
    return frame.assign(p_holm=adjusted)


def outcomes(errors: pd.DataFrame, accuracy: pd.DataFrame, outcome: str, seeds: list[int]) -> dict[str | None, Floats]:
    """Return how alike pairs of networks perform (K,), by distortion, and over all distortions (None).

    Strengths of a distortion are averaged, without those at the floor. Over distortions, z-scores are averaged.
    """
    floor = accuracy.drop_duplicates(["distortion", "strength"])[["distortion", "strength", "at_floor"]]
    rows = errors[errors["pair_kind"] == SEEDS].assign(abs_difference=lambda frame: frame["difference"].abs())
    rows = rows.merge(floor, on=["distortion", "strength"])
    rows = rows[~rows["at_floor"].astype(bool) | (rows["distortion"] == NONE)]
    found: dict[str | None, Floats] = {}
    for distortion, of_distortion in rows.groupby("distortion", sort=False):
        means = of_distortion.groupby(["seed_a", "seed_b"])[[outcome]].mean().reset_index()
        found[str(distortion)] = _spread(means, outcome, seeds)
    distorted = [values for name, values in found.items() if name != NONE and np.nanstd(values) > 0]
    if distorted:
        found[None] = np.mean([(values - values.mean()) / values.std() for values in distorted], axis=0)
    return found


def _spread(frame: pd.DataFrame, value: str, seeds: list[int]) -> Floats:
    """Return values (K,) of all pairs of networks; NaN where there is none."""
    by_pair = frame.set_index(["seed_a", "seed_b"])[value]
    return by_pair.reindex(pd.MultiIndex.from_tuples(list(combinations(seeds, 2)))).to_numpy(float)


def _kernel_similarities(kernels: pd.DataFrame, seeds: list[int]) -> Iterator[tuple[Row, Floats]]:
    """Yield the similarity of kernels by matching, of whole networks and of each layer."""
    rows = kernels[kernels["pair_kind"] == SEEDS]
    for _, frame in rows.groupby(["matching", "layer"], dropna=False, sort=False):
        keys = _first(frame, "layer", "layer_index", "chance_sd") | {"x": frame["matching"].iloc[0]}
        yield keys, _spread(frame, "similarity", seeds)


def _first(frame: pd.DataFrame, *columns: str) -> Row:
    """Return the values of the first row, None where null."""
    values = {column: frame[column].iloc[0] for column in columns}
    return {column: None if pd.isna(value) else value for column, value in values.items()}


def _consistencies(consistency: pd.DataFrame, seeds: list[int]) -> Iterator[tuple[Row, Floats]]:
    """Yield the consistency of exemplars by layer, by correlation distance or else the first measure."""
    for _, frame in main_exemplars(consistency).groupby("layer", sort=False):
        yield _first(frame, "layer", "layer_index") | {"x": CONSISTENCY}, _spread(frame, CONSISTENCY, seeds)


def _related(x: Floats, y: Floats, orders: NDArray[np.intp]) -> Row:
    """Return one relation over pairs (K,), with permutations (B, N) of the networks."""
    n_networks = orders.shape[1]
    r, low, high = jackknife_z(x, y, n_networks)
    both = {
        "n_networks": n_networks,
        "n_pairs": len(x),
        "x_sd": float(np.std(x, ddof=1)),
        "n_permutations": len(orders),
    }
    if not np.isfinite(r):
        return both
    from scipy import stats  # takes half a second, which most users of this module need not spend

    ranks = float(stats.spearmanr(x, y).statistic)
    return both | {
        "pearson": r,
        "ci_low": low,
        "ci_high": high,
        "spearman": ranks,
        "p_permutation": mantel(x, y, orders),
    }
