"""Our results beside the published ones (Mehrer et al. 2020), one line per value."""

from collections.abc import Sequence
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import Transform

from manyseeds.figures import style
from manyseeds.figures.bars import FEWEST_NETWORKS
from manyseeds.figures.selection import MEASURE_NAMES, Group, Tables, instance_notes, network_name, unbroken

POINTS_PER_INCH = 72.0
ROW_MM = 5.0
AXIS_MM = 10.5
"""Height of the tick labels and the name of the axis below a panel."""
HEAD_MM = 5.0
"""Height of the headings above the first panel."""
APART = 0.15
"""Distance of a value from the middle of its line: the published one is above, ours below."""
NUMBERS_AT_MM = {"published": 2.0, "ours": 23.0, "difference": 48.0}
"""Distance of the columns of numbers from the right edge of the panels."""
LOOKS = {
    "published": style.Series(style.BLACK, "D", "-"),
    "ours": style.Series(style.VERMILLION, "o", "-"),
}
GLYPHS = {"published": "◆", "ours": "●"}
"""The markers in the headings of the columns, which are the legend."""

PANELS = {
    "fraction": ("Test accuracy (%)", (0.0, 1.0)),
    "r2": ("Consistency (r²)", (0.0, 1.0)),
    "pearson_r": ("Correlation r over layers (supp4) or epochs (fig9)", (-1.0, 1.0)),
}
"""By unit, from top to bottom: name and limits of the axis."""

KINDS = {
    "exemplar": "exemplars",
    "centroid": "category centroids",
    "within_category": "within category",
    "random_centroid": "random groups",
}
QUANTITIES = {
    "top-1 test accuracy range": "{network}",
    "mean consistency": "{network} {layer}, {kind}, {measure}",
    "mean consistency dropout in training only": "{network} {layer}, {kind}, {measure}",
    "mean consistency dropout in training and 10 RDM samples at test": (
        "{network} {layer}, {kind}, {measure}, 10 masks at test"
    ),
    "lowest mean consistency": "{network} lowest layer ({ours_layer}), {kind}, {measure}",
    "random-grouping centroid consistency 95% band": "{network} {layer}, {kind}, {measure}",
    "correlation of CCI and consistency over layers": "{network}, clustering and consistency",
    "correlation of consistency and test accuracy over epochs": "{network} {layer}, consistency and accuracy",
}
"""Name of a line, by published quantity."""

RANGES = ("range", "partitions")
"""Interval methods whose bounds are not a confidence interval."""
REMARK = (
    "Brackets and bars: 95 % intervals. Ours are jackknife intervals over networks; the published ones appear to be a "
    "bootstrap over pairs of networks. Difference: ours minus published, with an interval from both standard errors; "
    "it is a description, not a test. Our correlations are skipped Pearson correlations; published ones are robust. "
    "Parentheses: lowest and highest network, or 2.5 to 97.5 % of the random groupings."
)


def draw(tables: Tables) -> Figure:
    """Draw one panel per unit, one line per published value with a counterpart in the study."""
    compared = tables["comparison"]
    shown = compared.dropna(subset=["ours"])
    if shown.empty:
        figure = style.only_words(f"Study {compared['study'].iloc[0]}: no value to compare with the published ones.")
        style.footnote(figure, [missing_note(compared)])
        return figure
    by_unit = {unit: shown[shown["unit"] == unit] for unit in PANELS if (shown["unit"] == unit).any()}
    figure = style.new_figure(style.PAGE_MM, len(shown) * ROW_MM + len(by_unit) * AXIS_MM + HEAD_MM)
    heights = [len(rows) for rows in by_unit.values()]
    panels = figure.subplots(len(by_unit), 1, squeeze=False, gridspec_kw={"height_ratios": heights}).ravel()
    for axes, (unit, rows) in zip(panels, by_unit.items(), strict=True):
        _draw_panel(axes, unit, rows)
    _head_columns(panels[0])
    style.title(figure, title(shown))
    notes = instance_notes(compared_groups(shown), tables["instances"])
    few = f"Grey bars: intervals of fewer than {FEWEST_NETWORKS} networks." if of_few_networks(shown).any() else ""
    style.footnote(figure, [*notes, f"{REMARK} {few}".strip(), missing_note(compared)])
    return figure


def of_few_networks(rows: pd.DataFrame) -> pd.Series:
    """Return which rows have an interval of too few networks for a claim."""
    return (rows["n_networks"] < FEWEST_NETWORKS).fillna(False) & ~rows["ci_method"].isin(RANGES)


def compared_groups(shown: pd.DataFrame) -> list[Group]:
    """Return the groups of networks with values."""
    pairs = shown[["architecture", "condition"]].drop_duplicates().itertuples(index=False)
    return [Group(architecture, condition, network_name(architecture, condition)) for architecture, condition in pairs]


