"""Neighbouring layers of one instance against one layer of different instances.

After Mehrer et al. (2020), supp. 2.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Tables, groups, instance_notes, rows_of

ACROSS = style.Series(style.VERMILLION, "o", "-")
WITHIN = style.Series(style.BLUE, "^", "--")
DISTANCE_LABEL = "RDM distance (1 − r)"


def draw(tables: Tables) -> Figure:
    """Draw second-level distances against depth: between neighbouring layers, and between instances.

    A distance between two layers is drawn half-way between them.
    """
    second_level = tables["second_level"]
    shown = groups(second_level)
    figure, panels = depth.panels(len(shown), second_level["layer_a"])
    for axes, group in zip(panels, shown, strict=True):
        rows = rows_of(second_level, group)
        _draw(axes, across_instances(rows), ACROSS, "different instances, same layer")
        _draw(axes, neighbouring_layers(rows), WITHIN, "same instance, neighbouring layers")
        layers = rows[["layer_index_a", "layer_a"]].set_axis(["layer_index", "layer"], axis=1)
        depth.layer_axis(axes, layers)
        axes.set_title(group.title)
        if depth.in_first_column(axes):
            axes.set_ylabel(DISTANCE_LABEL)
    # Only now: panels share the axis, and a limit fixes its range to the data drawn so far.
    panels[0].set_ylim(bottom=0)
    style.legend_above(figure, panels[:1])
    measure = MEASURE_NAMES[main_measure(second_level["measure"])]
    remark = f"RDMs of {measure}. Lines: means. Dots: single pairs of instances, or single instances."
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), remark])
    return figure


def across_instances(rows: pd.DataFrame) -> pd.DataFrame:
    """Return distances between instances in the same layer: columns depth, distance."""
    same = rows[(rows["layer_index_a"] == rows["layer_index_b"]) & (rows["seed_a"] != rows["seed_b"])]
    return pd.DataFrame({"depth": same["layer_index_a"], "distance": same["distance"]})


def neighbouring_layers(rows: pd.DataFrame) -> pd.DataFrame:
    """Return distances between successive layers of an instance: columns depth (half-way), distance."""
    order = {index: k for k, index in enumerate(sorted({*rows["layer_index_a"], *rows["layer_index_b"]}))}
    step = (rows["layer_index_a"].map(order) - rows["layer_index_b"].map(order)).abs()
    near = rows[(step == 1) & (rows["seed_a"] == rows["seed_b"])]
    return pd.DataFrame({"depth": (near["layer_index_a"] + near["layer_index_b"]) / 2, "distance": near["distance"]})


def _draw(axes: Axes, distances: pd.DataFrame, series: style.Series, label: str) -> None:
    distances = distances.dropna()
    axes.plot(
        np.asarray(distances["depth"], float),
        np.asarray(distances["distance"], float),
        linestyle="none",
        marker=series.marker,
        markersize=1.8,
        markeredgewidth=0,
        color=series.colour,
        alpha=0.35,
        zorder=1,
    )
    means = distances.groupby("depth")["distance"].mean()
    axes.plot(
        means.index, means, color=series.colour, marker=series.marker, linestyle=series.line, label=label, zorder=3
    )
