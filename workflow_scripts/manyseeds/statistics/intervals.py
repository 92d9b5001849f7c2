"""Tables of means with intervals, one row per statistic and method.

Statistics of equally many networks share their draws. So contrasts are paired, and an added row changes no other row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.statistics import resampling
from manyseeds.statistics.resampling import Interval, Pairing
from manyseeds.streams import generator

INTERVAL_COLUMNS = ["ci_method", "mean", "min", "max", "ci_low", "ci_high", "n_resamples"]
PERCENTILES = ["percentile_low", "percentile_high"]
"""Columns of statistics whose stimuli are resampled."""

UNIT_INTERVAL = (0.0, 1.0)
"""Range of consistencies and accuracies. Contrasts and clustering indices are not clipped."""

Bounds = tuple[float, float] | None
Resampled = Callable[[], NDArray[np.float64]]
"""Reads or computes values (B, K) of pairs on resampled stimuli: those of all statistics can be larger than memory."""


@dataclass(frozen=True)
class Bootstrap:
    """Settings of the bootstrap: `resampling.seed` and `resampling.n` of the config."""

    seed: int
    n_resamples: int

    def draws(self, method: str, n_networks: int) -> np.random.Generator:
        """Return a method's generator. It depends only on the number of networks, so statistics share draws."""
        return generator(self.seed, f"resampling/{method}", n_networks)


@dataclass(frozen=True)
class PairStatistics:
    """Values of pairs of networks: one row per key, one column per pair.

    Attributes
    ----------
    keys
        Key columns of the R rows.
    n_networks
        Number of networks N. Between two conditions it is the number of seeds, because both networks of a seed are left
        out or drawn together.
    pairing
        The two networks (K,), (K,) of each pair, numbered from 0.
    values
        (R, K), NaN where undefined or not observed.
    resamples
        For each row the values on resampled stimuli, or None. All are None unless `pairing` is all pairs.
    n_stimuli
        Number of stimuli, if any row has resamples.
    """

    keys: pd.DataFrame
    n_networks: int
    pairing: Pairing
    values: NDArray[np.float64]
    resamples: Sequence[Resampled | None]
    n_stimuli: int | None = None


