"""Summaries of comparators: means with intervals, changes with depth and training, and agreement (methods 5).

Every statistic of layer means has a delete-one-network jackknife: all means are computed again without each network.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.statistics.intervals import PERCENTILES, UNIT_INTERVAL, Bootstrap, PairStatistics, pair_intervals, spread
from manyseeds.statistics.resampling import jackknife_ends, pair_products, weighted_means

Floats = NDArray[np.float64]

VARIANT = ["comparator", "measure", "normalisation"]
LAYER = ["layer", "layer_index"]
GROUP = ["architecture", "condition", "epoch"]
KEYS = [*GROUP, *LAYER, *VARIANT]

IN_UNIT_INTERVAL = ("r2", "cosine", "cka", "procrustes")
"""Comparators whose values lie between 0 and 1; others can be negative."""

FEWEST_LAYERS = 3
"""Smallest number of layers for rank correlations with depth and between comparators."""

Row = dict[str, Any]
Rows = Iterator[Row]


def summarise(
    observed: Mapping[str, pd.DataFrame], bootstrap: Bootstrap, *, n_collapsed: int
) -> dict[str, pd.DataFrame]:
    """Return the tables of comparators of a group, by name; without rows if there are no two networks.

    Parameters
    ----------
    observed
        Rows of `comparison.by_comparators`, with the keys of the group.
    n_collapsed
        Number of collapsed networks.
    """
    comparators, shares = observed["comparators"], observed["correspondence"]
    empty = pd.DataFrame()
    summary = summarise_comparators(comparators, bootstrap) if len(comparators) else empty
    return {
        "comparators": comparators,
        "comparators_summary": summary.assign(n_collapsed=n_collapsed),
        "comparator_drop": summarise_drops(comparators) if len(comparators) else empty,
        "correspondence": summarise_correspondence(shares, bootstrap) if len(shares) else empty,
    }


def summarise_comparators(comparators: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean similarities over a group's pairs of networks, by key and interval method.

    Parameters
    ----------
    comparators
        Rows of the table `comparators` for the group.
    """
    bounded = comparators["comparator"].isin(IN_UNIT_INTERVAL)
    frames = [
        pair_intervals(_pair_statistics(comparators[chosen], "value"), bootstrap, bounds)
        for chosen, bounds in ((bounded, UNIT_INTERVAL), (~bounded, None))
        if chosen.any()
    ]
    in_order = comparators.groupby(KEYS, dropna=False, sort=False)["n_stimuli"].min().reset_index()
    summary = in_order.merge(pd.concat(frames, ignore_index=True), how="left", on=KEYS)
    summary = summary.drop(columns=PERCENTILES, errors="ignore")
    return summary.assign(at_bound=summary["at_bound"].eq(True) if "at_bound" in summary else False)


