"""Summary tables of a group of networks: means with their intervals, contrasts and relations.

They are computed from tables of single observations. Collapsed networks have no rows there and are only counted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from manyseeds.statistics.howmany import Plan, how_many
from manyseeds.statistics.intervals import (
    UNIT_INTERVAL,
    Bootstrap,
    PairStatistics,
    difference,
    network_intervals,
    number_of_stimuli,
    pair_intervals,
    spread_pairs,
)
from manyseeds.statistics.relations import relations
from manyseeds.statistics.resampling import QUANTILES
from manyseeds.statistics.stimulus_resampling import StimulusResamples

GROUP = ["architecture", "condition"]
LAYER_KEYS = [*GROUP, "epoch", "layer", "layer_index", "measure", "normalisation"]
CONSISTENCY_KEYS = [*LAYER_KEYS, "dropout_samples", "kind"]
ACCURACY_KEYS = [*GROUP, "epoch", "split", "subset"]

OTHER_INTERVALS = ("components", "both")
"""Interval methods that the table `robustness` repeats, because they may be wider or narrower than the jackknife."""

CONTRASTS = {
    "centroid_minus_exemplar": ("kind", "centroid", "exemplar"),
    "cocktail_minus_none": ("normalisation", "cocktail", "none"),
    "centroid_minus_random_centroid": ("kind", "centroid", "random_centroid"),
}
"""By contrast: the key column in which its two terms differ, the value of the minuend, that of the subtrahend."""


@dataclass(frozen=True)
class Observations:
    """The tables of one group of instances from which its summaries are computed.

    Attributes
    ----------
    seeds
        Seeds of the networks that did not collapse.
    n_collapsed
        Number of collapsed networks.
    accuracy
        None if there are no networks.
    random_grouping_bands
        Bands of single pairs of networks over random partitions.
    consistency_varied
        Result of `comparison.variations.compare_variations`.
    resamples
        None if stimuli were not resampled.
    """

    seeds: Sequence[int]
    n_collapsed: int
    accuracy: pd.DataFrame | None
    consistency: pd.DataFrame
    clustering: pd.DataFrame
    random_grouping: pd.DataFrame
    random_grouping_bands: pd.DataFrame
    consistency_varied: pd.DataFrame
    resamples: StimulusResamples | None


def summarise(observations: Observations, bootstrap: Bootstrap, plan: Plan) -> dict[str, pd.DataFrame]:
    """Return the summary tables of a group, by name."""
    accuracy = observations.accuracy
    if accuracy is None:
        accuracy = pd.DataFrame(columns=[*ACCURACY_KEYS, "seed", "accuracy"])
    accuracy = accuracy[accuracy["seed"].isin(observations.seeds)]

    consistency_summary = summarise_consistency(observations.consistency, observations.resamples, bootstrap)
    accuracy_summary = summarise_accuracy(accuracy, bootstrap)
    clustering_summary = summarise_clustering(observations.clustering, bootstrap)
    bands = random_grouping_bands(consistency_summary, observations.random_grouping, observations.random_grouping_bands)
    n_collapsed = observations.n_collapsed
    howmany, answers = plan_networks(observations.consistency, observations.resamples, plan)
    return {
        "consistency_summary": _concatenate([consistency_summary, bands]).assign(n_collapsed=n_collapsed),
        "robustness": summarise_robustness(observations.consistency_varied, consistency_summary, bootstrap),
        "accuracy_summary": accuracy_summary.assign(n_collapsed=n_collapsed),
        "clustering_summary": clustering_summary.assign(n_collapsed=n_collapsed),
        "contrasts": with_random_grouping_p(
            summarise_contrasts(observations.consistency, observations.resamples, bootstrap),
            observations.random_grouping,
            consistency_summary,
        ),
        "howmany": howmany,
        "howmany_answer": answers,
        "relations": relations(observations.consistency, observations.clustering, accuracy, bootstrap.seed),
    }


# consistency


def summarise_consistency(
    consistency: pd.DataFrame, resamples: StimulusResamples | None, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return mean consistencies over a group's pairs of networks, by key and interval method.

    Parameters
    ----------
    consistency
        Rows of the table `consistency` for the group.
    resamples
        Consistencies of the group on resampled stimuli. Statistics without resamples get no rows `stimuli` and `both`.

    Returns
    -------
    Rows of `consistency_summary` without `n_collapsed`. `mean_r` is the mean of signed r, whose expectation is 0 for
    networks without anything in common; that of r squared is not, if the compared vectors are short.
    """
    intervals = pair_intervals(_pair_statistics(consistency, resamples), bootstrap, UNIT_INTERVAL)
    defined = consistency.assign(mean_r=consistency["r"].where(consistency["consistency"].notna()))
    mean_r = defined.groupby(CONSISTENCY_KEYS, dropna=False)["mean_r"].mean().reset_index()
    return intervals.merge(mean_r, how="left", on=CONSISTENCY_KEYS).assign(n_stimuli=number_of_stimuli(consistency))


