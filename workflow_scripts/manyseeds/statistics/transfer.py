"""Does the choice of the source matter for transfer, and does similarity foresee it? (methods 11)

Sources and transfer seeds are crossed. Accuracy is split by analysis of variance without replication: y of source s and
transfer seed t is a mean, a part of the source, a part of the transfer seed, and a rest.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from manyseeds.comparison.consistency import mean_along_first_axis
from manyseeds.kernels.transferred import FAILED, Transferred
from manyseeds.statistics.agreement import kappa
from manyseeds.statistics.kernel_relations import related, with_holm
from manyseeds.statistics.resampling import QUANTILES

SOURCE, TRANSFER_SEED, REST = COMPONENTS = ("source", "transfer_seed", "rest")

FEWEST = 3
"""Smallest number of sources, and of transfer seeds, for an interval."""

METHOD = "two_way"

OUTCOMES = ("abs_difference", "kappa")
"""What similarities of the sources are related to, over pairs of sources."""

Floats = NDArray[np.float64]
Row = dict[str, Any]


def accuracies(found: Transferred) -> pd.DataFrame:
    """Return the rows of the table `transfer`, without the group; NaN for a training that failed."""
    values = _accuracies(found)
    return pd.DataFrame(
        {
            "seed": seed,
            "transfer_seed": transfer_seed,
            "mode": mode,
            "accuracy": values[m, s, transfer_seed],
            "split": "test",
            "n_images": len(found.labels),
        }
        for m, mode in enumerate(found.modes)
        for s, seed in enumerate(found.seeds)
        for transfer_seed in range(values.shape[2])
    )


def histories(found: Transferred) -> pd.DataFrame:
    """Return the rows of the table `transfer_history`, without the group."""
    return pd.DataFrame(
        {
            "seed": found.seeds[s],
            "transfer_seed": transfer_seed,
            "mode": found.modes[m],
            "epoch": epoch + 1,
            "loss": found.losses[m, s, transfer_seed, epoch],
            "accuracy": found.accuracies[m, s, transfer_seed, epoch],
        }
        for m, s, transfer_seed, epoch in np.ndindex(found.losses.shape)
    )


def _accuracies(found: Transferred) -> Floats:
    """Return accuracies (modes, sources, transfer seeds)."""
    values = (found.predictions == found.labels).mean(axis=-1)
    return np.where((found.predictions == FAILED).all(axis=-1), np.nan, values)


def variances(y: Floats) -> Floats:
    """Return the variance components of accuracies (n sources, k transfer seeds), in the order of `COMPONENTS`.

    Those of source and transfer seed are unbiased and may be negative. NaN with one source or one transfer seed, or if
    an accuracy is undefined.
    """
    n, k = y.shape
    if min(n, k) < 2:
        return np.full(len(COMPONENTS), np.nan)
    rows, columns, mean = y.mean(axis=1), y.mean(axis=0), y.mean()
    of_rows = k * ((rows - mean) ** 2).sum() / (n - 1)
    of_columns = n * ((columns - mean) ** 2).sum() / (k - 1)
    rest = ((y - rows[:, None] - columns + mean) ** 2).sum() / ((n - 1) * (k - 1))
    return np.array([(of_rows - rest) / k, (of_columns - rest) / n, rest])


def interval(y: Floats) -> tuple[Floats, Floats]:
    """Return the ends of 95 % intervals of the components: a jackknife over sources and over transfer seeds.

    NaN with fewer than three of either, or if an accuracy is undefined.
    """
    whole = variances(y)
    if min(y.shape) < FEWEST:
        return np.full(whole.shape, np.nan), np.full(whole.shape, np.nan)
    variance = np.zeros(whole.shape)
    for axis, n in enumerate(y.shape):
        without = np.array([variances(np.delete(y, place, axis=axis)) for place in range(n)])
        variance += (n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    half = special.stdtrit(min(y.shape) - 1, QUANTILES[1]) * np.sqrt(variance)
    return whole - half, whole + half


def summarise(found: Transferred) -> pd.DataFrame:
    """Return the rows of the table `transfer_summary`, without the group: the components of each mode.

    Components are those of the sources without a failed training in the mode, because the analysis of variance needs
    all transfer seeds of a source. The mean is that of all trainings that did not fail.
    """
    rows = []
    for mode, y in zip(found.modes, _accuracies(found), strict=True):
        complete = y[np.isfinite(y).all(axis=1)]
        low, high = interval(complete)
        of_mode = {
            "mode": mode,
            "n_networks": complete.shape[0],
            "n_transfer_seeds": y.shape[1],
            "n_failed": int(np.isnan(y).sum()),
            "n_images": len(found.labels),
            "mean": float(mean_along_first_axis(y.ravel())),
            "ci_method": METHOD,
        }
        for place, (component, variance) in enumerate(zip(COMPONENTS, variances(complete), strict=True)):
            ends = {"ci_low": low[place], "ci_high": high[place]}
            rows.append(of_mode | {"component": component, "variance": variance, "sd": _root(variance)} | ends)
    return pd.DataFrame(rows)


def _root(variance: float) -> float:
    """Return the standard deviation, 0 for a negative component."""
    return float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else float("nan")


def outcomes(found: Transferred) -> list[tuple[Row, Floats]]:
    """Return how alike pairs of sources perform on the other task (K,), by mode, as means over transfer seeds.

    Transfer seeds for which a value is undefined are left out of the mean of the pair, and counted in `n_undefined`: a
    training of one of the two sources failed, or kappa is undefined. A pair without any is NaN.
    """
    y, pairs, rows = _accuracies(found), list(combinations(range(len(found.seeds)), 2)), []
    first, second = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    for m, mode in enumerate(found.modes):
        differences = np.abs(y[m, first] - y[m, second])
        kappas = np.full(differences.shape, np.nan)
        for pair, t in np.argwhere(np.isfinite(differences)):
            a, b = (found.predictions[m, source, t] == found.labels for source in pairs[pair])
            kappas[pair, t] = kappa(a, b)
        for name, values in zip(OUTCOMES, (differences, kappas), strict=True):
            keys = {"mode": mode, "y": name, "n_undefined": int(np.isnan(values).sum())}
            rows.append((keys, mean_along_first_axis(values.T)))
    return rows


def relations(found: Transferred, kernels: pd.DataFrame, consistency: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the rows of the table `transfer_relations`, without the group.

    Parameters
    ----------
    kernels, consistency
        Rows of these tables of the sources; `kernels` may be empty.
    seed
        Root of the permutations.
    """
    rows = related(outcomes(found), kernels, consistency, sorted(found.seeds), seed)
    return with_holm(pd.DataFrame(rows)) if rows else pd.DataFrame()
