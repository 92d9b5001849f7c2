"""Summaries over two conditions of one architecture: consistency between and within, differences.

See methods 5 and 9, and Mehrer et al. (2020), supp. 3. The two networks of a seed are not independent. Intervals
therefore leave out or draw seeds: both networks together.
"""

from collections.abc import Collection
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.comparison.across_groups import CONDITION_KINDS
from manyseeds.comparison.consistency import mean_along_first_axis
from manyseeds.statistics.intervals import UNIT_INTERVAL, Bootstrap, PairStatistics, difference, pair_intervals, spread

STATISTIC = ["architecture", "epoch", "layer", "layer_index", "measure", "normalisation", "kind"]
"""Key columns of the statistics of a pair of conditions."""

BETWEEN = "between"


class ConditionPair:
    """Consistencies of the networks of two conditions: between the conditions, and within each.

    Parameters
    ----------
    across
        Rows of `consistency_across` of the two conditions, `condition_a` the first.
    within
        Rows of `consistency` of the first and of the second condition. Only statistics that `across` has are used.
    unequally_drawn
        Seeds of which one network was redrawn. Their two networks differ in more than the condition, and make no pair
        of the same seed.
    """

    def __init__(
        self,
        across: pd.DataFrame,
        within: tuple[pd.DataFrame, pd.DataFrame],
        unequally_drawn: Collection[int] = (),
    ) -> None:
        between = across.assign(epoch=across["epoch_a"], network_set=BETWEEN)
        sets = [rows.merge(between[STATISTIC].drop_duplicates(), on=STATISTIC) for rows in within]
        rows = pd.concat([between, *(rows.assign(network_set=place) for place, rows in enumerate(sets))])
        rows = rows[rows["dropout_samples"] == 0]
        self.seeds = sorted({*rows["seed_a"], *rows["seed_b"]})
        self._pairs = np.triu_indices(len(self.seeds), 1)
        columns = [(BETWEEN, *seeds) for seeds in product(self.seeds, repeat=2)]
        columns += [(place, *seeds) for place in (0, 1) for seeds in combinations(self.seeds, 2)]
        found = list(zip(rows["network_set"], rows["seed_a"], rows["seed_b"], strict=True))
        self.keys, values = spread(rows, STATISTIC, "consistency", found, columns)
        n, n_pairs = len(self.seeds), self._pairs[0].size
        between, *within = np.split(values, [n * n, n * n + n_pairs], axis=1)
        self._between, self._within = between.reshape(len(values), n, n).copy(), np.stack(within)
        redrawn = np.flatnonzero(np.isin(self.seeds, list(unequally_drawn)))
        self._between[:, redrawn, redrawn] = np.nan

    def same_seed(self) -> PairStatistics:
        """Return the consistencies between conditions, of networks with the same seed."""
        seeds = np.arange(len(self.seeds))
        return self._statistics(seeds, seeds, self._between[:, seeds, seeds])

    def different_seeds(self) -> PairStatistics:
        """Return the consistencies between conditions, of networks with different seeds."""
        first, second = np.nonzero(~np.eye(len(self.seeds), dtype=bool))
        return self._statistics(first, second, self._between[:, first, second])

    def within(self) -> PairStatistics:
        """Return the consistencies within the first condition, followed by those within the second."""
        first, second = np.tile(self._pairs, 2)
        return self._statistics(first, second, np.concatenate(self._within, axis=1))

    def minus_within(self, *, same_seed: bool) -> PairStatistics:
        """Return the consistencies between conditions minus those within, by pair of seeds.

        Both terms are means of defined values. Two seeds i and j have four networks, two in each condition. Between
        conditions these make the pairs (i, j) and (j, i) of different seeds, or (i, i) and (j, j) of the same seed.
        Within conditions they make one pair each.
        """
        i, j = self._pairs
        ends = ((i, i), (j, j)) if same_seed else ((i, j), (j, i))
        between = mean_along_first_axis(np.stack([self._between[:, a, b] for a, b in ends]))
        return self._statistics(i, j, between - mean_along_first_axis(self._within))

    def _statistics(self, first: NDArray, second: NDArray, values: NDArray[np.float64]) -> PairStatistics:
        return PairStatistics(self.keys, len(self.seeds), (first, second), values, [None] * len(self.keys))


def summarise_pair(pair: ConditionPair, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean consistencies: `consistency_across_summary` without conditions and `n_collapsed`."""
    groups = {"within": pair.within(), "same_seed": pair.same_seed(), "different_seeds": pair.different_seeds()}
    frames = [pair_intervals(rows, bootstrap, UNIT_INTERVAL).assign(pairs=name) for name, rows in groups.items()]
    return pd.concat(frames, ignore_index=True)


def contrast_pair(pair: ConditionPair, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean differences, between minus within: rows of `contrasts` without conditions."""
    contrasts = {
        "between_minus_within_different_seeds": pair.minus_within(same_seed=False),
        "between_minus_within_same_seed": pair.minus_within(same_seed=True),
    }
    frames = [pair_intervals(rows, bootstrap, None).assign(contrast=name) for name, rows in contrasts.items()]
    return pd.concat(frames, ignore_index=True)


def contrast_conditions(
    consistency: pd.DataFrame, condition: str, subtracted: str, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return mean differences of consistency of two conditions, paired over their common pairs of seeds.

    Parameters
    ----------
    consistency
        Rows of the table `consistency` for both conditions. Rows of the last epoch, with dropout off and without
        normalisation, are used.

    Returns
    -------
    Rows of `contrasts` without `contrast` and `condition_b`.
    """
    rows = consistency[
        (consistency["epoch"] == consistency["epoch"].max())
        & (consistency["dropout_samples"] == 0)
        & (consistency["normalisation"] == "none")
        & consistency["kind"].isin(CONDITION_KINDS)
    ]
    seeds = sorted({*rows["seed_a"], *rows["seed_b"]})
    pairs = list(zip(rows["seed_a"], rows["seed_b"], strict=True))
    keys, values = spread(rows, ["condition", *STATISTIC], "consistency", pairs, list(combinations(seeds, 2)))
    statistics = PairStatistics(keys, len(seeds), np.triu_indices(len(seeds), 1), values, [None] * len(keys))
    return pair_intervals(difference(statistics, "condition", condition, subtracted), bootstrap, None)