def summarise_contrasts(
    consistency: pd.DataFrame, resamples: StimulusResamples | None, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return mean differences of consistency with dropout off, paired over networks.

    They are also paired over draws of stimuli if both terms have draws. `kind` and `normalisation` of a row are the
    minuend's. Parameters as in `summarise_consistency`.
    """
    statistics = _pair_statistics(consistency[consistency["dropout_samples"] == 0], resamples)
    contrasts = [
        pair_intervals(difference(statistics, *terms), bootstrap, bounds=None).assign(contrast=contrast)
        for contrast, terms in CONTRASTS.items()
    ]
    not_matched = {"matched_epoch": np.nan, "accuracy_difference": np.nan}
    return _concatenate(contrasts).drop(columns="dropout_samples").assign(condition_b=None, **not_matched)


def with_random_grouping_p(
    contrasts: pd.DataFrame, random_grouping: pd.DataFrame, consistency_summary: pd.DataFrame
) -> pd.DataFrame:
    """Add the column `p`: for random grouping, the share of partitions that reach the centroids.

    It is (1 + number of partitions with a mean at least as large) / (1 + number of partitions), one-sided; null for
    other contrasts.
    """
    centroids = consistency_summary[consistency_summary["kind"] == "centroid"].drop_duplicates(LAYER_KEYS)
    centroids = centroids.dropna(subset=["mean"])
    drawn = random_grouping.dropna(subset=["consistency"]).merge(centroids[[*LAYER_KEYS, "mean"]], on=LAYER_KEYS)
    reached = (drawn["consistency"] >= drawn["mean"]).groupby([drawn[key] for key in LAYER_KEYS])
    p = ((1 + reached.sum()) / (1 + reached.size())).rename("p").reset_index()
    with_p = contrasts.merge(p, how="left", on=LAYER_KEYS)
    return with_p.assign(p=with_p["p"].where(with_p["contrast"] == "centroid_minus_random_centroid"))


def random_grouping_bands(
    consistency_summary: pd.DataFrame, random_grouping: pd.DataFrame, pair_bands: pd.DataFrame
) -> pd.DataFrame:
    """Return rows of the consistency summary with bands of random groups in place of intervals.

    Parameters
    ----------
    consistency_summary
        Source of means and numbers of networks.
    random_grouping
        Mean over pairs of networks for each partition. Its range from 2.5 to 97.5 % is the band `partitions`.
    pair_bands
        The band `partitions_pairs`, over partitions and pairs of networks.
    """
    by_partition = random_grouping.groupby(LAYER_KEYS, sort=False)["consistency"]
    low, high = QUANTILES
    bands = by_partition.agg(ci_low=lambda x: x.quantile(low), ci_high=lambda x: x.quantile(high), n_resamples="count")
    bands = _concatenate(
        [bands.reset_index().assign(ci_method="partitions"), pair_bands.assign(ci_method="partitions_pairs")]
    )
    means = consistency_summary[consistency_summary["kind"] == "random_centroid"].drop_duplicates(CONSISTENCY_KEYS)
    return means.drop(columns=["ci_method", "ci_low", "ci_high", "n_resamples"]).merge(bands, on=LAYER_KEYS)


def summarise_robustness(
    consistency_varied: pd.DataFrame, consistency_summary: pd.DataFrame, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return the mean consistency of the last layer under other choices: the table `robustness`.

    Other stimuli and other networks have the interval of the jackknife. The variations `components` and `both` are
    other intervals of the same networks and stimuli.

    Parameters
    ----------
    consistency_varied
        As in `Observations`.
    consistency_summary
        Mean consistencies of the group, with dropout off and at all epochs and layers.
    """
    columns = ["variation", *CONSISTENCY_KEYS, "n_networks", "n_stimuli", "mean", "ci_low", "ci_high"]
    varied = [
        summarise_consistency(rows, None, bootstrap).assign(variation=rows["variation"].iloc[0])
        for _, rows in consistency_varied.groupby("variation", sort=False)
    ]
    frames = [rows[rows["ci_method"] == "jackknife"] for rows in varied]
    last = consistency_summary[
        consistency_summary["ci_method"].isin(OTHER_INTERVALS)
        & consistency_summary["kind"].isin(["exemplar", "centroid"])
        & (consistency_summary["dropout_samples"] == 0)
        & (consistency_summary["epoch"] == consistency_summary["epoch"].max())
        & (consistency_summary["layer_index"] == consistency_summary["layer_index"].max())
    ]
    return _concatenate([*frames, last.assign(variation=last["ci_method"])]).reindex(columns=columns)


def plan_networks(
    consistency: pd.DataFrame, resamples: StimulusResamples | None, plan: Plan
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables `howmany` and `howmany_answer`: what other numbers of networks and stimuli would give.

    They have the mean consistencies after the last epoch with dropout off, and `centroid_minus_exemplar` (column
    `contrast`). Parameters as in `summarise_consistency`.
    """
    rows = consistency[
        (consistency["epoch"] == consistency["epoch"].max())
        & (consistency["dropout_samples"] == 0)
        & (consistency["kind"] != "random_centroid")
    ]
    statistics = _pair_statistics(rows, resamples)
    contrast = difference(statistics, *CONTRASTS["centroid_minus_exemplar"])
    parts = [(None, how_many(statistics, plan)), ("centroid_minus_exemplar", how_many(contrast, plan))]
    howmany, answers = (
        _concatenate([tables[place].assign(contrast=name) for name, tables in parts]) for place in (0, 1)
    )
    return howmany, answers


def _pair_statistics(consistency: pd.DataFrame, resamples: StimulusResamples | None) -> PairStatistics:
    seeds = sorted({*consistency["seed_a"], *consistency["seed_b"]})
    keys, values = spread_pairs(consistency, CONSISTENCY_KEYS, seeds)
    rows = cast(list[dict[str, Any]], keys.to_dict("records"))  # columns have names
    drawn = [resamples.find(seeds, **row) if resamples else None for row in rows]
    n_stimuli = resamples.n_stimuli if resamples else None
    return PairStatistics(keys, len(seeds), np.triu_indices(len(seeds), 1), values, drawn, n_stimuli)


# accuracy and clustering


def summarise_accuracy(accuracy: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return mean, lowest and highest accuracy over a group's networks, by key and interval method."""
    return network_intervals(accuracy, ACCURACY_KEYS, "accuracy", bootstrap, UNIT_INTERVAL)


def summarise_clustering(clustering: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return the mean category clustering index over a group's networks, by key and interval method."""
    return network_intervals(clustering, LAYER_KEYS, "cci", bootstrap, bounds=None)


def _concatenate(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Join the tables that have rows, since empty ones lack column types; the first if all are empty."""
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
