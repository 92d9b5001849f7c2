"""Doubts about networks from elsewhere: are they trained, and is each a network of its own?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from manyseeds.io.tensors import digest_of
from manyseeds.statistics.selection import main_exemplars

INITIAL = "initial"
"""Key of the metadata of imported weights: ``true`` if they are distributed as initial ones."""

WEIGHTS = "weights"
"""Key of the metadata of imported weights: the digest of all of them."""

FEWEST = 4
"""Fewest networks of a group among which one can be an outlier."""

ROUNDING = 1e-12
"""Largest distance from 1 of the consistency of equal matrices."""

SHARE, LEAST = 0.5, 0.1
"""An outlier agrees with the others less than this share of their own agreement, if that is at least `LEAST`."""


def untrained(source: str) -> str:
    """Return a sentence on a file whose weights are distributed as before training."""
    return f"{source}: its weights are distributed as before training. Is it the trained network?"


def about_weights(weights: Mapping[str, NDArray], *, initial: bool) -> dict[str, str]:
    """Return the metadata from which `of_group` judges imported weights."""
    return {WEIGHTS: digest_of(weights), INITIAL: str(initial).lower()}


def of_group(
    metadata: Mapping[int, Mapping[str, str]],
    accuracies: Sequence[pd.DataFrame],
    consistency: pd.DataFrame,
    n_categories: int | None,
) -> dict[int, str]:
    """Return the doubts about the networks of a group, by seed. Networks without doubts are not in it.

    Parameters
    ----------
    metadata
        Metadata of the weights of each seed (`about_weights`); empty if there are only activations.
    accuracies
        Parts of the table of accuracies of the group; none if its outputs are not the data's categories.
    consistency
        Table of the group.
    n_categories
        Number of categories, all of them as frequent in the test images; None without accuracies.
    """
    doubts: dict[int, list[str]] = {seed: [] for seed in metadata}
    at_chance = [_at_chance(accuracy, n_categories) for accuracy in accuracies] if n_categories else []
    of_equal_weights = _equal(metadata)
    alike = {seed: doubt for seed, doubt in _alike(consistency).items() if seed not in of_equal_weights}
    for found in (_initial(metadata), of_equal_weights, alike, *at_chance, _outliers(consistency)):
        for seed, doubt in found.items():
            doubts[seed].append(doubt)
    return {seed: "; ".join(each) for seed, each in doubts.items() if each}


def sentence(group: str, doubts: Mapping[int, str]) -> str:
    """Return one sentence on the doubts about a group's networks."""
    return (
        f"Networks of {group} to look at: " + ", ".join(f"seed {seed} ({each})" for seed, each in doubts.items()) + "."
    )


def _initial(metadata: Mapping[int, Mapping[str, str]]) -> dict[int, str]:
    return {
        seed: "its weights are distributed as before training"
        for seed, each in metadata.items()
        if each.get(INITIAL) == "true"
    }


def _equal(metadata: Mapping[int, Mapping[str, str]]) -> dict[int, str]:
    """Return the seeds that have the weights of an earlier one."""
    first: dict[Any, int] = {}
    for seed, each in metadata.items():
        first.setdefault(each.get(WEIGHTS, seed), seed)
    origins = {seed: first[each.get(WEIGHTS, seed)] for seed, each in metadata.items()}
    return {seed: f"it has the weights of seed {origin}" for seed, origin in origins.items() if origin != seed}


def _alike(consistency: pd.DataFrame) -> dict[int, str]:
    """Return the seeds whose dissimilarities are those of an earlier one in all layers, by all measures."""
    rows = consistency[(consistency["kind"] == "exemplar") & (consistency["normalisation"] == "none")]
    lowest = rows.groupby(["seed_a", "seed_b"], sort=True)["consistency"].min()
    doubts: dict[int, str] = {}
    for first, second in lowest.index[lowest >= 1 - ROUNDING]:
        doubts.setdefault(int(second), f"it has the dissimilarities of seed {first} in all layers")
    return doubts


def _at_chance(accuracy: pd.DataFrame, n_categories: int) -> dict[int, str]:
    """Return the seeds whose accuracy on all test images may be chance, by its 95 % interval (Wilson)."""
    chance, doubts = 1 / n_categories, {}
    for row in accuracy[(accuracy["split"] == "test") & (accuracy["subset"] == "all")].to_dict("records"):
        n_correct = round(row["accuracy"] * row["n_images"])
        interval = stats.binomtest(n_correct, row["n_images"]).proportion_ci(method="wilson")
        if interval.low <= chance:
            doubts[row["seed"]] = (
                f"its test accuracy is {row['accuracy']:.3f} [{interval.low:.3f}, {interval.high:.3f}], chance is "
                f"{chance:.3f}"
            )
    return doubts


def _outliers(consistency: pd.DataFrame) -> dict[int, str]:
    """Return the seeds that agree far less with the others than these do, in the first such layer."""
    rows = main_exemplars(consistency)
    seeds = sorted({*rows["seed_a"], *rows["seed_b"]})
    doubts: dict[int, str] = {}
    for seed in seeds if len(seeds) >= FEWEST else []:
        for layer, pairs in rows.groupby("layer", sort=False):
            own = (pairs["seed_a"] == seed) | (pairs["seed_b"] == seed)
            with_it, without = (float(np.median(pairs.loc[which, "consistency"])) for which in (own, ~own))
            if without >= LEAST and with_it < SHARE * without:
                doubts[seed] = f"its consistency with the others is {with_it:.2f} in {layer}, theirs is {without:.2f}"
                break
    return doubts
