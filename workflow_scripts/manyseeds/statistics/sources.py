"""Sources of difference between networks: variance components of crossed random streams (methods 12).

A standardised RDM vector is a common part and an independent part for each non-empty set of streams. Two networks that
share the streams S then correlate by the variance of the common part and of all parts whose streams are in S. The
components follow from the mean correlations of the classes of pairs, by inclusion and exclusion.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from manyseeds.comparison.consistency import Agreement
from manyseeds.comparison.pools import Pool
from manyseeds.comparison.shared_streams import NONE
from manyseeds.statistics.resampling import QUANTILES, weighted_means

Floats = NDArray[np.float64]

COMMON, DIFFERENCE = "common", "difference"
"""Names of the part of all networks, and of the pair class sharing init minus the one sharing order."""

FEWEST_LEVELS = 3
"""Smallest number of seeds of each stream for an interval."""

METHOD = "two_way"

ANSWERED = ["component", "value", "ci_low", "ci_high"]
"""Columns of `sources` that the answer in words needs."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Design:
    """Which networks share which streams.

    Attributes
    ----------
    factors
        Names of the F streams.
    levels
        (N, F) level of each network in each stream.
    """

    factors: tuple[str, ...]
    levels: NDArray[np.int64]

    @property
    def n_classes(self) -> int:
        """Number of sets of shared streams. The last is that of all streams, which has no pairs."""
        return 2 ** len(self.factors)

    def name(self, number: int) -> str:
        """Return the streams of a set, joined by +; `NONE` for the empty set."""
        return "+".join(name for place, name in enumerate(self.factors) if number >> place & 1) or NONE

    @cached_property
    def pair_classes(self) -> NDArray[np.int64]:
        """(K,) number of the set of streams that each pair of networks shares."""
        first, second = np.triu_indices(len(self.levels), 1)
        return (self.levels[first] == self.levels[second]) @ (1 << np.arange(len(self.factors)))

    @cached_property
    def n_levels(self) -> tuple[int, ...]:
        """Number of levels of each stream."""
        return tuple(len({*column}) for column in self.levels.T.tolist())

    @cached_property
    def _weights(self) -> Floats:
        """(D, K) whether each pair is left: with all networks, then without each level of each stream."""
        first, second = np.triu_indices(len(self.levels), 1)
        rows = [np.ones(first.size)]
        for column in self.levels.T:
            for level in np.unique(column):
                rows.append(((column[first] != level) & (column[second] != level)).astype(np.float64))
        return np.stack(rows)

    def class_means(self, r: Floats) -> Floats:
        """Return mean correlations of the classes of pairs.

        Parameters
        ----------
        r
            (R, K) correlations of all pairs of networks.

        Returns
        -------
        ndarray
            (R, D, C): of all networks, then without each level of each stream. A class without pairs is NaN, and the
            class of all streams is 1.
        """
        is_member = self.pair_classes == np.arange(self.n_classes)[:, None]
        weights = self._weights[:, None, :] * is_member
        means = weighted_means(r, weights.reshape(-1, r.shape[-1])).reshape(len(r), len(self._weights), self.n_classes)
        means[..., -1] = 1.0
        return means

    def interval(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the ends of the two-way jackknife, which deletes one level of one stream at a time.

        Parameters
        ----------
        values
            (R, D, ...) of all networks, then without each level of each stream.

        Returns
        -------
        low, high
            (R, ...); NaN if a stream has fewer than three levels, or if a value is undefined.
        """
        whole, fewest = values[:, 0], min(self.n_levels, default=0)
        if fewest < FEWEST_LEVELS:
            return np.full(whole.shape, np.nan), np.full(whole.shape, np.nan)
        variance, start = np.zeros(whole.shape), 1
        for n in self.n_levels:
            without = values[:, start : start + n]
            variance += (n - 1) / n * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
            start += n
        half = special.stdtrit(fewest - 1, QUANTILES[1]) * np.sqrt(variance)
        return whole - half, whole + half


def components(design: Design, means: Floats) -> dict[str, Floats]:
    """Return the variance components (...), by name, from mean correlations (..., C) of the classes.

    The components of `COMMON` and of all sets of streams add up to 1. They can be negative. A component is NaN if a
    class that it needs has no pairs. `DIFFERENCE` is there if both init and order are factors.
    """
    found = {COMMON: means[..., 0]}
    numbers = sorted(range(1, design.n_classes), key=lambda number: (number.bit_count(), number))
    for number in numbers:
        subsets = [each for each in range(number + 1) if each & number == each]
        signs = [(-1) ** (number.bit_count() - each.bit_count()) for each in subsets]
        found[design.name(number)] = sum(
            (sign * means[..., each] for sign, each in zip(signs, subsets, strict=True)), np.zeros(means.shape[:-1])
        )
    if {"init", "order"} <= {*design.factors}:
        init, order = (1 << design.factors.index(name) for name in ("init", "order"))
        found[DIFFERENCE] = means[..., init] - means[..., order]
    return found


def n_pairs_of(design: Design, component: str) -> int:
    """Return the number of pairs of networks in the classes from which a component follows."""
    counts = np.bincount(design.pair_classes, minlength=design.n_classes)
    if component == DIFFERENCE:
        return int(sum(counts[1 << design.factors.index(name)] for name in ("init", "order")))
    number = sum(1 << design.factors.index(name) for name in component.split("+") if name != COMMON)
    return int(sum(counts[each] for each in range(number + 1) if each & number == each))


def source_rows(pool: Pool, found: Sequence[tuple[Row, Agreement]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the tables `sources` and `source_pairs`, without the keys of the pool.

    Parameters
    ----------
    found
        Keys (epoch, layer, measure, ...) and agreement of all pairs of networks, for each statistic.
    """
    if len(pool.cells) < 2 or not pool.factors or not found:
        return pd.DataFrame(), pd.DataFrame()
    design = Design(pool.factors, pool.levels)
    counts = {"n_networks": len(pool.cells), "n_missing": pool.n_missing, "levels": pool.described_levels}
    keys = [
        row | counts | {"n_entries": each.n_entries, "n_undefined": int(each.n_undefined.max(initial=0))}
        for row, each in found
    ]
    r = np.stack([each.r for _, each in found])
    means = design.class_means(r)
    squares = design.class_means(r**2)
    return pd.DataFrame(_component_rows(design, keys, means)), pd.DataFrame(_class_rows(design, keys, means, squares))


def _component_rows(design: Design, keys: Sequence[Row], means: Floats) -> Iterator[Row]:
    values = components(design, means)
    ends = {name: design.interval(value) for name, value in values.items()}
    individual = 1 - means[:, 0, 0]
    for place, key in enumerate(keys):
        for name, value in values.items():
            is_part = name not in (COMMON, DIFFERENCE) and individual[place] > 0
            yield key | {
                "component": name,
                "value": value[place, 0],
                "share": value[place, 0] / individual[place] if is_part else np.nan,
                "ci_low": ends[name][0][place],
                "ci_high": ends[name][1][place],
                "ci_method": METHOD,
                "n_pairs": n_pairs_of(design, name),
            }


def _class_rows(design: Design, keys: Sequence[Row], means: Floats, squares: Floats) -> Iterator[Row]:
    low, high = design.interval(means)
    counts = np.bincount(design.pair_classes, minlength=design.n_classes)
    for place, key in enumerate(keys):
        for number in range(design.n_classes - 1):
            yield key | {
                "shared": design.name(number),
                "r": means[place, 0, number],
                "consistency": squares[place, 0, number],
                "ci_low": low[place, number],
                "ci_high": high[place, number],
                "ci_method": METHOD,
                "n_pairs": int(counts[number]),
            }


# The answer in words


def answer(rows: pd.DataFrame) -> str:
    """Return in words which stream constrains more, from the rows of `sources` of one layer, measure and kind."""
    equivalent = float(rows["equivalent"].iloc[0])
    ends = {
        name: (float(value), float(low), float(high))
        for name, value, low, high in zip(*(rows[column] for column in ANSWERED), strict=True)
    }
    value, low, high = ends.get(DIFFERENCE, (np.nan, np.nan, np.nan))
    if np.isnan(value):
        return "init and order are not both crossed"
    change = f"sharing init instead of order changes r by {value:+.3f}"
    if np.isnan(low):
        return f"{change} (no interval)"
    neither = all(-equivalent < ends[name][1] and ends[name][2] < equivalent for name in ("init", "order"))
    return f"{change} ({low:.3f} to {high:.3f}): {_verdict(low, high, equivalent, neither=neither)}"


def _verdict(low: float, high: float, equivalent: float, *, neither: bool) -> str:
    """Return what an interval of the difference says."""
    if neither:
        return "neither constrains, and any one source releases all of the differences"
    if -equivalent < low and high < equivalent:
        return "neither constrains more than the other"
    if low > 0:
        return "initialisation constrains more"
    return "order constrains more" if high < 0 else "undecided"
