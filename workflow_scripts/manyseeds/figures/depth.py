"""Consistency against network depth: the curves, axes and grids of panels that several figures share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    Tables,
    consistency_curve,
    group_notes,
    groups,
    last_epoch,
    rows_of,
    short_layer_names,
    without_dropout,
)

CONSISTENCY_LABEL = "Consistency (r²)"
PAIRS_NOTE = "Error bars: 95 % confidence intervals, bootstrap over pairs of networks."
FEW_PAIRS = 3
"""Up to so many pairs one of them alone is drawn in more than 2.5 % of the resamples: the interval is their range."""
NO_INTERVAL_NOTE = "No error bars: too few networks for an interval."
PANEL_MM = 48.0
MOST_PANELS_IN_ROW = 4
LONGEST_UPRIGHT = 3
"""Layer names of more characters stand on end."""
SHIFT = 0.1
"""Curves of one panel stand this many layers apart, so that their error bars can be told apart."""
PAIR_SPREAD = 0.25
"""The pairs of one layer are spread over this many layers to either side of it, but..."""
HIDDEN = 0.3
"""...not within this share of that, where the mean and its error bar stand."""


def panels(n_panels: int, layer_names: Iterable[str] = ()) -> tuple[Figure, list[Axes]]:
    """A figure with a panel per group: one or two in a text column, more across the page.

    `layer_names` are those that will stand below the panels.
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
    """Which rows of `consistency_summary` make a curve, and how it looks."""

    label: str
    series: style.Series
    kind: str
    measure: str
    normalisation: str = "none"

    def rows(self, summary: pd.DataFrame, group: Group) -> pd.DataFrame:
        """One row per layer, in order, with `pairs` intervals."""
        return consistency_curve(summary, group, kind=self.kind, measure=self.measure, normalisation=self.normalisation)


@dataclass(frozen=True)
class Column:
    """A column of panels: the same curves for every architecture."""

    title: str
    """Stands behind the architecture's name; may be empty."""
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Grid:
    """A figure of panels, one row per group of networks."""

    figure: Figure
    groups: list[Group]
    axes: np.ndarray
    """(n_groups, n_columns) of Axes."""


def measured(columns: Sequence[Column], summary: pd.DataFrame) -> list[Column]:
    """The columns with only those curves whose measure and normalisation the study has; empty columns go.

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

    The legend and the notes are left to `finish`, so that a figure can add to the panels first.
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
    for letter, panel in zip("abcdefgh", axes[0], strict=False):
        style.panel_letter(panel, letter)
    return Grid(figure, shown, axes)


def finish(grid: Grid, tables: Tables, remark: str) -> Figure:
    """Add legend and notes: numbers of networks and accuracies per group, the remark, what the error bars are."""
    style.legend_above(grid.figure, grid.axes[0])
    notes = group_notes(grid.groups, tables)
    style.footnote(grid.figure, [*notes, f"{remark} {interval_note(tables['consistency_summary'])}"])
    return grid.figure


def exemplar_panels(tables: Tables, shown: Sequence[Group]) -> Figure:
    """A figure with a panel per group: mean exemplar consistency over pairs with intervals, every pair behind it."""
    summary = tables["consistency_summary"]
    measure = main_measure(summary["measure"])
    mean = Curve("mean over pairs of networks", style.Series(style.BLUE, "o", "-"), "exemplar", measure)
    figure, axes = panels(len(shown), summary["layer"])
    for group, panel in zip(shown, axes, strict=True):
        draw_pairs(panel, _exemplar_pairs(tables["consistency"], group, measure))
        draw_curves(panel, summary, group, [mean])
        consistency_axis(panel)
        panel.set_title(group.title)
    style.legend_above(figure, axes[:1])
    remark = f"Exemplar RDMs, {MEASURE_NAMES[measure]}. {interval_note(summary)}"
    style.footnote(figure, [*group_notes(shown, tables), remark])
    return figure


def _exemplar_pairs(consistency: pd.DataFrame, group: Group, measure: str) -> pd.DataFrame:
    rows = without_dropout(last_epoch(consistency))
    return rows_of(rows, group, kind="exemplar", measure=measure, normalisation="none").dropna(subset=["consistency"])


def draw_pairs(axes: Axes, pairs: pd.DataFrame) -> None:
    """One faint dot per pair of networks, spread sideways about its layer in the order of the pairs.

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
        markersize=1.6,
        markeredgewidth=0,
        color=style.GREY,
        alpha=0.6,
        label="single pair",
        zorder=1,
    )


