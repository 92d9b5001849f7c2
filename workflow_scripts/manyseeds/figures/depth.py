"""Consistency against depth: curves, axes and grids of panels that several figures share."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from manyseeds.figures import bars, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    LayerNaming,
    Tables,
    architecture_name,
    condition_name,
    consistency_curve,
    group_notes,
    groups,
    last_epoch,
    layer_naming,
    rows_of,
    stimuli_words,
    without_dropout,
)
from manyseeds.figures.untrained import draw_untrained, untrained_note

CONSISTENCY_LABEL = "Consistency (r²)"
PANEL_MM = 48.0
MOST_PANELS_IN_ROW = 4
LONGEST_UPRIGHT = 3
"""Longer layer names are rotated."""
ROOM_FOR_STAGES = 30
"""Number of characters of the names of all stages that fit below a panel."""
MANY = 20
"""Number of layers from which markers and error bars are thin."""
SHIFT = 0.1
"""Distance between the curves of a panel, in layers, so that error bars do not overlap."""
PAIR_SPREAD = 0.25
"""Largest distance of the dots of a layer's pairs from the layer, in layers."""
HIDDEN = 0.3
"""Smallest distance, as a share of the largest, which leaves room for the mean and its error bar."""


def panels(n_panels: int, layer_names: Iterable[str] = ()) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel per group: one or two in a text column, more across the page.

    `layer_names` are the names below the panels, which need room.
    """
    per_row = min(MOST_PANELS_IN_ROW, n_panels)
    n_rows = -(-n_panels // per_row)
    width = style.COLUMN_MM if per_row <= 2 else style.PAGE_MM
    figure = style.new_figure(width, n_rows * (PANEL_MM + names_mm(layer_names)))
    axes = figure.subplots(n_rows, per_row, squeeze=False, sharey=True).ravel()
    for unused in axes[n_panels:]:
        unused.remove()
    return figure, list(axes[:n_panels])


@dataclass(frozen=True)
class Curve:
    """A curve: its rows of `consistency_summary`, and its look."""

    label: str
    series: style.Series
    kind: str
    measure: str
    normalisation: str = "none"

    def rows(self, summary: pd.DataFrame, group: Group) -> pd.DataFrame:
        """Return one row per layer, in order, with its error bar."""
        return consistency_curve(summary, group, kind=self.kind, measure=self.measure, normalisation=self.normalisation)


@dataclass(frozen=True)
class Column:
    """A column of panels: the same curves for every architecture."""

    title: str
    """Follows the architecture's name; may be empty."""
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Grid:
    """A figure of panels, one row per group of networks."""

    figure: Figure
    groups: list[Group]
    axes: np.ndarray
    """(n_groups, n_columns) of Axes."""


def measured(columns: Sequence[Column], summary: pd.DataFrame) -> list[Column]:
    """Return the columns with the curves whose measure and normalisation the study has; drop empty ones.

    Raises
    ------
    NothingToDraw
        If the study has no results at all.
    """
    if summary.empty:
        raise NothingToDraw
    available = set(zip(summary["measure"], summary["normalisation"], strict=True))
    kept = [
        replace(column, curves=tuple(c for c in column.curves if (c.measure, c.normalisation) in available))
        for column in columns
    ]
    return [column for column in kept if column.curves]


def grid_of_curves(tables: Tables, columns: Sequence[Column]) -> Grid:
    """Draw every column's curves for every group; rows are groups.

    `finish` adds the legend and the notes, so that a figure can first add to the panels.
    """
    summary = tables["consistency_summary"]
    shown = groups(summary)
    figure = style.new_figure(style.PAGE_MM, len(shown) * (PANEL_MM + names_mm(summary["layer"])))
    axes = figure.subplots(len(shown), len(columns), squeeze=False, sharey=True)
    for group, row in zip(shown, axes, strict=True):
        for column, panel in zip(columns, row, strict=True):
            draw_curves(panel, summary, group, column.curves)
            consistency_axis(panel)
            panel.set_title(f"{group.title}, {column.title}" if column.title else group.title)
    style.letter_rows(axes)
    return Grid(figure, shown, axes)


def finish(grid: Grid, tables: Tables, remark: str) -> Figure:
    """Add legend and notes: networks and accuracies per group, the remark, and the kind of error bars."""
    style.legend_above(grid.figure, grid.axes[0])
    notes = group_notes(grid.groups, tables)
    style.footnote(grid.figure, [*notes, f"{remark} {interval_note(tables['consistency_summary'])}"])
    return grid.figure


_overlay: ContextVar[bool] = ContextVar("overlay", default=False)

OVERLAID = (
    style.Series(style.BLUE, "o", "-"),
    style.Series(style.VERMILLION, "^", "--"),
    style.Series(style.GREEN, "s", "-."),
    style.Series(style.PURPLE, "D", ":"),
    style.Series(style.ORANGE, "v", "-"),
    style.Series(style.BLACK, "P", "--"),
)
"""Looks of the conditions in one panel, again from the first after the last."""


