"""Category clustering against consistency over layers (Mehrer et al. 2020, supp. 4)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.relation import relation_note
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    Tables,
    consistency_curve,
    evenly,
    groups,
    last_epoch,
    networks_note,
    rows_of,
    short_layer_names,
    stimuli_words,
)

MOST_TICKS = 4
RELATION = "cci_consistency_over_layers"
MOST_NAMED_POINTS = 12
"""Number of layers that are named; of more, some."""
CLUSTERING_LABEL = "Category clustering index"


def draw(tables: Tables) -> Figure:
    """Draw one panel per architecture, one named point per layer; correlations are in the notes."""
    summary = tables["consistency_summary"]
    measure = main_measure(summary["measure"])
    shown = groups(summary)
    figure, panels = depth.panels(len(shown))
    layers = [layers_of(tables, group, measure) for group in shown]
    namings = [_draw_layers(axes, of_group) for axes, of_group in zip(panels, layers, strict=True)]
    notes = []
    for group, axes in zip(shown, panels, strict=True):
        if depth.in_first_column(axes):
            axes.set_ylabel(depth.CONSISTENCY_LABEL)
        axes.set_xlabel(CLUSTERING_LABEL)
        axes.set_title(group.title)
        notes.append(f"{group.title}: {networks_note(tables, group)}. {_relation(tables, group, measure)}")
    how = "number" if namings[-1] != "Layer" else "name"
    stimuli = stimuli_words(tables["consistency_summary"])
    remark = (
        f"Exemplar RDMs{stimuli}, {MEASURE_NAMES[measure]}. Points: layers, by {how}, joined in order. "
        f"{_interval_note(layers[-1])}"
    )
    style.footnote(figure, [*notes, remark])
    return figure


def layers_of(tables: Tables, group: Group, measure: str) -> pd.DataFrame:
    """Return one row per layer: layer, layer_index, and mean, ci_low, ci_high of both (suffix _cci)."""
    consistency = consistency_curve(tables["consistency_summary"], group, kind="exemplar", measure=measure)
    summary = last_epoch(tables["clustering_summary"])
    clustering = bars.of_methods(rows_of(summary, group, measure=measure, normalisation="none"))
    wanted = ["layer", "layer_index", "mean", "ci_low", "ci_high", "is_range", "ci_method"]
    return consistency[wanted].merge(clustering[wanted], on=["layer", "layer_index"], suffixes=("", "_cci"))


def _relation(tables: Tables, group: Group, measure: str) -> str:
    rows = last_epoch(tables["relations"])
    equal = {"measure": measure, "normalisation": "none", "kind": "exemplar", "relation": RELATION}
    return relation_note(rows_of(rows, group, **equal), over="layers")


def _interval_note(layers: pd.DataFrame) -> str:
    """Return a note on the error bars, which are of one kind in both directions."""
    both = layers.assign(inner_low=np.nan)
    return bars.note(both, of="pairs of networks, and of the networks")


def _draw_layers(axes: Axes, layers: pd.DataFrame) -> str:
    """Draw points with both intervals, and join successive layers; return the axis label of their names.

    Numbers are written in the markers, where error bars do not cross them. Longer names are written beside them.
    """
    names, naming = short_layer_names([str(name) for name in layers["layer"]])
    numbered = max(len(name) for name in names) <= depth.LONGEST_UPRIGHT
    x, y = layers["mean_cci"].to_numpy(float), layers["mean"].to_numpy(float)
    axes.plot(x, y, color=style.GREY, linewidth=0.4, zorder=1)
    named = evenly(len(names), MOST_NAMED_POINTS)
    axes.errorbar(
        x,
        y,
        xerr=np.clip([x - layers["ci_low_cci"], layers["ci_high_cci"] - x], 0.0, None),
        yerr=np.clip([y - layers["ci_low"], layers["ci_high"] - y], 0.0, None),
        color=style.BLUE,
        ecolor=style.GREY if layers["is_range"].astype(bool).all() else style.BLUE,
        marker="none" if numbered and len(named) == len(names) else "o",
        linestyle="none",
        elinewidth=0.6,
        capsize=0,
        zorder=2,
    )
    circle = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": style.BLUE, "linewidth": 0.6}
    for name, at in zip([names[place] for place in named], zip(x[named], y[named], strict=True), strict=True):
        axes.annotate(
            name,
            at,
            (0, 0) if numbered else (3, 3),
            textcoords="offset points",
            ha="center" if numbered else "left",
            va="center" if numbered else "baseline",
            bbox=circle if numbered else None,
            fontsize=style.SMALLEST_PT,
            zorder=3,
        )
    axes.margins(0.12)
    axes.locator_params(axis="x", nbins=MOST_TICKS)
    return naming