def title(shown: pd.DataFrame) -> str:
    """Return the study's name and its departures from the paper, each with all networks it applies to."""
    names: dict[str, list[str]] = {}
    for row in shown.dropna(subset=["departures"]).drop_duplicates(["architecture", "condition"]).itertuples():
        names.setdefault(str(row.departures), []).append(network_name(str(row.architecture), str(row.condition)))
    study = shown["study"].iloc[0]
    if not names:
        return f"Study {study}, by the protocol of the paper's full-size study"
    differences = [f"{', '.join(networks)}: {text}." for text, networks in names.items()]
    return " ".join([f"Study {study}: not the paper's full-size study.", *differences])


def missing_note(compared: pd.DataFrame) -> str:
    """Return how many values of each figure have no counterpart in the study, or ""."""
    missing = compared[compared["ours"].isna()]
    if missing.empty:
        return ""
    counts = ", ".join(f"{figure} ({n})" for figure, n in missing.groupby("figure", sort=False).size().items())
    return f"Published values without a counterpart in this study: {counts}; the table comparison says why."


def _draw_panel(axes: Axes, unit: str, rows: pd.DataFrame) -> None:
    """Draw both values of each row with their bounds, and the numbers beside them."""
    places = np.arange(len(rows), dtype=float)
    for which, sign in (("published", -1), ("ours", 1)):
        _draw_values(axes, rows, which, places + sign * APART)
        _write_column(axes, which, numbers(rows, which))
    _write_column(axes, "difference", differences(rows))
    label, limits = PANELS[unit]
    axes.set_yticks(places, [line_name(row) for _, row in rows.iterrows()])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(*limits)
    axes.set_xlabel(label)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=style.GREY, linewidth=0.2)
    axes.set_axisbelow(True)
    if unit == "fraction":
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def _draw_values(axes: Axes, rows: pd.DataFrame, which: str, places: np.ndarray) -> None:
    """Draw points, and bars between bounds; a range without a value has no point."""
    look = LOOKS[which]
    values, low, high = (rows[which + suffix].to_numpy(float) for suffix in ("", "_ci_low", "_ci_high"))
    colours = np.where(of_few_networks(rows) & (which == "ours"), style.GREY, look.colour)
    axes.hlines(places, low, high, colors=list(colours), linewidth=1.2 * style.LINE_PT)
    axes.plot(values, places, color=look.colour, marker=look.marker, linestyle="none", label=which, clip_on=False)


def _head_columns(axes: Axes) -> None:
    """Write the headings of the columns of numbers, with the markers of the panels."""
    for which, look in LOOKS.items():
        heading = f"{GLYPHS[which]} {which}"
        _write_right(axes, which, heading, (1, 1), axes.transAxes, va="bottom", color=look.colour)
    _write_right(axes, "difference", "difference", (1, 1), axes.transAxes, va="bottom")


def _write_column(axes: Axes, which: str, texts: Sequence[str]) -> None:
    """Write one text beside each line of a panel."""
    for place, text in enumerate(texts):
        _write_right(axes, which, text, (1, place), axes.get_yaxis_transform(), va="center", fontsize=style.NOTE_PT)


class _Look(TypedDict, total=False):
    va: str
    color: str
    fontsize: float


def _write_right(
    axes: Axes, which: str, text: str, at: tuple[float, float], transform: Transform, **look: Unpack[_Look]
) -> None:
    """Write text into a column right of a panel; `at` is a place on the panel's right edge."""
    offset = NUMBERS_AT_MM[which] / style.MM_PER_INCH * POINTS_PER_INCH
    axes.annotate(text, at, (offset, 0), xycoords=transform, textcoords="offset points", annotation_clip=False, **look)


def line_name(row: pd.Series) -> str:
    """Return the name of a line and its figure: "All-CNN-C conv9, exemplars, correlation (fig4)"."""
    words = {
        "network": network_name(row["architecture"], row["condition"]),
        "layer": row["layer"],
        "ours_layer": row["ours_layer"],
        "kind": KINDS.get(row["kind"]),
        "measure": MEASURE_NAMES.get(row["measure"], "").removesuffix(" distance"),
    }
    return f"{QUANTITIES[row['quantity']].format_map(words)} ({row['figure']})"


def numbers(rows: pd.DataFrame, which: str) -> list[str]:
    """Return value and bounds of each row as text: intervals in brackets, ranges in parentheses."""
    return [_numbers(row, which) for _, row in rows.iterrows()]


def _numbers(row: pd.Series, which: str) -> str:
    value, low, high = (_number(row[which + suffix], str(row["unit"])) for suffix in ("", "_ci_low", "_ci_high"))
    if not low:
        return value
    bounds = f"({low} to {high})" if row["ci_method"] in RANGES else f"[{low}, {high}]"
    return unbroken(f"{value} {bounds}".strip())


def differences(rows: pd.DataFrame) -> list[str]:
    """Return the difference of each row and its interval as text."""
    columns = ("difference", "difference_low", "difference_high")
    found = [[_number(row[column], str(row["unit"])) for column in columns] for _, row in rows.iterrows()]
    return [unbroken(f"{value} [{low}, {high}]" if low else value) for value, low, high in found]


def _number(value: float | None, unit: str) -> str:
    if pd.isna(value):
        return ""
    return f"{100 * value:.1f}" if unit == "fraction" else f"{value:z.2f}".replace("-", "−")