@contextmanager
def overlaid(overlay: bool) -> Iterator[None]:
    """Draw the conditions of an architecture in one panel inside this context (`figures.overlay`)."""
    token = _overlay.set(overlay)
    try:
        yield
    finally:
        _overlay.reset(token)


def overlaid_panels(tables: Tables, shown: Sequence[Group]) -> Figure:
    """Draw a panel per architecture: mean exemplar consistency of each condition with intervals."""
    summary = tables["consistency_summary"]
    measure = main_measure(summary["measure"])
    architectures = list(dict.fromkeys(group.architecture for group in shown))
    looks = dict(zip(dict.fromkeys(group.condition for group in shown), cycle(OVERLAID), strict=False))
    figure, axes = panels(len(architectures), summary["layer"])
    for architecture, panel in zip(architectures, axes, strict=True):
        members = [group for group in shown if group.architecture == architecture]
        for place, group in enumerate(members):
            curve = Curve(condition_name(group.condition), looks[group.condition], "exemplar", measure)
            rows, shift = curve.rows(summary, group), SHIFT * (place - (len(members) - 1) / 2)
            draw_curve(panel, rows, curve.series, label=curve.label, shift=shift)
            layer_axis(panel, rows)
        consistency_axis(panel)
        panel.set_title(architecture_name(architecture))
    style.legend_above(figure, axes)
    remark = f"Exemplar RDMs{stimuli_words(summary)}, {MEASURE_NAMES[measure]}. {interval_note(summary)}"
    style.footnote(figure, [*group_notes(shown, tables), remark])
    return figure


def exemplar_panels(tables: Tables, shown: Sequence[Group]) -> Figure:
    """Draw a panel per group: mean exemplar consistency with intervals, and every pair behind it.

    With `figures.overlay`, groups of an architecture share a panel, without the pairs.
    """
    if _overlay.get() and len({group.architecture for group in shown}) < len(shown):
        return overlaid_panels(tables, shown)
    summary = tables["consistency_summary"]
    measure = main_measure(summary["measure"])
    mean = Curve("mean over pairs of networks", style.Series(style.BLUE, "o", "-"), "exemplar", measure)
    figure, axes = panels(len(shown), summary["layer"])
    for group, panel in zip(shown, axes, strict=True):
        draw_pairs(panel, _exemplar_pairs(tables["consistency"], group, measure))
        draw_curves(panel, summary, group, [mean])
        draw_untrained(panel, summary, group, kind=mean.kind, measure=measure)
        consistency_axis(panel)
        panel.set_title(group.title)
    style.legend_above(figure, axes[:1])
    remarks = [
        f"Exemplar RDMs{stimuli_words(summary)}, {MEASURE_NAMES[measure]}.",
        interval_note(summary),
        untrained_note(axes, tables),
    ]
    style.footnote(figure, [*group_notes(shown, tables), " ".join(filter(None, remarks))])
    return figure


def _exemplar_pairs(consistency: pd.DataFrame, group: Group, measure: str) -> pd.DataFrame:
    rows = without_dropout(last_epoch(consistency))
    return rows_of(rows, group, kind="exemplar", measure=measure, normalisation="none").dropna(subset=["consistency"])


def draw_pairs(axes: Axes, pairs: pd.DataFrame) -> None:
    """Draw one faint dot per pair of networks, spread sideways about its layer in the order of the pairs.

    Parameters
    ----------
    pairs
        Rows with layer_index and consistency.
    """
    by_layer = pairs.groupby("layer_index")["layer_index"]
    last = (by_layer.transform("size") - 1).clip(lower=1)
    place = 2 * by_layer.cumcount() / last - 1  # from -1 to 1
    spread = PAIR_SPREAD * np.where(place < 0, place.clip(upper=-HIDDEN), place.clip(lower=HIDDEN))
    axes.plot(
        np.asarray(pairs["layer_index"] + spread, float),
        np.asarray(pairs["consistency"], float),
        linestyle="none",
        marker="o",
        markersize=1.6 if pairs["layer_index"].nunique() <= MANY else 0.9,
        markeredgewidth=0,
        color=style.GREY,
        alpha=0.6,
        label="single pair",
        zorder=1,
    )


def draw_curves(axes: Axes, summary: pd.DataFrame, group: Group, curves: Sequence[Curve]) -> None:
    """Draw several curves of one group side by side and name its layers."""
    drawn = [curve.rows(summary, group) for curve in curves]
    for place, (curve, rows) in enumerate(zip(curves, drawn, strict=True)):
        draw_curve(axes, rows, curve.series, label=curve.label, shift=SHIFT * (place - (len(curves) - 1) / 2))
    layer_axis(axes, drawn[-1])


