"""Sources of difference between networks against depth: variance components by random stream (methods 12)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Tables, architecture_name, count
from manyseeds.statistics.sources import COMMON, DIFFERENCE, answer

PANEL_MM = 48.0
WORDS = {"init": "initialisation", "order": "order", "augment": "augmentation", "dropout": "dropout masks"}
LOOKS = (
    style.Series(style.BLUE, "o", "-"),
    style.Series(style.ORANGE, "s", "--"),
    style.Series(style.GREEN, "^", "-."),
    style.Series(style.PURPLE, "D", ":"),
    style.Series(style.VERMILLION, "v", "-"),
    style.Series(style.SKY_BLUE, "P", "--"),
    style.Series(style.BLACK, "X", "-."),
)
"""Looks of the sets of streams, in the order of the table."""
COMMON_COLOUR = "#D9D9D9"
KINDS = {"exemplar": style.Series(style.BLUE, "o", "-"), "centroid": style.Series(style.GREEN, "D", "--")}
BAR = 0.8
"""Width of a bar, in layers."""


def draw(tables: Tables) -> Figure:
    """Draw a row per architecture: components of exemplars and of centroids, the difference, and classes of pairs."""
    rows, pairs = (of_last_epoch(tables[name]) for name in ("sources", "source_pairs"))
    if rows.empty:
        raise NothingToDraw
    architectures = list(dict.fromkeys(rows["architecture"]))
    height = len(architectures) * (PANEL_MM + depth.names_mm(rows["layer"]))
    figure = style.new_figure(style.PAGE_MM, height)
    grid = figure.subplots(len(architectures), 4, squeeze=False)
    for architecture, panels in zip(architectures, grid, strict=True):
        own = rows[rows["architecture"] == architecture]
        name = architecture_name(architecture)
        for axes, kind in zip(panels[:2], KINDS, strict=True):
            _draw_components(axes, own[own["kind"] == kind])
            axes.set_title(f"{name}, {kind}s")
        _draw_difference(panels[2], own)
        panels[2].set_title(f"{name}, init − order")
        _draw_classes(panels[3], pairs[(pairs["architecture"] == architecture) & (pairs["kind"] == "exemplar")])
        panels[3].set_title(f"{name}, pairs of networks")
    style.letter_rows(grid)
    style.legend_above(figure, grid.ravel())
    style.footnote(figure, [*notes(rows), remark(rows)])
    return figure


def of_last_epoch(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the main measure at the last epoch of each architecture."""
    if table.empty:
        return table
    rows = table[table["measure"] == main_measure(table["measure"])]
    return rows[rows["epoch"] == rows.groupby("architecture")["epoch"].transform("max")]


def set_name(streams: str) -> str:
    """Return a set of streams in words."""
    if streams == COMMON:
        return "common to all"
    if streams == "none":
        return "nothing"
    return " + ".join(WORDS.get(stream, stream) for stream in streams.split("+"))


def look_of(streams: str, sets: Sequence[str]) -> style.Series:
    """Return the look of a set of streams among all sets."""
    return LOOKS[list(sets).index(streams) % len(LOOKS)]


def sets_of(rows: pd.DataFrame) -> list[str]:
    """Return the sets of streams of `sources` in their order."""
    return [name for name in dict.fromkeys(rows["component"]) if name not in (COMMON, DIFFERENCE)]


def _draw_components(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw stacked components against depth. Negative ones lie below zero."""
    if rows.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "stimuli have no categories", transform=axes.transAxes, ha="center", va="center")
        return
    sets = sets_of(rows)
    layers = np.sort(rows["layer_index"].unique()).astype(float)
    above, below = np.zeros(len(layers)), np.zeros(len(layers))
    for name in (COMMON, *sets):
        values = rows[rows["component"] == name].sort_values("layer_index")["value"].fillna(0.0).to_numpy(float)
        colour = COMMON_COLOUR if name == COMMON else look_of(name, sets).colour
        base = np.where(values >= 0, above, below)
        axes.bar(layers, values, BAR, bottom=base, color=colour, label=set_name(name), linewidth=0)
        above, below = above + np.maximum(values, 0), below + np.minimum(values, 0)
    axes.axhline(0, color=style.BLACK, linewidth=0.4)
    depth.layer_axis(axes, rows)
    axes.set_ylim(min(-0.03, float(below.min()) - 0.03), max(1.03, float(above.max()) + 0.03))
    if depth.in_first_column(axes):
        axes.set_ylabel("Share of RDM variance")


def _draw_difference(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the difference between sharing init and sharing order, with the range that counts as none."""
    differences = rows[rows["component"] == DIFFERENCE]
    if differences.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "init and order are not crossed", transform=axes.transAxes, ha="center", va="center")
        return
    equivalent = float(differences["equivalent"].iloc[0])
    axes.axhspan(-equivalent, equivalent, color=style.GREY, alpha=0.25, linewidth=0, label=f"±{equivalent:g}")
    axes.axhline(0, color=style.BLACK, linewidth=0.4)
    for shift, (kind, look) in zip((-0.1, 0.1), KINDS.items(), strict=True):
        of_kind = differences[differences["kind"] == kind].sort_values("layer_index")
        if len(of_kind):
            means = of_kind.assign(mean=of_kind["value"])
            depth.draw_curve(axes, means, look, label=f"difference, {kind}s", shift=shift)
    depth.layer_axis(axes, differences)
    axes.set_ylabel("Difference of r")


def _draw_classes(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the mean correlation of the RDMs of networks that share some streams and no others."""
    classes = list(dict.fromkeys(rows["shared"]))
    sets = [name for name in classes if name != "none"]
    for name in classes:
        of_class = rows[rows["shared"] == name].sort_values("layer_index")
        look = style.Series(style.GREY, "x", "-") if name == "none" else look_of(name, sets)
        depth.draw_curve(axes, of_class.assign(mean=of_class["r"]), look, label=f"share {set_name(name)}")
    depth.layer_axis(axes, rows)
    axes.set_ylabel("Correlation of RDMs (r)")


def notes(rows: pd.DataFrame) -> list[str]:
    """Return a line per architecture: numbers of networks, and the answer for its first and last layer."""
    found = []
    for architecture, own in rows.groupby("architecture", sort=False):
        name = architecture_name(architecture)
        first = own.iloc[0]
        missing = f", {int(first['n_missing'])} more collapsed and missing" if first["n_missing"] else ", none missing"
        facts = [f"{name}: {count(first['n_networks'], 'network')} ({first['levels']}){missing}"]
        found.append("; ".join([*facts, *answers(own)]) + ".")
    return found


def answers(rows: pd.DataFrame) -> list[str]:
    """Return the answer in words for the first and last layer of one architecture, for exemplars."""
    exemplars = rows[rows["kind"] == "exemplar"]
    ends = dict.fromkeys([exemplars["layer_index"].min(), exemplars["layer_index"].max()])
    layers = [exemplars[exemplars["layer_index"] == end] for end in ends]
    return [f"{layer['layer'].iloc[0]}: {answer(layer)}" for layer in layers]


def remark(rows: pd.DataFrame) -> str:
    """Return the note on measure, components and intervals."""
    return (
        f"RDMs: {MEASURE_NAMES[str(rows['measure'].iloc[0])]}. Signed r adds up where r² does not. Components are the "
        "variance that networks have in common because they share the streams. Estimates can be negative. Error bars: "
        "95 % two-way jackknife over the seeds of each stream; none with fewer than three seeds."
    )
