"""Maps of the stimuli in two instances, layer by layer (Mehrer et al. 2020, fig. 2)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from manyseeds.figures import maps, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Tables,
    groups,
    images_note,
    instance_accuracies,
    instance_notes,
    rows_of,
)

MOST_NAMED_CATEGORIES = 30


def draw(tables: Tables) -> Figure:
    """Draw metric-stress maps of the stimuli, marked by category, for each group's first two instances."""
    mds = tables["mds"]
    looks = _category_looks(mds)

    def draw_points(axes: Axes, points: pd.DataFrame) -> None:
        for category, members in points.groupby("category_name"):
            colour, marker = looks[str(category)]
            axes.plot(members["x"], members["y"], marker, color=colour, markersize=maps.DOT_PT, markeredgewidth=0)

    figure = maps.draw_maps(mds, draw_points)
    n_stimuli = mds.loc[mds["level"] == "rdm", "stimulus"].nunique()
    _legend(figure, looks)
    symbols = "categories of the" if len(looks) > 1 else "the"
    measure = MEASURE_NAMES[main_measure(mds["measure"])]
    style.footnote(
        figure,
        [
            *_notes(tables),
            f"Metric-stress MDS of RDMs of {measure}. Symbols: {symbols} {n_stimuli:,} stimuli. Bars: lengths "
            f"in the unit of the dissimilarity. Maps are turned to match, not scaled. {maps.dropped_note(mds)}",
            images_note(tables["accuracy"]),
        ],
    )
    return figure


def _notes(tables: Tables) -> list[str]:
    """Return a note per group: number of networks, and accuracies of the shown instances."""
    maps_ = tables["mds"][tables["mds"]["level"] == "rdm"]
    shown = groups(maps_)
    accuracies = [
        instance_accuracies(tables["accuracy"], group, sorted(rows_of(maps_, group)["seed"].unique()))
        for group in shown
    ]
    counts = instance_notes(shown, tables["instances"])
    return [f"{n} {a[:1].upper()}{a[1:]}." if a else n for n, a in zip(counts, accuracies, strict=True)]


def _category_looks(mds: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return colour and marker of every category, in the order of their numbers."""
    names = mds.dropna(subset=["category"]).sort_values("category")["category_name"].unique()
    colours, markers = style.CATEGORY_COLOURS, style.CATEGORY_MARKERS
    return {name: (colours[k % len(colours)], markers[k % len(markers)]) for k, name in enumerate(names)}


def _legend(figure: Figure, looks: dict[str, tuple[str, str]]) -> None:
    """Put a legend above the maps, unless there is one category, or more than distinct looks."""
    if not 1 < len(looks) <= MOST_NAMED_CATEGORIES:
        return
    style.legend_of(
        figure,
        {
            str(name): Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=4, markeredgewidth=0)
            for name, (colour, marker) in looks.items()
        },
    )
