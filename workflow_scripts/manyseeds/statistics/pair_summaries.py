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
from manyseeds.comparison.shared_streams import NONE, pooled
from manyseeds.statistics.intervals import (
    PERCENTILES,
    UNIT_INTERVAL,
    Bootstrap,
    PairStatistics,
    difference,
    number_of_stimuli,
    pair_intervals,
    spread,
    spread_pairs,
)

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
        Rows of `consistency` of the first and of the second condition, with a column `shared` as in `across`. Only
        statistics that `across` has are used.
    unequally_drawn
        Seeds whose two networks were accepted at different attempts. They do not share the draws of their seed, and
        make no pair of the same seed.
    same_network
        Seeds whose two networks are one and the same. `across` does not have them as a pair.
    """

    def __init__(
        self,
        across: pd.DataFrame,
        within: tuple[pd.DataFrame, pd.DataFrame],
        unequally_drawn: Collection[int] = (),
        same_network: Collection[int] = (),
    ) -> None:
        between = across.assign(epoch=across["epoch_a"], network_set=BETWEEN)
        sets = [rows.merge(between[STATISTIC].drop_duplicates(), on=STATISTIC) for rows in within]
        rows = pd.concat([between, *(rows.assign(network_set=place) for place, rows in enumerate(sets))])
        rows = rows[rows["dropout_samples"] == 0]
        self.seeds = sorted({*rows["seed_a"], *rows["seed_b"]})
        self.n_stimuli = number_of_stimuli(across)
        self._pairs = np.triu_indices(len(self.seeds), 1)
        columns = [(BETWEEN, *seeds) for seeds in product(self.seeds, repeat=2)]
        columns += [(place, *seeds) for place in (0, 1) for seeds in combinations(self.seeds, 2)]
        found = list(zip(rows["network_set"], rows["seed_a"], rows["seed_b"], strict=True))
        self.keys, values = spread(rows, STATISTIC, "consistency", found, columns)
        n, n_pairs = len(self.seeds), self._pairs[0].size
        between, first, second = np.split(values, [n * n, n * n + n_pairs], axis=1)
        self._between, self._within = between.reshape(len(values), n, n), np.stack([first, second])
        shared = dict(zip(found, rows["shared"].astype(object).where(rows["shared"].notna(), None), strict=True))
        labels = np.array([shared.get(column) for column in columns], dtype=object)
        self._shared_between, self._shared_within = labels[: n * n].reshape(n, n), labels[n * n :]
        self._is_redrawn, self._is_same = (np.isin(self.seeds, list(each)) for each in (unequally_drawn, same_network))

    def pools(self) -> list[tuple[str, str | None, PairStatistics]]:
        """Return pools of pairs: name, streams that the networks of each pair share, and consistencies.

        Pairs between conditions make two pools by their seeds, and one for each set of shared streams.
        """
        apart = ~np.eye(len(self.seeds), dtype=bool)
        same_seed = self._shared_between.diagonal()[~self._is_redrawn]
        known = sorted({*self._shared_between.ravel()} - {None}, key=lambda each: (each != NONE, each.count("+"), each))
        return [
            ("within", pooled(self._shared_within), self.within()),
            ("same_seed", pooled(same_seed), self.same_seed()),
            ("different_seeds", pooled(self._shared_between[apart]), self.different_seeds()),
            *((BETWEEN, shared, self.sharing(shared)) for shared in known),
        ]

    def same_seed(self) -> PairStatistics:
        """Return the consistencies between conditions, of networks with the same seed."""
        seeds = np.arange(len(self.seeds))
        return self._statistics(seeds, seeds, self._between_equal_seeds())

    def different_seeds(self) -> PairStatistics:
        """Return the consistencies between conditions, of networks with different seeds."""
        first, second = np.nonzero(~np.eye(len(self.seeds), dtype=bool))
        return self._statistics(first, second, self._between[:, first, second])

    def sharing(self, shared: str) -> PairStatistics:
        """Return the consistencies between conditions, of networks that share some streams and no others."""
        first, second = np.nonzero(self._shared_between == shared)
        return self._statistics(first, second, self._between[:, first, second])

    def within(self) -> PairStatistics:
        """Return the consistencies within the first condition, followed by those within the second."""
        first, second = np.tile(self._pairs, 2)
        return self._statistics(first, second, np.concatenate(self._within, axis=1))

    def minus_within(self, *, same_seed: bool) -> PairStatistics:
        """Return the consistencies between conditions minus those within, by pair of seeds.

        Two seeds i and j have four networks, two in each condition. Between conditions these make the pairs (i, j) and
        (j, i) of different seeds, or (i, i) and (j, j) of the same seed. Within conditions they make one pair each. A
        pair of seeds counts only if all four networks were accepted: otherwise the condition with more networks would
        outweigh the other. Of a redrawn seed, the same-seed pair of the other seed counts alone. If both networks of a
        seed are one and the same, its pairs of different seeds are the pairs within the conditions. They are left out,
        because their difference is 0 for any networks.
        """
        i, j = self._pairs
        within = self._within.mean(axis=0)
        if same_seed:
            ends = [self._between_equal_seeds()[:, seed] for seed in (i, j)]
            return self._statistics(i, j, mean_along_first_axis(np.stack(ends)) - within)
        is_left = ~(self._is_same[i] | self._is_same[j])
        between = np.where(is_left, (self._between[:, i, j] + self._between[:, j, i]) / 2, np.nan)
        return self._statistics(i, j, between - within)

    def _between_equal_seeds(self) -> NDArray[np.float64]:
        """Return the consistencies (keys, seeds) of the two networks of each seed; NaN if one was redrawn."""
        return np.where(self._is_redrawn, np.nan, self._between.diagonal(axis1=1, axis2=2))

    def _statistics(self, first: NDArray, second: NDArray, values: NDArray[np.float64]) -> PairStatistics:
        return PairStatistics(self.keys, len(self.seeds), (first, second), values, [None] * len(self.keys))


def summarise_pair(pair: ConditionPair, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean consistencies: `consistency_across_summary` without conditions and `n_collapsed`."""
    frames = [
        _without_star(pair_intervals(rows, bootstrap, UNIT_INTERVAL), rows).assign(pairs=name, shared=shared)
        for name, shared, rows in pair.pools()
    ]
    return pd.concat(frames, ignore_index=True).drop(columns=PERCENTILES).assign(n_stimuli=pair.n_stimuli)