def summarise_correspondence(shares: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return the share of ordered pairs of networks whose layers correspond, with its jackknife.

    Parameters
    ----------
    shares
        Rows of `comparison.by_comparators` with the keys of the group.
    """
    intervals = pair_intervals(_pair_statistics(shares, "share", [*KEYS, "chance"]), bootstrap, UNIT_INTERVAL)
    rows = intervals[intervals["ci_method"] == "jackknife"].rename(columns={"mean": "share"})
    return rows.drop(columns=["min", "max", "n_resamples", *PERCENTILES], errors="ignore")


def _pair_statistics(table: pd.DataFrame, value: str, keys: Sequence[str] = KEYS) -> PairStatistics:
    seeds = sorted({*table["seed_a"], *table["seed_b"]})
    pairs = list(zip(table["seed_a"], table["seed_b"], strict=True))
    rows, values = spread(table, list(keys), value, pairs, list(combinations(seeds, 2)))
    return PairStatistics(rows, len(seeds), np.triu_indices(len(seeds), 1), values, [None] * len(rows))


# Statistics of layer means


@dataclass(frozen=True)
class Means:
    """Mean similarities of a group at one epoch.

    Attributes
    ----------
    variants, layers
        Keys of V comparators, with measure and normalisation, and of L layers in order of depth.
    values
        (V, L, K) values of the pairs of networks.
    means
        (V, L, 1 + N) means over pairs: of all networks, then without each of them.
    """

    variants: list[dict[str, Any]]
    layers: pd.DataFrame
    values: Floats
    means: Floats

    @property
    def n_networks(self) -> int:
        """Number of networks N."""
        return self.means.shape[-1] - 1


def summarise_drops(comparators: pd.DataFrame) -> pd.DataFrame:
    """Return the table `comparator_drop` of a group: statistics of layer means, with jackknife over networks.

    Parameters
    ----------
    comparators
        Rows of the table `comparators` for the group, of one epoch or also of epoch 0 in all layers.
    """
    rows: list[Row] = []
    epochs = sorted({int(epoch) for epoch in comparators["epoch"]})
    means = {epoch: _means(comparators[comparators["epoch"] == epoch]) for epoch in epochs}
    for epoch, found in means.items():
        of_epoch = [*_with_depth(found), *_concordance(found), *_between_comparators(found)]
        if epoch > 0 and 0 in means:
            of_epoch += _learned(found, means[0])
        rows += [row | {"epoch": epoch, "n_networks": found.n_networks} for row in of_epoch]
    group = {key: comparators[key].iloc[0] for key in ("architecture", "condition")}
    return pd.DataFrame(rows).assign(**group, ci_method="jackknife")


def _means(comparators: pd.DataFrame) -> Means:
    """Return the mean similarities of one epoch."""
    statistics = _pair_statistics(comparators.sort_values("layer_index", kind="stable"), "value")
    layers = statistics.keys[LAYER].drop_duplicates().reset_index(drop=True)
    by_variant = statistics.keys.groupby(VARIANT, dropna=False, sort=False)
    named = statistics.keys[VARIANT].drop_duplicates().astype(object)
    variants = cast(list[Row], named.where(named.notna(), None).to_dict("records"))
    values = np.stack([statistics.values[rows.index] for _, rows in by_variant])
    n = statistics.n_networks
    weights = pair_products(np.concatenate([np.ones((1, n)), 1 - np.eye(n)]))
    return Means(variants, layers, values, weighted_means(values, weights))


def _statistic(quantity: str, values: Floats, scale: str = "own", **keys: Any) -> Row:
    """Return a row of the table, from values (1 + N,) of all networks and without each of them."""
    low, high = jackknife_ends(float(values[0]), values[1:], scale=scale)
    return {"quantity": quantity, "value": float(values[0]), "ci_low": low, "ci_high": high, **keys}


def _with_depth(found: Means) -> Rows:
    """Yield the change of each comparator with depth; null if a layer that it takes is undefined."""
    n_layers = len(found.layers)
    order = np.broadcast_to(np.arange(n_layers, dtype=np.float64)[:, None], found.means.shape[1:])
    for variant, means in zip(found.variants, found.means, strict=True):
        if n_layers > 1:
            is_whole = np.isfinite(means[:, 0]).all()
            lowest = cast(Row, found.layers.iloc[int(np.argmin(means[:, 0]))].to_dict()) if is_whole else {}
            yield _statistic("last_minus_first", means[-1] - means[0], **variant)
            yield _statistic("lowest_minus_first", means.min(axis=0) - means[0], **variant, **lowest)
        if n_layers >= FEWEST_LAYERS:
            yield _statistic("rank_correlation_with_depth", _columns_r(_ranks(means), order), "z", **variant)


def _concordance(found: Means) -> Rows:
    """Yield Kendall's W: how far comparators of one measure and normalisation agree on the order of layers."""
    for (measure, normalisation), members in _sets(found.variants).items():
        if len(members) > 1 and len(found.layers) >= FEWEST_LAYERS:
            keys = {"measure": measure, "normalisation": normalisation, "n_comparators": len(members)}
            yield _statistic("concordance", kendall_w(found.means[members]), **keys)


def _between_comparators(found: Means) -> Rows:
    """Yield Pearson's r between two comparators, over pairs of networks x layers."""
    n = found.n_networks
    first, second = np.triu_indices(n, 1)
    kept = [np.ones(first.size, bool)] + [(first != network) & (second != network) for network in range(n)]
    pairs = {pair for members in _sets(found.variants).values() for pair in combinations(members, 2)}
    for a, b in sorted(pairs):
        values = np.array([_r(found.values[a][:, pairs].ravel(), found.values[b][:, pairs].ravel()) for pairs in kept])
        keys = found.variants[a] if found.variants[a]["measure"] else found.variants[b]
        both = {"comparator": found.variants[a]["comparator"], "comparator_b": found.variants[b]["comparator"]}
        yield _statistic("r", values, "z", **(keys | both))


def _learned(trained: Means, untrained: Means) -> Rows:
    """Yield trained minus untrained for each comparator and layer. Networks are paired: each with itself."""
    before = {
        tuple(variant.values()): means for variant, means in zip(untrained.variants, untrained.means, strict=True)
    }
    places = {layer: place for place, layer in enumerate(untrained.layers["layer"])}
    layers = cast(list[dict[str, Any]], trained.layers.to_dict("records"))  # columns have names
    for variant, means in zip(trained.variants, trained.means, strict=True):
        for layer, after in zip(layers, means, strict=True):
            if tuple(variant.values()) in before and layer["layer"] in places:
                difference = after - before[tuple(variant.values())][places[layer["layer"]]]
                yield _statistic("trained_minus_untrained", difference, **variant, **layer)


def _sets(variants: Sequence[dict[str, Any]]) -> dict[tuple[object, object], list[int]]:
    """Return the comparators that belong together: those of a measure and normalisation, with those that have none."""
    keys = [(variant["measure"], variant["normalisation"]) for variant in variants]
    named = dict.fromkeys(key for key in keys if key[0]) or {(None, None): None}
    return {name: [place for place, key in enumerate(keys) if key in (name, (None, None))] for name in named}


def kendall_w(values: Floats) -> Floats:
    """Return Kendall's coefficient of concordance, corrected for ties.

    Parameters
    ----------
    values
        (M, L, ...) values of L items by M judges, all defined.

    Returns
    -------
    ndarray
        (...) from 0 to 1; NaN if each judge has a tie of all items.
    """
    m, n = values.shape[:2]
    ranks = _ranks(values, axis=1)
    deviations = ((ranks.sum(axis=0) - m * (n + 1) / 2) ** 2).sum(axis=0)
    # The sum of squares of ranks is less with ties, by the usual correction.
    spread_of_ranks = ((ranks - (n + 1) / 2) ** 2).sum(axis=1).sum(axis=0)
    return np.divide(deviations, m * spread_of_ranks, out=np.full(deviations.shape, np.nan), where=spread_of_ranks > 0)


def _ranks(values: Floats, axis: int = 0) -> Floats:
    from scipy.stats import rankdata  # takes half a second, which most users of this module need not spend

    return rankdata(values, axis=axis)


def _columns_r(first: Floats, second: Floats) -> Floats:
    """Return Pearson's r of each column of two matrices."""
    return np.array([_r(a, b) for a, b in zip(first.T, second.T, strict=True)])


def _r(first: Floats, second: Floats) -> float:
    """Return Pearson's r over entries that both define; NaN for fewer than three, or for a constant."""
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    if both.sum() < FEWEST_LAYERS or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