def draw_curve(
    axes: Axes, rows: pd.DataFrame, series: style.Series, *, label: str, shift: float = 0.0
) -> ErrorbarContainer:
    """Draw means with their intervals against depth; a point with a null interval has no bar.

    Parameters
    ----------
    rows
        One per layer, with layer_index, mean, ci_low, ci_high.
    shift
        Shift to the right, in layers.
    """
    return draw_means(axes, rows["layer_index"].to_numpy(float) + shift, rows, series, label=label)


def draw_means(axes: Axes, x: ArrayLike, rows: pd.DataFrame, series: style.Series, *, label: str) -> ErrorbarContainer:
    """Draw means with their error bars against `x`; a point with a null interval has no bar.

    Parameters
    ----------
    x
        Position of each row's point.
    rows
        Rows with mean, ci_low, ci_high. Rows of `bars.of_methods` also have is_range, for a grey bar, and inner_low and
        inner_high, for ticks inside the bar.
    """
    x, mean = np.asarray(x, float), rows["mean"].to_numpy(float)
    ends = rows[["ci_low", "ci_high"]].to_numpy(float).T
    if "is_range" in rows:
        is_range = rows["is_range"].to_numpy(bool)
        axes.vlines(x[is_range], *ends[:, is_range], color=style.GREY, linewidth=style.LINE_PT, zorder=2)
        look = {"color": series.colour, "marker": "_", "linestyle": "none", "markersize": 2.4, "markeredgewidth": 0.5}
        look |= {"markersize": 1.2} if len(x) > MANY else {}
        for end in ("inner_low", "inner_high"):
            axes.plot(x, rows[end].to_numpy(float), **look)
        ends = np.where(is_range, np.nan, ends)
    thin = {"capsize": 0, "elinewidth": 0.5, "markersize": 1.4} if len(x) > MANY else {}
    return axes.errorbar(
        x,
        mean,
        # An interval can miss its own mean by rounding; matplotlib refuses negative lengths.
        yerr=np.clip([mean - ends[0], ends[1] - mean], 0.0, None),
        color=series.colour,
        marker=series.marker,
        linestyle=series.line,
        label=label,
        zorder=3,
        **thin,
    )


def layer_axis(axes: Axes, layers: pd.DataFrame) -> None:
    """Name the layers below the axes: numbers for conv1, conv2, ..., else names, rotated if long; of many, stages.

    Parameters
    ----------
    layers
        Rows with layer_index and layer.
    """
    unique = layers.drop_duplicates("layer_index").sort_values("layer_index")
    places, naming = unique["layer_index"].to_numpy(float), layer_naming([str(name) for name in unique["layer"]])
    at = np.interp(naming.places, np.arange(len(places)), places)
    # Also in a notebook, where the settings are not those of `style`, a name is not a formula.
    axes.set_xticks(at, naming.labels, rotation=_rotation(naming), parse_math=False)
    if naming.edges:
        axes.set_xticks(np.array(naming.edges[1:-1]) + places[0], minor=True)
        axes.tick_params("x", which="major", length=0)
        axes.tick_params("x", which="minor", length=4)
    axes.set_xlim(places.min() - 0.5, places.max() + 0.5)
    axes.set_xlabel(naming.axis_label)


def _rotation(naming: LayerNaming) -> float:
    """Return the rotation of names in degrees: layers' are rotated if long, and stages' if they are too long in all."""
    if naming.edges:
        return 90 if sum(map(len, naming.labels)) > ROOM_FOR_STAGES else 0
    return 90 if max(map(len, naming.labels)) > LONGEST_UPRIGHT else 0


def name_matrix(axes: Axes, naming: LayerNaming) -> None:
    """Name the rows and columns of a matrix."""
    rotation = 90 if naming.edges else _rotation(naming)
    axes.set_xticks(naming.places, naming.labels, rotation=rotation, parse_math=False)
    axes.set_yticks(naming.places, naming.labels, parse_math=False)


def names_mm(layer_names: Iterable[str]) -> float:
    """Return the height of rotated layer names below a panel; 0 if they are not rotated."""
    names = [*dict.fromkeys(str(name) for name in layer_names)]
    naming = layer_naming(names) if names else None
    return max(map(len, naming.labels)) * style.NOTE_CHARACTER_MM if naming and _rotation(naming) else 0.0


def consistency_axis(axes: Axes) -> None:
    """Set the axis of consistency from 0 to 1, with room for markers at both ends; name it once per row."""
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks(np.arange(6) / 5)
    if in_first_column(axes):
        axes.set_ylabel(CONSISTENCY_LABEL)


def in_first_column(axes: Axes) -> bool:
    """Return whether a panel is in the first column of its grid, where axes are named."""
    place = axes.get_subplotspec()
    return place is not None and place.is_first_col()


def interval_note(summary: pd.DataFrame) -> str:
    """Return a note on the kind of error bars at the last epoch, or on why there are none."""
    return bars.note(bars.of_methods(without_dropout(last_epoch(summary))))
