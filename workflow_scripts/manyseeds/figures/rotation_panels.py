"""Dissimilarities before and after a rotation, by measure: panels that supp5 and supp6 share."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from manyseeds.figures import style
from manyseeds.figures.depth import consistency_axis, in_first_column
from manyseeds.figures.selection import MEASURE_NAMES, Tables, count

ROW_MM = 46.0
"""Makes panels about square."""
FIXED_POINTS = {"centre": "the centre of the ball that they lie in", "origin": "the origin"}
NORMALISATIONS = {"none": "no normalisation", "cocktail": "cocktail blank"}
TITLE_CHARACTERS = 20
TOLERANCE = 1e-9
"""Change of an entry, as a fraction of the RDM's largest, that counts as rounding (methods 4)."""
CHANGED = style.Series(style.VERMILLION, "o", "none")
UNCHANGED = style.Series(style.BLUE, "^", "none")
LOOKS = {"changed by the rotation": CHANGED, "unchanged (to 10⁻⁹ of the largest entry)": UNCHANGED}
MEDIAN_PT = 0.8
SPREAD = 0.3
"""Dots of rotations are spread over this distance to each side of their place."""


def draw_rotations(tables: Tables, about: str) -> Figure:
    """Draw one column per measure: entries before and after a rotation, and consistency of all rotations.

    Entries have one row per normalisation.

    Parameters
    ----------
    about
        Fixed point of the rotations, as in the table `rotations`.
    """
    rotations = tables["rotations"].query("about == @about")
    entries = tables["rotation_entries"].query("about == @about")
    first = rotations[rotations["rotation"] == entries["rotation"].iloc[0]]
    figure = style.new_figure(style.PAGE_MM, (len(NORMALISATIONS) + 1) * ROW_MM)
    grid = figure.subplots(len(NORMALISATIONS) + 1, len(MEASURE_NAMES), squeeze=False)
    for measure, column in zip(MEASURE_NAMES, grid.T, strict=True):
        for normalisation, axes in zip(NORMALISATIONS, column[:-1], strict=True):
            summary = _rows(first, measure, normalisation)
            (changed,), (consistency,) = changes(summary), summary["consistency"]
            _draw_entries(axes, _rows(entries, measure, normalisation), changed)
            axes.set_title(f"r² = {consistency:.2f}")
        _draw_consistency(column[-1], rotations[rotations["measure"] == measure])
        name = fill(MEASURE_NAMES[measure], TITLE_CHARACTERS)
        column[0].set_title(f"{name[:1].upper()}{name[1:]}\n{column[0].get_title()}")
    for name, row in zip(NORMALISATIONS.values(), grid[:-1], strict=True):
        row[0].set_ylabel(f"Entry after rotation,\n{name}")
    for letter, axes in zip("abc", grid[:, 0], strict=True):
        style.panel_letter(axes, letter, left_pt=34)
    _legend(figure)
    style.footnote(figure, _notes(rotations))
    return figure


def changes(rotations: pd.DataFrame) -> pd.Series:
    """Return whether each rotation changes an RDM beyond rounding, given rows of the table `rotations`."""
    return rotations["largest_change"] > TOLERANCE * rotations["largest_entry"]


def _rows(table: pd.DataFrame, measure: str, normalisation: str) -> pd.DataFrame:
    return table[(table["measure"] == measure) & (table["normalisation"] == normalisation)]


def _draw_entries(axes: Axes, entries: pd.DataFrame, changed: bool) -> None:
    """Draw every entry after against before, on equal scales, with the line of equality."""
    end = 1.05 * entries[["before", "after"]].to_numpy().max()
    axes.plot([0, end], [0, end], color=style.GREY, linestyle="--", linewidth=0.6, zorder=1)
    _dots(axes, entries["before"], entries["after"], CHANGED if changed else UNCHANGED)
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    axes.set_xlabel("Entry before rotation")


def _draw_consistency(axes: Axes, rotations: pd.DataFrame) -> None:
    """Draw a dot for every rotation and normalisation, and their medians."""
    for place, normalisation in enumerate(NORMALISATIONS):
        rows = rotations[rotations["normalisation"] == normalisation].sort_values("rotation")
        changed = changes(rows).to_numpy()
        x = place + np.linspace(-SPREAD, SPREAD, len(rows))
        y = rows["consistency"].to_numpy()
        for chosen, series in ((changed, CHANGED), (~changed, UNCHANGED)):
            if chosen.any():
                _dots(axes, x[chosen], y[chosen], series)
        axes.plot([place - 0.4, place + 0.4], 2 * [np.median(y)], color=style.BLACK, linewidth=MEDIAN_PT, zorder=1)
    axes.set_xticks(range(len(NORMALISATIONS)), ["none", "cocktail"])
    axes.set_xlim(-0.6, len(NORMALISATIONS) - 0.4)
    axes.set_xlabel("Normalisation")
    consistency_axis(axes)
    axes.tick_params(labelleft=in_first_column(axes))


def _dots(axes: Axes, x: ArrayLike, y: ArrayLike, series: style.Series) -> None:
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=series.marker,
        markersize=2.0,
        markeredgewidth=0,
        color=series.colour,
        alpha=0.5,
        clip_on=False,
        zorder=2,
    )


def _legend(figure: Figure) -> None:
    handles = {
        label: Line2D([], [], color=series.colour, marker=series.marker, linestyle="none", markeredgewidth=0)
        for label, series in LOOKS.items()
    }
    equality = Line2D([], [], color=style.GREY, linestyle="--", linewidth=0.6)
    median = Line2D([], [], color=style.BLACK, linewidth=MEDIAN_PT)
    style.legend_of(figure, handles | {"equality": equality, "median": median})


def _notes(rotations: pd.DataFrame) -> list[str]:
    """Return a note on the simulation, with the smallest activation: negative ones cannot be rectified."""
    row = rotations.iloc[0]
    n_rotations = count(rotations["rotation"].nunique(), "rotation")
    smallest = f"{rotations['smallest_coordinate'].min():.2f}".replace("-", "−")
    return [
        f"Simulation: {count(row['n_points'], 'pattern')} of {count(row['n_dimensions'], 'unit')}, rotated about "
        f"{FIXED_POINTS[row['about']]}. a, b: all {row['n_entries']} entries of the RDM before and after one rotation. "
        f"c: {n_rotations}, each a marker. Smallest activation after any rotation: {smallest}."
    ]
