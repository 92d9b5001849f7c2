"""Which pairs of networks are similar yet different, or different yet similar? Table `paradox` (methods 11)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from manyseeds.kernels.pairs import NULL, SEEDS, SIBLINGS
from manyseeds.statistics import resampling
from manyseeds.statistics.agreement import is_equivalent, paired_half_width
from manyseeds.study.distortions import NONE

ALPHA = 0.05
UPPER_QUANTILE = 0.975
"""Quantile of the differences between seeds that a difference must exceed."""

PAIR = ["pair_kind", "seed_a", "variant_a", "seed_b", "variant_b"]
MATCHINGS = ("index", "greedy", "propagated")


def paradox(
    errors: pd.DataFrame, accuracy: pd.DataFrame, kernels: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Return the rows of `paradox` of a group: one for each kind of pairs, variant and distortion.

    There are none below two networks, because the criteria compare differences with those of pairs of seeds.

    Parameters
    ----------
    errors, accuracy
        Rows of `error_agreement` and `distorted_accuracy`, with the keys of the group.
    kernels
        The group's rows of this table.
    thresholds
        `similar`, `different` and `equivalent` of the config's `paradox`.
    """
    if not (errors["pair_kind"] == SEEDS).any():
        return pd.DataFrame()
    pairs = judged(errors, accuracy, kernels, thresholds)
    if pairs.empty:
        return pd.DataFrame()
    group = {"architecture": accuracy["architecture"].iloc[0], "condition": accuracy["condition"].iloc[0]}
    named = pairs["variant_b"].where(~pairs["pair_kind"].isin([SIBLINGS]), None)
    rows = [
        group | _row(rows)
        for _, rows in pairs.assign(named=named).groupby(["pair_kind", "named", "distortion"], dropna=False, sort=False)
    ]
    return pd.DataFrame(rows)


def seeds_high(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the 97.5 % quantile of the absolute difference of pairs of seeds, by distortion and strength."""
    rows = errors[errors["pair_kind"] == SEEDS].assign(absolute=lambda frame: frame["difference"].abs())
    by_condition = rows.groupby(["distortion", "strength"], dropna=False)["absolute"]
    return by_condition.quantile(UPPER_QUANTILE).rename("seeds_high").reset_index()


def judged(
    errors: pd.DataFrame, accuracy: pd.DataFrame, kernels: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Return one row for each pair and distortion, with what decides on it; parameters as in `paradox`.

    Performance differs if it does so at any strength that is not at the floor: by more than pairs of seeds do, and with
    p < 0.05 by McNemar's test after Holm's correction. It is equivalent if it is so at all these strengths.
    """
    floor = accuracy.drop_duplicates(["distortion", "strength"])[["distortion", "strength", "at_floor"]]
    rows = errors.merge(floor, on=["distortion", "strength"]).merge(seeds_high(errors), on=["distortion", "strength"])
    rows = rows[~rows["at_floor"].astype(bool) | (rows["distortion"] == NONE)]
    half = paired_half_width(rows["n_only_a"].to_numpy(), rows["n_only_b"].to_numpy(), rows["n_images"].to_numpy())
    absolute = rows["difference"].abs()
    rows = rows.assign(
        absolute=absolute,
        differs=(absolute > rows["seeds_high"]) & (rows["mcnemar_p_holm"] < ALPHA),
        equivalent=is_equivalent(absolute.to_numpy(), half, thresholds["equivalent"]),
        can_qualify=half < thresholds["equivalent"],
    )
    aggregated = rows.groupby([*PAIR, "distortion"], sort=False).agg(
        mean_absolute=("absolute", "mean"),
        max_absolute=("absolute", "max"),
        seeds_high=("seeds_high", "mean"),
        differs=("differs", "any"),
        equivalent=("equivalent", "all"),
        can_qualify=("can_qualify", "all"),
    )
    both = aggregated.reset_index().merge(_of_networks(kernels), on=PAIR)
    excess = (both["greedy"] - both["chance_mean"]) / (1 - both["chance_mean"])
    return both.assign(
        excess=excess, similar=both["index"] > thresholds["similar"], dissimilar=excess < thresholds["different"]
    )


def _of_networks(kernels: pd.DataFrame) -> pd.DataFrame:
    """Return the similarity of whole networks, a column for each matching, with the chance level of greedy matching."""
    rows = kernels[kernels["layer"].isna() & (kernels["pair_kind"] != NULL)]
    wide = rows.pivot_table(index=PAIR, columns="matching", values="similarity").reset_index()
    chance = rows[rows["matching"] == "greedy"][["chance_mean", "chance_high"]].iloc[:1]
    return wide.assign(
        chance_mean=float(chance["chance_mean"].iloc[0]), chance_high=float(chance["chance_high"].iloc[0])
    )


def _row(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return the row of pairs of one kind, variant and distortion."""
    kind, variant = pairs["pair_kind"].iloc[0], pairs["named"].iloc[0]
    row: dict[str, Any] = {"pair_kind": kind, "variant_b": variant, "distortion": pairs["distortion"].iloc[0]}
    row |= {"n_networks": len({*pairs["seed_a"], *pairs["seed_b"]}), "n_pairs": len(pairs)}
    for matching in MATCHINGS:
        values = pairs[matching] if matching in pairs else pd.Series([np.nan])
        row |= {f"similarity_{matching}_mean": values.mean(), f"similarity_{matching}_min": values.min()}
    different = pairs["similar"] & pairs["differs"]
    similar = pairs["dissimilar"] & pairs["equivalent"]
    counted = similar if kind == SEEDS else different
    return row | {
        "chance_high": pairs["chance_high"].iloc[0],
        "difference_mean_abs": pairs["mean_absolute"].mean(),
        "difference_max_abs": pairs["max_absolute"].max(),
        "seeds_high": pairs["seeds_high"].iloc[0],
        "excess_mean": pairs["excess"].mean(),
        "n_similar": int(pairs["similar"].sum()),
        "n_similar_yet_different": int(different.sum()),
        "n_different": int(pairs["dissimilar"].sum()),
        "n_different_yet_similar": int(similar.sum()),
        "can_qualify": bool(pairs["can_qualify"].any()),
        "share": float(counted.mean()),
        **_interval(pairs, counted, in_unit_interval=True),
        **_interval(pairs, pairs["mean_absolute"], "difference_"),
        **{
            name: end
            for matching in MATCHINGS
            for name, end in _interval(pairs, pairs.get(matching), f"similarity_{matching}_").items()
        },
    }


def _interval(
    pairs: pd.DataFrame, values: pd.Series | None, prefix: str = "", *, in_unit_interval: bool = False
) -> dict[str, float]:
    """Return the jackknife of a mean or share over instances, as columns with a prefix.

    It is null below three instances, for shares of 0 or 1, and without values.
    """
    names = f"{prefix}ci_low", f"{prefix}ci_high"
    if values is None:
        return dict.fromkeys(names, np.nan)
    seeds = sorted({*pairs["seed_a"], *pairs["seed_b"]})
    over: resampling.Over = "networks"
    of_networks = values.groupby(pairs["seed_a"]).mean().to_numpy(float)
    if pairs["pair_kind"].iloc[0] == SEEDS:
        first, second = (np.searchsorted(seeds, pairs[side].to_numpy()) for side in ("seed_a", "seed_b"))
        over, of_networks = (first, second), values.to_numpy(float)
    interval = resampling.jackknife(of_networks, len(seeds), over=over, in_unit_interval=in_unit_interval)
    return dict(zip(names, (float(interval.low), float(interval.high)), strict=True))
