"""Consistency of centroids, exemplars and within-category distances (Mehrer et al. 2020, fig. 7)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Group, Tables, consistency_curve, stimuli_words

CENTROID = style.Series(style.GREEN, "s", "-")
BANDS = {
    "partitions_pairs": ("random groups, band of single pairs", "#E3E3E3"),
    "partitions": ("random groups, band of the mean over pairs", "#B9B9B9"),
}
"""By interval method: legend and grey of its band, the wider band first."""


def draw(tables: Tables) -> Figure:
    """Draw columns of exemplar, centroid and within-category curves, and of centroids with their control.

    Rows are architectures.
    """
    measure = main_measure(tables["consistency_summary"]["measure"])
    centroid = depth.Curve("category centroids", CENTROID, "centroid", measure)
    columns = [
        depth.Column(
            "",
            (
                depth.Curve("exemplars", style.Series(style.BLUE, "o", "-"), "exemplar", measure),
                centroid,
                depth.Curve("within category", style.Series(style.VERMILLION, "^", "--"), "within_category", measure),
            ),
        ),
        depth.Column("random-grouping control", (centroid,)),
    ]
    grid = depth.grid_of_curves(tables, columns)
    for group, axes in zip(grid.groups, grid.axes[:, 1], strict=True):
        _draw_bands(axes, tables, group, measure)
    stimuli = stimuli_words(tables["consistency_summary"])
    remark = (
        f"RDMs{stimuli}, {MEASURE_NAMES[measure]}. Grey: centroids of random groups with the categories' sizes, "
        "2.5–97.5 % of the means over partitions (dark) and of all values over partitions and pairs (light)."
    )
    opposite = [group.title for group in grid.groups if _centroids_agree_less(tables, group, measure)]
    if opposite:
        remark += f" Unlike in the paper, centroids agree less than exemplars in the last layer: {', '.join(opposite)}."
    return depth.finish(grid, tables, remark)


def _centroids_agree_less(tables: Tables, group: Group, measure: str) -> bool:
    """Return whether the mean consistency of centroids is below that of exemplars in the last layer."""
    centroid, exemplar = (
        consistency_curve(tables["consistency_summary"], group, kind=kind, measure=measure)["mean"].iloc[-1]
        for kind in ("centroid", "exemplar")
    )
    return bool(centroid < exemplar)


def _draw_bands(axes: Axes, tables: Tables, group: Group, measure: str) -> None:
    """Draw grey bands of the random-grouping control behind the centroid curve, and its mean as a line."""
    for method, (label, grey) in BANDS.items():
        band = _control(tables, group, measure, method)
        axes.fill_between(
            np.asarray(band["layer_index"], float),
            np.asarray(band["ci_low"], float),
            np.asarray(band["ci_high"], float),
            color=grey,
            linewidth=0,
            label=label,
            zorder=0,
        )
    control = _control(tables, group, measure, "partitions")
    axes.plot(
        np.asarray(control["layer_index"], float),
        np.asarray(control["mean"], float),
        color=style.GREY,
        linewidth=0.6,
        label="random groups, mean",
        zorder=0.5,
    )


def _control(tables: Tables, group: Group, measure: str, method: str) -> pd.DataFrame:
    """Return the random-grouping control against depth, with the bands of one method."""
    return consistency_curve(
        tables["consistency_summary"], group, kind="random_centroid", measure=measure, ci_method=method
    )