def spread(
    frame: pd.DataFrame, keys: list[str], value: str, columns: Sequence, all_columns: Sequence
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Spread a long table: one row per key, one column per network or pair, NaN where absent.

    Parameters
    ----------
    columns
        The network or pair of each row of `frame`.
    all_columns
        All networks or pairs, in the order of the matrix's columns.

    Returns
    -------
    The distinct keys in the order of the table, and (n_keys, n_columns) values.
    """
    row = frame.groupby(keys, dropna=False, sort=False).ngroup().to_numpy(dtype=int)
    position = {column: index for index, column in enumerate(all_columns)}
    rows_keys = frame.drop_duplicates(keys)[keys].reset_index(drop=True)
    matrix = np.full((len(rows_keys), len(all_columns)), np.nan)
    matrix[row, [position[column] for column in columns]] = frame[value].to_numpy(dtype=np.float64, na_value=np.nan)
    return rows_keys, matrix


def spread_pairs(
    frame: pd.DataFrame, keys: list[str], seeds: Sequence[int]
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Spread the table `consistency` like `spread`: one column per pair of seeds, in the order of ``triu_indices``."""
    pairs = list(zip(frame["seed_a"], frame["seed_b"], strict=True))
    return spread(frame, keys, "consistency", pairs, list(combinations(seeds, 2)))


def number_of_stimuli(consistency: pd.DataFrame) -> int | None:
    """Return the number n of stimuli, from the n (n - 1) / 2 entries of whole RDMs; None without any.

    Parameters
    ----------
    consistency
        Rows with the columns `kind` and `n_entries`.
    """
    n_entries = consistency.loc[consistency["kind"] == "exemplar", "n_entries"].max()
    return None if pd.isna(n_entries) else round((1 + np.sqrt(1 + 8 * n_entries)) / 2)


def difference(statistics: PairStatistics, column: str, minuend: object, subtrahend: object) -> PairStatistics:
    """Return differences of rows that agree in every key but `column`, which keeps the minuend's value."""
    others = [key for key in statistics.keys if key != column]
    rows = statistics.keys.assign(row=np.arange(len(statistics.keys)))
    matched = rows[rows[column] == minuend].merge(rows[rows[column] == subtrahend], on=others, suffixes=("", "_2"))
    first, second = matched["row"].to_numpy(dtype=int), matched["row_2"].to_numpy(dtype=int)
    drawn = [_difference(statistics.resamples[i], statistics.resamples[j]) for i, j in zip(first, second, strict=True)]
    return PairStatistics(
        statistics.keys.iloc[first].reset_index(drop=True),
        statistics.n_networks,
        statistics.pairing,
        statistics.values[first] - statistics.values[second],
        drawn,
        statistics.n_stimuli,
    )


def _difference(minuend: Resampled | None, subtrahend: Resampled | None) -> Resampled | None:
    """Return what computes the difference of values on resampled stimuli, if both are resampled."""
    return None if minuend is None or subtrahend is None else lambda: minuend() - subtrahend()


def pair_intervals(statistics: PairStatistics, bootstrap: Bootstrap, bounds: Bounds) -> pd.DataFrame:
    """Return one row per key and method; the networks of a row are those with any defined pair.

    Parameters
    ----------
    bounds
        Range of possible means; then the jackknife is made on the logit, and `stimuli` and `both` are clipped. None: no
        range.
    """
    first, second = statistics.pairing
    n_layers = _numbers_of_layers(statistics.keys)
    frames = []
    for networks, rows in _equal_rows(_networks_with_pairs(statistics)):
        pairs = networks[first] & networks[second]
        values, n = statistics.values[np.ix_(rows, pairs)], int(networks.sum())
        number = np.cumsum(networks) - 1
        over = number[first[pairs]], number[second[pairs]]
        counted = statistics.keys.iloc[rows].assign(n_networks=n, n_network_pairs=np.isfinite(values).sum(axis=1))
        keys = _with_range(counted, values)
        draws = bootstrap.draws("instances", n)
        options = {"over": over, "in_unit_interval": bounds is not None}
        intervals = [
            resampling.pair_bootstrap(values, bootstrap.n_resamples, bootstrap.draws("pairs", n)),
            resampling.jackknife(values, n, **options),
            resampling.jackknife(values, n, **options, n_simultaneous=n_layers[rows]),
            resampling.instance_bootstrap(values, n, bootstrap.n_resamples, draws, over=over),
        ]
        if values.shape[-1] == n * (n - 1) // 2 and (over[0] < over[1]).all():  # all pairs of one group
            intervals.append(resampling.component_interval(values, n))
        frames += [_interval_rows(keys, interval) for interval in intervals]
        for row, index in enumerate(rows):
            resampled = statistics.resamples[index]
            if resampled is None:
                continue
            assert statistics.n_stimuli is not None  # known with the resamples
            drawn, draws = resampled()[:, pairs], bootstrap.draws("both", n)
            intervals = [
                resampling.stimulus_interval(values[row], drawn, bounds=bounds),
                resampling.two_factor_interval(values[row], drawn, n, statistics.n_stimuli, draws, bounds=bounds),
            ]
            frames += [_interval_rows(keys.iloc[[row]], interval) for interval in intervals]
    table = _table(frames, [*statistics.keys.columns, "n_networks", "n_network_pairs", *INTERVAL_COLUMNS, *PERCENTILES])
    return table if bounds is None else _with_at_bound(table)


def _with_range(keys: pd.DataFrame, values: NDArray[np.float64]) -> pd.DataFrame:
    """Add the lowest and the highest of the defined values (R, K) of each row; null without any."""
    defined = np.isfinite(values)
    lowest = np.min(values, axis=-1, where=defined, initial=np.inf)
    highest = np.max(values, axis=-1, where=defined, initial=-np.inf)
    return keys.assign(
        **{"min": np.where(defined.any(-1), lowest, np.nan), "max": np.where(defined.any(-1), highest, np.nan)}
    )


def _numbers_of_layers(keys: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each row the number of layers that share its other keys; 1 without layers."""
    if "layer" not in keys:
        return np.ones(len(keys), np.int64)
    others = [key for key in keys if key not in ("layer", "layer_index")]
    return keys.groupby(others, dropna=False)["layer"].transform("nunique").to_numpy(np.int64)


def _with_at_bound(table: pd.DataFrame) -> pd.DataFrame:
    """Add the column that explains a null jackknife: the mean is at 0 or 1."""
    return table.assign(at_bound=resampling.at_bound(table["mean"].to_numpy(np.float64)))


def _networks_with_pairs(statistics: PairStatistics) -> NDArray[np.bool_]:
    """Return which networks (rows, N) have a defined value in any pair."""
    networks = np.arange(statistics.n_networks)
    is_member = np.any([side[:, None] == networks for side in statistics.pairing], axis=0)
    return np.isfinite(statistics.values).astype(int) @ is_member > 0


def network_intervals(
    frame: pd.DataFrame, keys: list[str], value: str, bootstrap: Bootstrap, bounds: Bounds
) -> pd.DataFrame:
    """Return one row per key and method, for the mean of a value that each network has (not each pair).

    Parameters
    ----------
    bounds
        As in `pair_intervals`.
    """
    seeds = sorted(set(frame["seed"]))
    statistics, matrix = spread(frame, keys, value, list(frame["seed"]), seeds)
    n_layers = _numbers_of_layers(statistics)
    frames = []
    for networks, rows in _equal_rows(np.isfinite(matrix)):
        values, n = matrix[np.ix_(rows, networks)], int(networks.sum())
        draws = bootstrap.draws("instances", n)
        options = {"over": "networks", "in_unit_interval": bounds is not None}
        intervals = [
            resampling.jackknife(values, n, **options),
            resampling.instance_bootstrap(values, n, bootstrap.n_resamples, draws, over="networks"),
        ]
        if "layer" in statistics:
            intervals.append(resampling.jackknife(values, n, **options, n_simultaneous=n_layers[rows]))
        counted = _with_range(statistics.iloc[rows].assign(n_networks=n, n_network_pairs=None), values)
        frames += [_interval_rows(counted, interval) for interval in intervals]
    table = _table(frames, [*keys, "n_networks", "n_network_pairs", *INTERVAL_COLUMNS])
    return table if bounds is None else _with_at_bound(table)


def _equal_rows(present: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Return the distinct rows of a boolean matrix, each with the indices at which it occurs."""
    patterns: dict[bytes, list[int]] = {}
    for index, row in enumerate(present):
        patterns.setdefault(row.tobytes(), []).append(index)
    return [(present[indices[0]], np.array(indices)) for indices in patterns.values()]


def _interval_rows(keys: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Return an interval as rows beside its keys; `n_resamples` is null where nothing was resampled."""
    null = np.full(np.shape(interval.mean), np.nan)
    return keys.assign(
        ci_method=interval.method,
        mean=interval.mean,
        ci_low=interval.low,
        ci_high=interval.high,
        n_resamples=np.where(interval.n_resamples > 0, interval.n_resamples, np.nan),
        percentile_low=null if interval.percentile_low is None else interval.percentile_low,
        percentile_high=null if interval.percentile_high is None else interval.percentile_high,
    )


def _table(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Join rows of intervals, sorted by their index (the order of keys), then by method."""
    rows = pd.concat(frames).sort_index(kind="stable") if frames else pd.DataFrame(columns=columns)
    return rows[columns].reset_index(drop=True)
