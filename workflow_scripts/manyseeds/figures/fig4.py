"""Exemplar consistency against depth, for each architecture (Mehrer et al. 2020, fig. 4)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    Tables,
    group_notes,
    groups,
    last_epoch,
    rows_of,
    without_dropout,
)

PAIR_SPREAD = 0.25
"""The pairs of one layer are spread over this many layers to either side of it."""


def draw(tables: Tables) -> Figure:
    """One panel per architecture: mean over pairs of networks with intervals, every pair lightly behind it."""
    summary = tables["consistency_summary"]
    measure = main_measure(summary["measure"])
    mean = depth.Curve("mean over pairs of networks", style.Series(style.BLUE, "o", "-"), "exemplar", measure)
    shown = groups(summary)
    figure, panels = depth.panels(len(shown), summary["layer"])
    for group, axes in zip(shown, panels, strict=True):
        _draw_pairs(axes, _pairs(tables["consistency"], group, measure))
        depth.draw_curves(axes, summary, group, [mean])
        depth.consistency_axis(axes)
        axes.set_title(group.title)
    style.legend_above(figure, panels[:1])
    remark = f"Exemplar RDMs, {MEASURE_NAMES[measure]}. {depth.interval_note(summary)}"
    style.footnote(figure, [*group_notes(shown, summary, tables["accuracy_summary"]), remark])
    return figure


def _pairs(consistency: pd.DataFrame, group: Group, measure: str) -> pd.DataFrame:
    rows = without_dropout(last_epoch(consistency))
    return rows_of(rows, group, kind="exemplar", measure=measure, normalisation="none").dropna(subset=["consistency"])


def _draw_pairs(axes: Axes, pairs: pd.DataFrame) -> None:
    """One faint dot per pair, spread sideways about its layer in the order of the pairs."""
    by_layer = pairs.groupby("layer_index")["layer_index"]
    last = (by_layer.transform("size") - 1).clip(lower=1)
    spread = PAIR_SPREAD * (2 * by_layer.cumcount() / last - 1)
    axes.plot(
        np.asarray(pairs["layer_index"] + spread, float),
        np.asarray(pairs["consistency"], float),
        linestyle="none",
        marker="o",
        markersize=1.6,
        markeredgewidth=0,
        color=style.GREY,
        alpha=0.6,
        label="single pair",
        zorder=1,
    )
