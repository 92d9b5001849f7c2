"""Contrasts of training with and without dropout, at equal epochs and at matched training accuracy.

Dropout slows training, and consistency changes during training. The second contrast therefore compares networks with
dropout to networks without it at an earlier epoch (methods 7).
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from manyseeds.statistics.intervals import Bootstrap
from manyseeds.statistics.pair_summaries import contrast_conditions


def contrast_dropout(
    consistency: pd.DataFrame,
    history: pd.DataFrame,
    condition: str,
    subtracted: str,
    bootstrap: Bootstrap,
    unequally_drawn: Collection[int] = (),
) -> pd.DataFrame:
    """Return the contrasts of a condition with dropout and the same condition without it.

    Parameters
    ----------
    consistency, condition, subtracted, bootstrap, unequally_drawn
        As in `contrast_conditions`.
    history
        Rows of the table `history` for both conditions.

    Returns
    -------
    Rows of `contrasts`: `dropout_minus_none` after the last epoch of both and, if the condition without dropout is
    analysed at several epochs, `dropout_minus_matched`.
    """
    conditions = (condition, subtracted, bootstrap, unequally_drawn)
    frames = [
        contrast_conditions(consistency, *conditions).assign(contrast="dropout_minus_none"),
        contrast_at_matched_accuracy(consistency, history, *conditions).assign(contrast="dropout_minus_matched"),
    ]
    columns = list(dict.fromkeys(column for frame in frames for column in frame))
    rows = pd.concat([frame.reindex(columns=columns) for frame in frames if len(frame)] or frames, ignore_index=True)
    return rows.assign(condition_b=subtracted)


def contrast_at_matched_accuracy(
    consistency: pd.DataFrame,
    history: pd.DataFrame,
    condition: str,
    subtracted: str,
    bootstrap: Bootstrap,
    unequally_drawn: Collection[int] = (),
) -> pd.DataFrame:
    """Return mean differences of consistency: one condition's last epoch minus another's matched epoch.

    The matched epoch is the analysed epoch of `subtracted` whose mean training accuracy is nearest to that of
    `condition` after its last epoch; the later one of two equally near. Both are means of running accuracies over the
    seeds that are compared. Only layers that `subtracted` has before its last epoch are compared. Parameters as in
    `contrast_dropout`.

    Returns
    -------
    Rows of `contrasts` without `contrast` and `condition_b`. `epoch` is the last epoch. Without rows if `subtracted` is
    analysed at one epoch alone, or an accuracy is not known.
    """
    last = consistency["epoch"].max()
    own, other = (consistency[consistency["condition"] == name] for name in (condition, subtracted))
    seeds = (_seeds(own[own["epoch"] == last]) & _seeds(other)) - set(unequally_drawn)
    accuracy, reference = (mean_accuracy(history, name, seeds) for name in (condition, subtracted))
    reference = reference[reference.index.isin(other["epoch"])]
    layers = other.loc[other["epoch"] < last, "layer"].unique()
    matched, gap = nearest(reference, accuracy.get(last, np.nan)) if len(layers) else (None, np.nan)
    at_matched = other[(other["epoch"] == matched) & other["layer"].isin(layers)].assign(epoch=last)
    rows = pd.concat([own[own["epoch"] == last], at_matched])
    contrasts = contrast_conditions(rows, condition, subtracted, bootstrap, unequally_drawn)
    return contrasts.assign(matched_epoch=matched, accuracy_difference=gap)


def _seeds(consistency: pd.DataFrame) -> set[int]:
    return {*consistency["seed_a"], *consistency["seed_b"]}


def mean_accuracy(history: pd.DataFrame, condition: str, seeds: Collection[int]) -> pd.Series:
    """Return the mean running training accuracy by epoch, over the last attempts of a condition's seeds.

    Epochs without a defined accuracy are left out.
    """
    rows = history[(history["condition"] == condition) & history["seed"].isin(list(seeds))]
    is_last = rows["attempt"] == rows.groupby("seed")["attempt"].transform("max")
    return rows[is_last].groupby("epoch")["accuracy"].mean().dropna()


def nearest(accuracy: pd.Series, target: float) -> tuple[int | None, float]:
    """Return the epoch with the accuracy nearest to a target (later of two), and target minus accuracy.

    Parameters
    ----------
    accuracy
        Accuracy by epoch.

    Returns
    -------
    None and NaN without accuracies, or if the target is NaN.
    """
    if not len(accuracy) or np.isnan(target):
        return None, np.nan
    distances = (accuracy - target).abs().sort_index(ascending=False)
    epoch = int(distances.index[np.argmin(distances.to_numpy())])
    return epoch, float(target - accuracy[epoch])
