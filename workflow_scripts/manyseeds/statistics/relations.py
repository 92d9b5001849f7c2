"""Relations between category clustering, consistency and accuracy: table `relations` (methods 6).

The points of a relation are layers or epochs, which are not random draws. So each coefficient has two intervals:
Fisher's, as if they were, and the jackknife over networks, which holds for the same points in other networks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.statistics.correlations import METHODS, MIN_POINTS, relate
from manyseeds.statistics.intervals import spread, spread_pairs
from manyseeds.statistics.permutation import mantel, network_orders
from manyseeds.statistics.resampling import jackknife_ends, mean_along_last_axis, pair_products, weighted_means
from manyseeds.streams import generator

MIN_NETWORKS = 5
"""Smallest number of networks for the jackknife of a correlation; with fewer, its coverage is too low."""

GROUP = ["architecture", "condition"]
STATISTIC = ["measure", "normalisation"]
LAYER = ["layer", "layer_index"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NetworkMeans:
    """Means over networks by key, and the same means without one network after another.

    Attributes
    ----------
    keys
        Distinct keys, one row per mean.
    means
        (R,), NaN where nothing is defined.
    without
        (R, N) means without each of the N networks, in ascending order of seeds.
    """

    keys: pd.DataFrame
    means: Floats
    without: Floats


def means_of_pairs(frame: pd.DataFrame, keys: list[str], seeds: list[int]) -> NetworkMeans:
    """Return mean consistencies over pairs of networks; parameters as in `spread`."""
    distinct, values = spread_pairs(frame, keys, seeds)
    weights = pair_products(1 - np.eye(len(seeds)))
    return NetworkMeans(distinct, mean_along_last_axis(values), weighted_means(values, weights))


def means_of_networks(frame: pd.DataFrame, keys: list[str], value: str, seeds: list[int]) -> NetworkMeans:
    """Return means over networks; parameters as in `spread`."""
    distinct, values = spread(frame, keys, value, list(frame["seed"]), seeds)
    return NetworkMeans(distinct, mean_along_last_axis(values), weighted_means(values, 1 - np.eye(len(seeds))))


def relations(
    consistency: pd.DataFrame, clustering: pd.DataFrame, accuracy: pd.DataFrame, seed: int = 0
) -> pd.DataFrame:
    """Return the rows of `relations` of a group.

    Parameters
    ----------
    consistency, clustering, accuracy
        The group's rows of these tables, of accepted networks.
    seed
        Root of the permutations.
    """
    consistency = consistency[consistency["dropout_samples"] == 0]
    seeds = sorted({*consistency["seed_a"], *consistency["seed_b"]})
    clustering, accuracy = (frame[frame["seed"].isin(seeds)] for frame in (clustering, accuracy))
    frames = [
        over_layers(consistency, clustering, seeds),
        over_epochs(consistency, accuracy, seeds),
        within_layers(consistency, clustering, seeds, seed),
    ]
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)[COLUMNS]


def over_layers(consistency: pd.DataFrame, clustering: pd.DataFrame, seeds: list[int]) -> pd.DataFrame:
    """Correlate mean clustering index and mean consistency over the layers of an epoch.

    Both change with depth, so the partial correlation given the place of the layer is beside them.
    """
    keys = [*GROUP, "epoch", *LAYER, *STATISTIC]
    x = means_of_networks(clustering, keys, "cci", seeds)
    y = means_of_pairs(consistency, [*keys, "kind"], seeds)
    rows = _relate(x, y, keys, [*GROUP, "epoch", *STATISTIC, "kind"], given="layer_index")
    return rows.assign(relation="cci_consistency_over_layers", layer=None, layer_index=np.nan)


def over_epochs(consistency: pd.DataFrame, accuracy: pd.DataFrame, seeds: list[int]) -> pd.DataFrame:
    """Correlate a layer's mean consistency and mean test accuracy over its analysed epochs but 0.

    Networks that were not trained do not belong to the course of training; the published epochs begin at 1.
    """
    tested = accuracy[(accuracy["split"] == "test") & (accuracy["subset"] == "all")]
    x = means_of_pairs(consistency[consistency["epoch"] > 0], [*GROUP, "epoch", *LAYER, *STATISTIC, "kind"], seeds)
    y = means_of_networks(tested, [*GROUP, "epoch"], "accuracy", seeds)
    rows = _relate(y, x, [*GROUP, "epoch"], [*GROUP, *LAYER, *STATISTIC, "kind"], given=None)
    return rows.assign(relation="consistency_accuracy_over_epochs", epoch=np.nan)


def within_layers(consistency: pd.DataFrame, clustering: pd.DataFrame, seeds: list[int], seed: int) -> pd.DataFrame:
    """Correlate the mean clustering index and the consistency of pairs of networks in each layer.

    Pairs share networks, so there is no Fisher interval: the p-value permutes networks, the interval is a jackknife.
    """
    keys = [*GROUP, "epoch", *LAYER, *STATISTIC]
    of_pairs, values = spread_pairs(consistency, [*keys, "kind"], seeds)
    of_networks, cci = spread(clustering, keys, "cci", list(clustering["seed"]), seeds)
    matched = of_pairs.reset_index().merge(of_networks.reset_index(), on=keys, suffixes=("", "_cci"))
    first, second = np.triu_indices(len(seeds), 1)
    # The same permutations for all layers: their p-values are comparable.
    orders = network_orders(len(seeds), generator(seed, "permutation/within_layer", len(seeds)))
    rows = []
    for row in matched.to_dict("records"):
        place, place_cci = row.pop("index"), row.pop("index_cci")
        x, y = (cci[place_cci][first] + cci[place_cci][second]) / 2, values[place]
        rows.append(row | _within(x, y, orders))
    return pd.DataFrame(rows).reindex(columns=COLUMNS).assign(relation="cci_consistency_within_layer")


def _within(x: Floats, y: Floats, orders: NDArray[np.intp]) -> dict[str, float]:
    """Return one relation over the pairs (K,) of networks, with permutations (B, N) of the networks."""
    n_networks = orders.shape[1]
    row: dict[str, float] = {"n": int((np.isfinite(x) & np.isfinite(y)).sum())}
    if len(x) < MIN_POINTS or row["n"] < len(x) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return row
    row |= {"pearson": _pearson(x, y), "p_permutation": mantel(x, y, orders), "n_networks": n_networks}
    if n_networks < MIN_NETWORKS:
        return row
    kept = pair_products(1 - np.eye(n_networks)) > 0
    without = np.array([_pearson(x[pairs], y[pairs]) for pairs in kept])
    low, high = jackknife_ends(row["pearson"], without, scale="z")
    return row | {"pearson_jackknife_low": low, "pearson_jackknife_high": high}


def _relate(x: NetworkMeans, y: NetworkMeans, on: list[str], keys: list[str], *, given: str | None) -> pd.DataFrame:
    """Return a row per combination of keys with several points; points are matching rows of x and y."""
    points = y.keys.reset_index().merge(x.keys.reset_index(), on=on, suffixes=("", "_x"))
    defined = np.isfinite(x.means[points["index_x"]]) & np.isfinite(y.means[points["index"]])
    rows = []
    for key, group in points[defined].groupby(keys, sort=False):
        if len(group) < 2:
            continue
        at_x, at_y = group["index_x"].to_numpy(), group["index"].to_numpy()
        pairs = [(x.means[at_x], y.means[at_y])]
        pairs += [(x.without[at_x, i], y.without[at_y, i]) for i in range(x.without.shape[1])]
        depth = None if given is None else group[given].to_numpy(np.float64)
        rows.append(dict(zip(keys, key, strict=True)) | _coefficients(pairs, depth))
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _coefficients(pairs: list[tuple[Floats, Floats]], depth: Floats | None) -> dict[str, float]:
    """Return the columns of a relation: coefficients of the means, and their jackknife over networks.

    Parameters
    ----------
    pairs
        Two variables (L,), (L,): means over all networks first, then means without each network in turn.
    depth
        (L,) third variable of the partial correlation; None: no partial correlation.
    """
    (x, y), *without = pairs
    n, found = relate(x, y)
    row: dict[str, float] = {"n": n, "n_networks": len(without)}
    for name, relation in found.items():
        row |= {name: relation.value, f"{name}_p": relation.p}
        row |= {f"{name}_ci_low": relation.low, f"{name}_ci_high": relation.high}
        row |= _jackknife(name, relation.value, without, METHODS[name])
    if depth is not None:
        row["partial"] = _partial(x, y, depth)
        row |= _jackknife("partial", row["partial"], without, lambda a, b: (_partial(a, b, depth),))
    return row


def _jackknife(name: str, value: float, without: list[tuple[Floats, Floats]], correlate: Callable) -> dict[str, float]:
    """Return the jackknife interval of one coefficient; null below five networks or points."""
    if len(without) < MIN_NETWORKS or not np.isfinite(value):
        return {}
    low, high = jackknife_ends(value, np.array([_defined(correlate, x, y) for x, y in without]), scale="z")
    return {f"{name}_jackknife_low": low, f"{name}_jackknife_high": high}


def _defined(correlate: Callable, x: Floats, y: Floats) -> float:
    """Return a coefficient of the points that are defined in both variables."""
    defined = np.isfinite(x) & np.isfinite(y)
    enough = defined.sum() >= MIN_POINTS and np.ptp(x[defined]) > 0 and np.ptp(y[defined]) > 0
    return float(correlate(x, y)[0]) if enough and defined.all() else float("nan")


def _pearson(x: Floats, y: Floats) -> float:
    return METHODS["pearson"](x, y)[0]


def _partial(x: Floats, y: Floats, given: Floats) -> float:
    """Return the partial correlation of two variables given a third; NaN below `MIN_POINTS` points."""
    if len(x) < MIN_POINTS or not np.isfinite([x, y]).all():
        return float("nan")
    r, of_x, of_y = _pearson(x, y), _pearson(x, given), _pearson(y, given)
    rest = (1 - of_x**2) * (1 - of_y**2)
    return float((r - of_x * of_y) / np.sqrt(rest)) if rest > 0 else float("nan")


COLUMNS = [
    *GROUP,
    "epoch",
    *LAYER,
    *STATISTIC,
    "kind",
    "relation",
    "n",
    *(f"{name}{end}" for name in METHODS for end in ("", "_p", "_ci_low", "_ci_high")),
    "n_networks",
    *(f"{name}_jackknife_{end}" for name in METHODS for end in ("low", "high")),
    "partial",
    "partial_jackknife_low",
    "partial_jackknife_high",
    "p_permutation",
]
"""Columns of the table `relations`."""
