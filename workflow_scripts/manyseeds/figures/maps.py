"""Planar maps of stimuli: one row of panels per instance, one column per layer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from manyseeds.figures import style
from manyseeds.figures.selection import Group, evenly, groups, rows_of, shortened

LAYERS_PER_ROW = 9
MOST_LAYERS = 18
"""Number of layers of each instance that are shown; of more, some that are evenly spaced."""
PANEL_MM = 19.3
NAMES_MM = 3.5
MARGIN_MM = 9.0
GAP_MM = 0.6
MARGIN = 0.06
"""Free space around the points, as a share of the map's size."""
SCALE_BAR_SHARE = 0.4
"""Longest scale bar, as a share of the map's width."""
DOT_PT = 1.3


@dataclass(frozen=True)
class MapRow:
    """Some layers of one instance, side by side."""

    group: Group
    seed: int
    layers: list[tuple[int, str]]
    """Index and short name of each."""
    names_layers: bool
    """Whether layer names are above the panels, because the row above shows other layers."""


def draw_maps(mds: pd.DataFrame, draw_points: Callable[[Axes, pd.DataFrame], object]) -> Figure:
    """Draw the maps of level "rdm", each with its own scale.

    Parameters
    ----------
    mds
        Table `mds`. Stimuli that are left out of a map have null coordinates.
    draw_points
        Function that draws the stimuli of one map on its axes.
    """
    maps = mds[mds["level"] == "rdm"]
    rows = list(_rows(maps))
    n_columns = max(len(row.layers) for row in rows)
    width = max(style.COLUMN_MM, MARGIN_MM + n_columns * PANEL_MM)
    figure = style.new_figure(width, len(rows) * (PANEL_MM + GAP_MM) + NAMES_MM * sum(row.names_layers for row in rows))
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)  # the journal style's
    engine.set(wspace=0.0, hspace=0.0, w_pad=0.01, h_pad=0.01)
    grid = figure.subplots(len(rows), n_columns, squeeze=False)
    for row, panels in zip(rows, grid, strict=True):
        for axes, (layer_index, name) in zip(panels[: len(row.layers)], row.layers, strict=True):
            points = rows_of(maps, row.group, seed=row.seed, layer_index=layer_index).dropna(subset=["x", "y"])
            _draw_map(axes, points, draw_points)
            if row.names_layers:
                axes.set_title(name, pad=2, fontsize=style.NOTE_PT)
        for unused in panels[len(row.layers) :]:
            unused.remove()
        panels[0].set_ylabel(f"{row.group.title}\nseed {row.seed}", fontsize=style.NOTE_PT)
    return figure


def dropped_note(mds: pd.DataFrame) -> str:
    """Return a note on stimuli that maps leave out because their dissimilarities are undefined."""
    maps = mds[mds["level"] == "rdm"]
    n_dropped, n_layers = maps["n_dropped"], maps["layer_index"].nunique()
    some = f"Of {n_layers} layers, {MOST_LAYERS} are shown. " if n_layers > MOST_LAYERS else ""
    if not (n_dropped > 0).any():
        return f"{some}No stimulus was left out."
    return f"{some}Stimuli without defined dissimilarities are left out (at most {int(n_dropped.max())} in a map)."


def _rows(maps: pd.DataFrame) -> Iterator[MapRow]:
    """Yield the rows of the figure: by group, then in runs of up to nine layers, then by instance."""
    for group in groups(maps):
        own = rows_of(maps, group)
        layers = own.drop_duplicates("layer_index").sort_values("layer_index")
        indices = [int(index) for index in layers["layer_index"]]
        names = [shortened(str(name)) for name in layers["layer"]]
        named = [(indices[place], names[place]) for place in evenly(len(names), MOST_LAYERS)]
        for start in range(0, len(named), LAYERS_PER_ROW):
            for place, seed in enumerate(sorted(own["seed"].unique())):
                yield MapRow(group, int(seed), named[start : start + LAYERS_PER_ROW], place == 0)


def _draw_map(axes: Axes, points: pd.DataFrame, draw_points: Callable[[Axes, pd.DataFrame], object]) -> None:
    """Draw a frame without ticks, the points and a scale bar, or "undefined" if there are no points."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4, color=style.GREY)
    axes.set_box_aspect(1)
    if points.empty:
        axes.text(0.5, 0.5, "undefined", transform=axes.transAxes, ha="center", va="center", fontsize=style.NOTE_PT)
        return
    draw_points(axes, points)
    half = (1 + 2 * MARGIN) * max(np.ptp(points["x"]), np.ptp(points["y"])) / 2 or 1.0
    centre_x = (points["x"].max() + points["x"].min()) / 2
    centre_y = (points["y"].max() + points["y"].min()) / 2
    # Room below the points for the scale bar.
    axes.set_xlim(centre_x - 1.1 * half, centre_x + 1.1 * half)
    axes.set_ylim(centre_y - 1.2 * half, centre_y + 1.0 * half)
    _draw_scale_bar(axes, half)


def _draw_scale_bar(axes: Axes, half: float) -> None:
    """Draw a bar of round length in the unit of the dissimilarities, in the lower left corner."""
    length = round_length(2 * half * SCALE_BAR_SHARE)
    left = axes.get_xlim()[0] + 0.1 * half
    bottom = axes.get_ylim()[0] + 0.1 * half
    axes.plot([left, left + length], [bottom, bottom], color=style.BLACK, linewidth=1.0, solid_capstyle="butt")
    axes.annotate(
        f"{length:g}",
        (left + length, bottom),
        xytext=(1.5, 0),
        textcoords="offset points",
        va="center",
        fontsize=style.SMALLEST_PT,
    )


def round_length(longest: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is not above `longest`."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= longest))