def _without_star(rows: pd.DataFrame, statistics: PairStatistics) -> pd.DataFrame:
    """Return rows of intervals, null but for `pairs` if one seed is in all pairs.

    Such pairs say nothing about other networks.
    """
    first, second = statistics.pairing
    if not first.size or not any(((first == seed) | (second == seed)).all() for seed in (first[0], second[0])):
        return rows
    ends = rows[["ci_low", "ci_high"]].where(rows["ci_method"] == "pairs")
    return rows.assign(ci_low=ends["ci_low"], ci_high=ends["ci_high"])


def contrast_pair(pair: ConditionPair, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean differences, between minus within: rows of `contrasts` without conditions."""
    contrasts = {
        "between_minus_within_different_seeds": pair.minus_within(same_seed=False),
        "between_minus_within_same_seed": pair.minus_within(same_seed=True),
    }
    frames = [pair_intervals(rows, bootstrap, None).assign(contrast=name, p=np.nan) for name, rows in contrasts.items()]
    return pd.concat(frames, ignore_index=True).assign(matched_epoch=np.nan, accuracy_difference=np.nan)


def contrast_conditions(
    consistency: pd.DataFrame,
    condition: str,
    subtracted: str,
    bootstrap: Bootstrap,
    unequally_drawn: Collection[int] = (),
) -> pd.DataFrame:
    """Return mean differences of consistency of two conditions, paired over their common pairs of seeds.

    Parameters
    ----------
    consistency
        Rows of the table `consistency` for both conditions. Rows of the last epoch, with dropout off and without
        normalisation, are used.
    unequally_drawn
        Seeds whose networks in the two conditions were accepted at different attempts. They are left out: their
        networks differ in more than the condition.

    Returns
    -------
    Rows of `contrasts` without `contrast` and `condition_b`.
    """
    rows = consistency[
        (consistency["epoch"] == consistency["epoch"].max())
        & (consistency["dropout_samples"] == 0)
        & (consistency["normalisation"] == "none")
        & consistency["kind"].isin(CONDITION_KINDS)
        & ~consistency[["seed_a", "seed_b"]].isin(list(unequally_drawn)).any(axis=1)
    ]
    seeds = sorted({*rows["seed_a"], *rows["seed_b"]})
    keys, values = spread_pairs(rows, ["condition", *STATISTIC], seeds)
    statistics = PairStatistics(keys, len(seeds), np.triu_indices(len(seeds), 1), values, [None] * len(keys))
    contrasts = pair_intervals(difference(statistics, "condition", condition, subtracted), bootstrap, None)
    return contrasts.assign(p=np.nan)
