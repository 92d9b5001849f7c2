"""How many networks and stimuli a study needs: half-widths of intervals against their numbers (methods 12c)."""

from itertools import cycle, product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from manyseeds.figures import style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Group, Tables, groups, instance_notes, rows_of
from manyseeds.statistics.howmany import answer

PANEL_MM = 45.0
LAYERS = {
    "first layer": style.Series(style.SKY_BLUE, "s", "--"),
    "last layer": style.Series(style.BLUE, "o", "-"),
}
DASH_PT = 8.0
"""Width of the dash of a predicted value, which shows one without a line too."""
BEYOND = 3.0
"""Factor by which the axis of half-widths exceeds the lines; bands may exceed it."""
STIMULI = (style.VERMILLION, style.ORANGE, style.GREEN, style.PURPLE, style.BLACK)
"""Colours of the numbers of stimuli, from the fewest."""
LINES = ("-", "--", ":", "-.")
"""Line styles of the numbers of stimuli: each has all colours before the next one begins."""
TITLES = ("new networks", "subsets of these", "new stimuli too")
SHOWN_NUMBERS = (3, 5, 10, 20, 50, 100)


def draw(tables: Tables) -> Figure:
    """Draw a row per group: new networks on these stimuli, the check on subsets, and new stimuli too."""
    shown = groups(tables["howmany"])
    figure = style.new_figure(style.PAGE_MM, PANEL_MM * len(shown))
    grid = figure.subplots(len(shown), 3, squeeze=False)
    notes = []
    for group, row in zip(shown, grid, strict=True):
        rows = exemplars(tables["howmany"], group)
        _draw_planned(row[0], rows, exemplars(tables["howmany_answer"], group)["half_width_wanted"].iloc[0])
        _draw_check(row[1], rows)
        _draw_stimuli(row[2], rows)
        for axes, title in zip(row, TITLES, strict=True):
            axes.set_title(f"{group.title}, {title}")
        notes.append(f"{group.title}: {answer(exemplars(tables['howmany_answer'], group))}.")
    style.letter_rows(grid)
    style.legend_above(figure, grid.ravel())
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *notes, _remark(tables["howmany"])])
    return figure


def exemplars(table: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Return a group's rows of the main measure, for exemplars without blank and without a contrast."""
    rows = rows_of(table, group, kind="exemplar", normalisation="none", measure=main_measure(table["measure"]))
    return rows[rows["contrast"].isna()]


def _ends(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of the first and of the last layer, by name; of a single layer, the last."""
    places = {"first layer": rows["layer_index"].min(), "last layer": rows["layer_index"].max()}
    found = [(name, rows[rows["layer_index"] == place]) for name, place in places.items()]
    return found if rows["layer_index"].nunique() > 1 else found[1:]


def _draw_planned(axes: Axes, rows: pd.DataFrame, wanted: float) -> None:
    """Draw half-widths on the stimuli at hand with their own intervals, and the wanted half-width."""
    for name, layer in _ends(rows[rows["n_stimuli"].isna()]):
        look = LAYERS[name]
        x, y, low, high = (layer[name].to_numpy(float) for name in ("n_networks", "half_width", "ci_low", "ci_high"))
        axes.fill_between(x, low, high, color=look.colour, alpha=0.2, linewidth=0)
        axes.plot(x, y, look.line, color=look.colour, label=name)
        at_hand = layer[layer["n_networks"] == layer["n_observed"]]
        axes.plot(at_hand["n_networks"], at_hand["half_width"], look.marker, color=look.colour)
    axes.axhline(wanted, color=style.GREY, linewidth=0.6, linestyle=":", label="wanted")
    _number_axis(axes)
    drawn = rows.loc[rows["n_stimuli"].isna(), "half_width"]
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, drawn.min() / BEYOND), min(high, drawn.max() * BEYOND))
    axes.set_ylabel("Half-width of 95 % interval")


def _draw_check(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the spread of the mean over subsets of the networks at hand, observed and predicted."""
    for name, layer in _ends(rows[rows["n_stimuli"].isna()]):
        look = LAYERS[name]
        checked = layer.dropna(subset=["subsets_sd"])
        predicted = checked["predicted_sd"].astype(float)
        axes.plot(checked["n_networks"], predicted, look.line, color=look.colour, marker="_", markersize=DASH_PT)
        axes.plot(checked["n_networks"], checked["subsets_sd"].astype(float), look.marker, color=look.colour)
    axes.set_xlabel("Networks in a subset")
    axes.set_ylabel("SD of the mean consistency")
    axes.set_xticks(sorted({*rows.loc[rows["subsets_sd"].notna(), "n_networks"]}))
    axes.margins(x=0.2)
    axes.set_ylim(bottom=0)


def _draw_stimuli(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw half-widths over new networks and new stimuli in the last layer, a line per number of stimuli."""
    last = rows[(rows["layer_index"] == rows["layer_index"].max()) & rows["n_stimuli"].notna()]
    looks = cycle(product(LINES, STIMULI))
    for (number, line), (style_of_line, colour) in zip(last.groupby("n_stimuli"), looks, strict=False):
        axes.plot(line["n_networks"], line["half_width"], style_of_line, color=colour, label=f"{int(number):,} stimuli")
    if last.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "stimuli were not resampled", transform=axes.transAxes, ha="center", va="center")
        return
    _number_axis(axes)


def _number_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(SHOWN_NUMBERS))
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlim(SHOWN_NUMBERS[0] / 1.15, SHOWN_NUMBERS[-1] * 1.15)
    axes.set_xlabel("Networks (log scale)")


def _remark(howmany: pd.DataFrame) -> str:
    measure = MEASURE_NAMES[main_measure(howmany["measure"])]
    return (
        f"Exemplar RDMs, {measure}; first and last layer in a and b, last layer in c. a: bands are 95 % intervals of "
        "the half-width itself; markers are the networks at hand. b: markers are random subsets, dashes and lines "
        "what the variance components predict. c: intervals hold for new networks and new stimuli."
    )
