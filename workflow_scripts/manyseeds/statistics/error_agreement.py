"""Tables of accuracies on distorted images, and of the agreement of errors of pairs of networks (methods 11)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from manyseeds.kernels.pairs import Pair, Side
from manyseeds.kernels.predictions import Predicted, Strength
from manyseeds.statistics.agreement import agreement, holm
from manyseeds.statistics.intervals import UNIT_INTERVAL, Bootstrap, network_intervals
from manyseeds.study import variants
from manyseeds.study.distortions import NONE

CONDITION = ["distortion", "strength"]
KEYS = ["architecture", "condition", "epoch", "variant", *CONDITION]
AGREEMENT = [
    "pair_kind",
    *(f"{name}_{side}" for side in "ab" for name in Side._fields),
    *CONDITION,
    "accuracy_a",
    "accuracy_b",
    "difference",
    "kappa",
    "agreement",
    "same_error",
    "n_only_a",
    "n_only_b",
    "mcnemar_p",
    "n_images",
    "mcnemar_p_holm",
]
"""Columns of `error_agreement` without the keys of the group."""

ABOVE_CHANCE = 0.05
"""A strength is at the floor if the mean accuracy of the trained networks is below chance by this or less above it."""

All = Mapping[tuple[int, str], Predicted]
"""Predictions by seed and variant."""


def accuracies(tested: All, epoch: int) -> pd.DataFrame:
    """Return the rows of `distorted_accuracy`, without the keys of the group; failed variants have null accuracies."""
    frame = _by_condition(tested)
    return frame.assign(epoch=[_epoch(variant, epoch) for variant in frame["variant"]])


def above_floor(tested: All) -> list[Strength]:
    """Return the conditions that averages over strengths are made of, in order: those that are not at the floor.

    Images as they are always belong to them.
    """
    if not tested:
        return []
    known = _by_condition(tested).drop_duplicates(CONDITION)
    is_kept = ~known["at_floor"].astype(bool) | (known["distortion"] == NONE)
    conditions = next(iter(tested.values())).conditions
    return [each for each, kept in zip(conditions, is_kept, strict=True) if kept]


def _by_condition(tested: All) -> pd.DataFrame:
    """Return accuracies by seed, variant and condition, and whether the mean of trained networks is at the floor."""
    rows = [
        {"seed": seed, "variant": variant, "distortion": each.distortion, "strength": each.strength}
        | {"accuracy": np.nan if found.is_failed else float((row == found.labels).mean())}
        | {"n_images": len(found.labels)}
        for (seed, variant), found in tested.items()
        for each, row in zip(found.conditions, found.predictions, strict=True)
    ]
    if not rows:
        return pd.DataFrame(columns=["seed", "variant", *CONDITION, "accuracy", "n_images", "at_floor"])
    frame = pd.DataFrame(rows)
    chance = 1 / len(np.unique(next(iter(tested.values())).labels))
    trained = frame[frame["variant"] == variants.TRAINED]
    means = trained.groupby(CONDITION, dropna=False)["accuracy"].mean().rename("mean").reset_index()
    floor = means.assign(at_floor=means["mean"] < chance + ABOVE_CHANCE).drop(columns="mean")
    return frame.merge(floor, how="left", on=CONDITION)


def _epoch(variant: str, last: int) -> int:
    """Return the epoch of a variant: the last one, unless its name says another."""
    number = variant.removeprefix(variants.EPOCH)
    return int(number) if variant.startswith(variants.EPOCH) and number.isdigit() else last


def summarise(accuracy: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return means over networks with intervals, by variant, distortion and strength.

    Failed trainings of a variant are left out of the mean, and counted; it is null if all of them failed.
    """
    if accuracy.empty:
        return pd.DataFrame()
    summary = network_intervals(accuracy, KEYS, "accuracy", bootstrap, UNIT_INTERVAL)
    by_key = accuracy.groupby(KEYS, dropna=False)
    spread = by_key["accuracy"].std(ddof=1).rename("sd").reset_index()
    failed = by_key["accuracy"].agg(lambda values: int(values.isna().sum())).rename("n_failed").reset_index()
    floor = by_key["at_floor"].first().reset_index()
    for frame in (spread, failed, floor):
        summary = summary.merge(frame, how="left", on=KEYS)
    return summary.drop(columns=["n_network_pairs", "n_resamples", "at_bound"], errors="ignore")


def compare(pairs: Sequence[Pair], tested: All) -> pd.DataFrame:
    """Return the rows of `error_agreement`, without the keys of the group; pairs with a failed variant are left out.

    p-values of McNemar's test are adjusted over all pairs of a kind, all distortions and all strengths. The pairs are
    those of one condition of an architecture, so that a condition more changes no p-value of the others.
    """
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        a, b = (tested.get((side.seed, side.variant)) for side in (pair.a, pair.b))
        if a is None or b is None or a.is_failed or b.is_failed:
            continue
        for each, first, second in zip(a.conditions, a.predictions, b.predictions, strict=True):
            condition = {"distortion": each.distortion, "strength": each.strength}
            rows.append(pair.columns | condition | agreement(first, second, a.labels))
    if not rows:
        return pd.DataFrame(columns=AGREEMENT)
    frame = pd.DataFrame(rows)
    adjusted = frame.groupby("pair_kind")["mcnemar_p"].transform(lambda p: holm(p.to_numpy(float)))
    return frame.assign(mcnemar_p_holm=adjusted)
