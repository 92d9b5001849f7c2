"""Divergence of networks over training: the table `divergence` (methods 12)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from manyseeds.comparison.shared_streams import NONE
from manyseeds.statistics.resampling import jackknife

KEYS = ["layer", "layer_index", "measure", "normalisation"]

SETS = ["shared", "perturbation"]
"""Columns that say which pairs of networks a row is about; one of them is null."""

OF_CLASSES = ["epoch", *KEYS, "kind", "shared", "r", "consistency", "ci_low", "ci_high", "ci_method", "n_pairs"]
"""Columns of `source_pairs` that the table takes over."""


def summarise_divergence(
    source_pairs: pd.DataFrame,
    of_copies: pd.DataFrame,
    of_weights: pd.DataFrame,
    changes_forward: Mapping[str, bool | None],
) -> pd.DataFrame:
    """Return the table `divergence` of a pool, without the key of the architecture.

    Parameters
    ----------
    source_pairs
        Rows of the pool.
    of_copies
        Rows of `comparison.divergence.correlate_copies`.
    of_weights
        Rows of `comparison.divergence.compare_snapshots` with the column epoch, for epochs whose weights are known.
    changes_forward
        Whether each perturbation changes forward passes, by its name; None: not known.
    """
    classes = source_pairs.loc[source_pairs["kind"] == "exemplar", OF_CLASSES].assign(perturbation=None)
    rows = pd.concat([part for part in (classes, _copies(of_copies)) if len(part)] or [classes], ignore_index=True)
    means = of_weights.groupby(["epoch", *SETS], dropna=False)[["agreement", "weight_distance"]].mean().reset_index()
    rows = rows.astype(dict.fromkeys(SETS, object)).where(rows.notna(), None)
    means = means.astype(dict.fromkeys(SETS, object)).where(means.notna(), None)
    rows = rows.merge(means, how="left", on=["epoch", *SETS])
    rows["changes_forward"] = [changes_forward.get(name) if name else None for name in rows["perturbation"]]
    return with_half_epoch(rows)


def _copies(of_copies: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each perturbation, epoch, layer and measure, with the jackknife over pairs of networks."""
    if of_copies.empty:
        return of_copies
    rows = []
    for keys, members in of_copies.groupby(["perturbation", "epoch", *KEYS], sort=False):
        r = members["r"].to_numpy(float)
        interval = jackknife(r, len(r), over="networks")
        ends = {"r": interval.mean, "ci_low": interval.low, "ci_high": interval.high, "ci_method": interval.method}
        named = dict(zip(["perturbation", "epoch", *KEYS], keys, strict=True))
        rows.append(
            named | ends | {"consistency": np.mean(r**2), "kind": "exemplar", "shared": None, "n_pairs": len(r)}
        )
    return pd.DataFrame(rows)


def with_half_epoch(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the column `half_epoch`: the first epoch at which pairs are more than half as far apart as unrelated ones.

    That is where ``1 - r`` exceeds half of ``1 - r`` of pairs that share no stream, at the same epoch. It is never
    interpolated, and null if there is none.
    """
    unrelated = rows.loc[rows["shared"] == NONE].set_index(["epoch", *KEYS])["r"].astype(float).to_dict()
    first: dict[tuple, int] = {}
    for row in rows.sort_values("epoch").to_dict("records"):
        apart = 1 - unrelated.get(tuple(row[key] for key in ("epoch", *KEYS)), np.nan)
        if 1 - float(row["r"]) > apart / 2:
            first.setdefault(tuple(row[key] for key in (*KEYS, *SETS)), int(row["epoch"]))
    names = zip(*(rows[key] for key in (*KEYS, *SETS)), strict=True)
    return rows.assign(half_epoch=pd.array([first.get(name, pd.NA) for name in names], dtype="Int64"))
