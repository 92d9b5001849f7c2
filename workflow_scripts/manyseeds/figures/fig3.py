"""Distances between the RDMs of all instances and layers, and their map (Mehrer et al. 2020, fig. 3)."""

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.comparison.second_level import distance_matrix
from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    MOST_NAMED,
    Group,
    Tables,
    evenly,
    groups,
    instance_notes,
    layer_naming,
    rows_of,
    short_layer_names,
)

ROW_MM = 78.0
MOST_TICKS = 5
MOST_IN_LEGEND = 14
"""Number of layers that are named beside the map; of more, some."""
MATRIX_COLOURS = "cividis"
DEPTH_COLOURS = "viridis"
DISTANCE_LABEL = "Distance between RDMs (1 − r)"


def draw(tables: Tables) -> Figure:
    """Draw second-level distances (left, ordered by layer, then instance) and their map (right)."""
    second_level = tables["second_level"]
    shown = groups(second_level)
    farthest = second_level["distance"].max()
    figure = style.new_figure(style.PAGE_MM, len(shown) * ROW_MM)
    grid = figure.subplots(len(shown), 2, squeeze=False)
    for group, (left, right) in zip(shown, grid, strict=True):
        _draw_matrix(left, rows_of(second_level, group), group, farthest)
        points = rows_of(tables["mds"], group, level="second_level")
        _draw_map(right, points, group)
    style.panel_letter(grid[0, 0], "a", left_pt=30)
    style.panel_letter(grid[0, 1], "b", left_pt=30)
    measure = MEASURE_NAMES[main_measure(second_level["measure"])]
    style.footnote(
        figure,
        [
            *instance_notes(shown, tables["instances"]),
            f"RDMs of {measure}. a: within a layer, instances are in the order of their seeds. b: metric-stress MDS of "
            "the distances in a; lines join the layers of an instance.",
        ],
    )
    return figure


def _draw_matrix(axes: Axes, rows: pd.DataFrame, group: Group, farthest: float) -> None:
    points, matrix = distance_matrix(rows)
    image = axes.imshow(matrix, cmap=MATRIX_COLOURS, vmin=0.0, vmax=farthest)
    axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0.1, 0.035, 0.8)), label=DISTANCE_LABEL)
    starts = np.flatnonzero(points["layer_index"].diff().fillna(1).to_numpy() != 0)
    ends = np.append(starts[1:], len(points))
    naming = layer_naming([str(name) for name in points["layer"].iloc[starts]])
    thickness = 0.4 if len(starts) <= MOST_NAMED else 0.1
    for edge in starts[1:] - 0.5:
        axes.axhline(edge, color="white", linewidth=thickness)
        axes.axvline(edge, color="white", linewidth=thickness)
    centres = np.interp(naming.places, np.arange(len(starts)), (starts + ends - 1) / 2)
    depth.name_matrix(axes, replace(naming, places=tuple(centres)))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"{naming.axis_label}, instances within")
    axes.set_ylabel(f"{naming.axis_label}, instances within")
    axes.set_title(group.title)


def _draw_map(axes: Axes, points: pd.DataFrame, group: Group) -> None:
    """Draw one dot per RDM, coloured by depth; join the layers of an instance, name each layer once."""
    placed = points.dropna(subset=["x", "y"]).sort_values(["seed", "layer_index"])
    for _, path in placed.groupby("seed"):
        axes.plot(path["x"], path["y"], color=style.GREY, linewidth=0.4, zorder=1)
    layers = placed.drop_duplicates("layer_index").sort_values("layer_index")
    names, axis_label = short_layer_names([str(name) for name in layers["layer"]])
    colours = colormaps[DEPTH_COLOURS](np.linspace(0, 0.95, len(layers)))
    named = evenly(len(layers), MOST_IN_LEGEND)
    for place, (layer_index, name) in enumerate(zip(layers["layer_index"], names, strict=True)):
        members = placed[placed["layer_index"] == layer_index]
        marker = style.CATEGORY_MARKERS[place % len(style.CATEGORY_MARKERS)]
        label = name if place in named else None
        axes.scatter(members["x"], members["y"], s=14, color=[colours[place]], marker=marker, linewidths=0, label=label)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_box_aspect(1)
    axes.locator_params(nbins=MOST_TICKS)
    stress = f", stress {placed['stress'].iloc[0]:.2f}" if len(placed) else ""
    axes.set_title(f"{group.title}{stress}")
    axes.set_xlabel("MDS dimension 1 (1 − r)")
    axes.set_ylabel("MDS dimension 2 (1 − r)")
    axes.legend(title=axis_label, title_fontsize=style.NOTE_PT, loc="center left", bbox_to_anchor=(1.0, 0.5))