def draw_curves(axes: Axes, summary: pd.DataFrame, group: Group, curves: Sequence[Curve]) -> None:
    """Draw several curves of one group side by side and name its layers."""
    for place, curve in enumerate(curves):
        rows = curve.rows(summary, group)
        draw_curve(axes, rows, curve.series, label=curve.label, shift=SHIFT * (place - (len(curves) - 1) / 2))
    layer_axis(axes, rows)


def draw_curve(
    axes: Axes, rows: pd.DataFrame, series: style.Series, *, label: str, shift: float = 0.0
) -> ErrorbarContainer:
    """Means with their intervals against depth; where an interval is null the point stands without a bar.

    Parameters
    ----------
    rows
        One per layer, with layer_index, mean, ci_low, ci_high.
    shift
        Sideways, in layers.
    """
    return draw_means(axes, rows["layer_index"].to_numpy(float) + shift, rows, series, label=label)


def draw_means(axes: Axes, x: ArrayLike, rows: pd.DataFrame, series: style.Series, *, label: str) -> ErrorbarContainer:
    """Means with their intervals against anything; where an interval is null the point stands without a bar.

    Parameters
    ----------
    x
        Where each row's point stands.
    rows
        With mean, ci_low, ci_high.
    """
    mean = rows["mean"].to_numpy(float)
    below = mean - rows["ci_low"].to_numpy(float)
    above = rows["ci_high"].to_numpy(float) - mean
    return axes.errorbar(
        np.asarray(x, float),
        mean,
        # A percentile interval can miss its own mean by rounding; matplotlib refuses negative lengths.
        yerr=np.clip([below, above], 0.0, None),
        color=series.colour,
        marker=series.marker,
        linestyle=series.line,
        label=label,
        zorder=3,
    )


def layer_axis(axes: Axes, layers: pd.DataFrame) -> None:
    """Name the layers below the axes: numbers where they are conv1, conv2, ..., else names, on end if long.

    Parameters
    ----------
    layers
        Rows with layer_index and layer.
    """
    unique = layers.drop_duplicates("layer_index").sort_values("layer_index")
    labels, axis_label = short_layer_names([str(name) for name in unique["layer"]])
    long = max(len(label) for label in labels) > LONGEST_UPRIGHT
    axes.set_xticks(unique["layer_index"].to_numpy(float), labels, rotation=90 if long else 0)
    axes.set_xlim(unique["layer_index"].min() - 0.5, unique["layer_index"].max() + 0.5)
    axes.set_xlabel(axis_label)


def names_mm(layer_names: Iterable[str]) -> float:
    """Height that layer names on end take below a panel."""
    labels, _ = short_layer_names(sorted({str(name) for name in layer_names}))
    longest = max((len(label) for label in labels), default=0)
    return longest * style.NOTE_CHARACTER_MM if longest > LONGEST_UPRIGHT else 0.0


def consistency_axis(axes: Axes) -> None:
    """Consistency from 0 to 1, with room for markers at both ends; named once a row."""
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks(np.arange(6) / 5)
    if axes.get_subplotspec().is_first_col():
        axes.set_ylabel(CONSISTENCY_LABEL)


def interval_note(summary: pd.DataFrame) -> str:
    """What the error bars are, or why there are none."""
    return f"{PAIRS_NOTE} {few_pairs_note(summary)}".strip() if has_intervals(summary) else NO_INTERVAL_NOTE


def has_intervals(summary: pd.DataFrame) -> bool:
    """Whether any statistic has a bootstrap interval over pairs."""
    return bool(summary.loc[summary["ci_method"] == "pairs", "ci_low"].notna().any())


def few_pairs_note(summary: pd.DataFrame) -> str:
    """What such intervals are where there are few pairs, or "" where there are none of these."""
    drawn = summary[(summary["ci_method"] == "pairs") & summary["ci_low"].notna()]
    few = (drawn["n_network_pairs"] <= FEW_PAIRS).any()
    return f"Of {FEW_PAIRS} pairs or fewer bootstrap intervals are the range of the pairs." if few else ""
