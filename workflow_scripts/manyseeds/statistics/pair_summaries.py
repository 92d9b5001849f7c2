"""Summaries over two conditions of one architecture: consistency between and within them, and what differs.

See methods 5 and 9, and Mehrer et al. (2020), supp. 3. The networks of a seed in both conditions are not independent:
intervals leave out or draw seeds, which takes both networks at once.
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
"""Columns that tell statistics of a pair of conditions apart."""

BETWEEN = "between"


class ConditionPair:
    """Consistencies of the networks of two conditions: between the conditions, and within either.

    Parameters
    ----------
    across
        Rows of `consistency_across` of the two conditions, `condition_a` the first.
    within
        Rows of `consistency` of the first condition, and of the second; of them only what is in `across` too counts.
    unequally_drawn
        Seeds whose networks differ in more than the condition, since one of them was redrawn: no pairs of one seed.
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
        """Return the consistencies between conditions, of networks of the same seed: only the conditions differ."""
        seeds = np.arange(len(self.seeds))
        return self._statistics(seeds, seeds, self._between[:, seeds, seeds])

    def different_seeds(self) -> PairStatistics:
        """Return the consistencies between conditions, of networks of different seeds."""
        first, second = np.nonzero(~np.eye(len(self.seeds), dtype=bool))
        return self._statistics(first, second, self._between[:, first, second])

    def within(self) -> PairStatistics:
        """Return the consistencies within a condition, those of the first and of the second side by side."""
        first, second = np.tile(self._pairs, 2)
        return self._statistics(first, second, np.concatenate(self._within, axis=1))

    def minus_within(self, *, same_seed: bool) -> PairStatistics:
        """Return the consistencies between conditions less those within, by pair of seeds.

        Both terms are means of what is defined. The pair (i, j) has two networks of either condition: between different
        seeds the two pairs (i, j) and (j, i), between same seeds (i, i) and (j, j), and one pair within each condition.
        """
        i, j = self._pairs
        ends = ((i, i), (j, j)) if same_seed else ((i, j), (j, i))
        between = mean_along_first_axis(np.stack([self._between[:, a, b] for a, b in ends]))
        return self._statistics(i, j, between - mean_along_first_axis(self._within))

    def _statistics(self, first: NDArray, second: NDArray, values: NDArray[np.float64]) -> PairStatistics:
        return PairStatistics(self.keys, len(self.seeds), (first, second), values, [None] * len(self.keys))


def summarise_pair(pair: ConditionPair, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean consistencies: rows of `consistency_across_summary` but for conditions and `n_collapsed`."""
    groups = {"within": pair.within(), "same_seed": pair.same_seed(), "different_seeds": pair.different_seeds()}
    frames = [pair_intervals(rows, bootstrap, UNIT_INTERVAL).assign(pairs=name) for name, rows in groups.items()]
    return pd.concat(frames, ignore_index=True)


def contrast_pair(pair: ConditionPair, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean differences between minus within: rows of `contrasts` but for the conditions."""
    contrasts = {
        "between_minus_within_different_seeds": pair.minus_within(same_seed=False),
        "between_minus_within_same_seed": pair.minus_within(same_seed=True),
    }
    frames = [pair_intervals(rows, bootstrap, None).assign(contrast=name) for name, rows in contrasts.items()]
    return pd.concat(frames, ignore_index=True)


def contrast_conditions(
    consistency: pd.DataFrame, condition: str, subtracted: str, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return the mean differences of consistency of two conditions, paired over the pairs of seeds that both have.

    Parameters
    ----------
    consistency
        Rows of that table, of both conditions; looked at are the last epoch, dropout off, no normalisation.

    Returns
    -------
    Rows of `contrasts` but for `contrast` and `condition_b`.
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
