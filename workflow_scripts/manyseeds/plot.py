"""Plots for notebooks (needs matplotlib)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes

from manyseeds.errors import StudyError
from manyseeds.figures import depth as curves
from manyseeds.figures import style

SERIES = (
    style.Series(style.BLUE, "o", "-"),
    style.Series(style.VERMILLION, "s", "--"),
    style.Series(style.GREEN, "^", "-."),
    style.Series(style.PURPLE, "D", ":"),
    style.Series(style.ORANGE, "v", "-"),
    style.Series(style.SKY_BLUE, "P", "--"),
    style.Series(style.BLACK, "X", "-."),
    style.Series(style.GREY, "*", ":"),
)
"""Colour, marker and line of each curve; a plot with more curves could not be read."""
NEEDED = ("layer", "layer_index", "kind", "measure", "normalisation", "mean", "ci_low", "ci_high", "ci_method")


def depth(
    table: pd.DataFrame,
    *,
    by: str | None = None,
    kind: str = "exemplar",
    measure: str | None = None,
    normalisation: str = "none",
    axes: Axes | None = None,
) -> Axes:
    """Plot mean consistency against depth with its intervals.

    Parameters
    ----------
    table
        From `manyseeds.consistency`; several of them may be joined if a column `by` tells them apart. Rows of the table
        `consistency_summary` of a study work too, for one interval method and one epoch.
    by
        Column with a curve for each of at most eight values, such as ``kind`` or a column of your own.
    kind, measure, normalisation
        Rows to plot. A `by` of the same name plots all its values. None: the first measure of the table.
    axes
        Axes to draw on; None: new ones. Sizes are those of matplotlib's own settings.

    Raises
    ------
    StudyError
        If the table lacks a column, has more than one row for a layer of a curve, or rows of no curve.
    """
    missing = [column for column in (*NEEDED, *([by] if by else [])) if column not in table]
    if missing:
        raise StudyError(f"table: found no column {missing[0]}, expected a table of manyseeds.consistency.")
    chosen = {"kind": kind, "measure": measure or table["measure"].iloc[0], "normalisation": normalisation}
    rows = table
    for column, value in chosen.items():
        if column != by:
            rows = rows[rows[column] == value]
    if rows.empty:
        raise StudyError(f"table: found no rows with {', '.join(f'{k} {v}' for k, v in chosen.items())}.")
    groups = _curves(rows, by)
    axes = pyplot.subplots()[1] if axes is None else axes
    for place, ((name, group), series) in enumerate(zip(groups, SERIES[: len(groups)], strict=True)):
        if group["layer_index"].duplicated().any():
            raise StudyError("table: found several rows for one layer; select one interval, epoch and group first.")
        shift = curves.SHIFT * (place - (len(groups) - 1) / 2)
        curves.draw_curve(axes, group.sort_values("layer_index"), series, label=str(name), shift=shift)
    _name_layers(axes, rows)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(curves.CONSISTENCY_LABEL)
    methods = ", ".join(rows.loc[rows["ci_low"].notna(), "ci_method"].unique())
    note = f"95 % intervals: {methods}" if methods else "no intervals: too few networks"
    axes.text(0.98, 0.98, note, transform=axes.transAxes, ha="right", va="top", size="x-small")
    if by is not None:
        axes.legend()
    return axes


def _curves(rows: pd.DataFrame, by: str | None) -> Sequence[tuple[object, pd.DataFrame]]:
    """Return the name and the rows of each curve."""
    if by is None:
        return [("", rows)]
    if rows[by].isna().any():
        raise StudyError(f"table: found rows without a value in column {by}, expected one for each row.")
    groups = list(rows.groupby(by, sort=False))
    if len(groups) > len(SERIES):
        raise StudyError(
            f"by: found {len(groups)} values of {by}, expected at most {len(SERIES)}: select some rows first."
        )
    return groups


def _name_layers(axes: Axes, rows: pd.DataFrame) -> None:
    """Name the layers below the axes, or number them if curves have different ones."""
    names = rows.groupby("layer_index")["layer"].nunique()
    if (names > 1).any():
        rows = rows.assign(layer=(rows["layer_index"] + 1).astype(str))
        curves.layer_axis(axes, rows)
        axes.set_xlabel("Layer, from the input")
    else:
        curves.layer_axis(axes, rows)
