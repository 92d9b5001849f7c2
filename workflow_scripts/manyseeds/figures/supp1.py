"""Stress of every stimulus in the maps of fig2 (Mehrer et al. 2020, supp. 1)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from manyseeds.figures import maps, style
from manyseeds.figures.catalogue import main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Tables, groups, instance_notes

COLOUR_MAP = "cividis_r"
COLOUR_BAR_MM = 11.0
STRESS_LABEL = "Stress of a stimulus, √(Σ(d − δ)² / Σδ²)"


def draw(tables: Tables) -> Figure:
    """Draw the maps of fig2 with stimuli coloured by stress, and the stress of each map below right."""
    mds = tables["mds"]
    stresses = mds.loc[mds["level"] == "rdm", "point_stress"]
    scale = Normalize(*stresses.agg(["min", "max"]).fillna(0.0))

    def draw_points(axes: Axes, points: pd.DataFrame) -> None:
        axes.scatter(
            points["x"],
            points["y"],
            s=maps.DOT_PT**2,
            c=points["point_stress"],
            cmap=COLOUR_MAP,
            norm=scale,
            linewidths=0,
        )
        axes.text(
            0.97,
            0.03,
            f"{points['stress'].iloc[0]:.2f}",
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=style.SMALLEST_PT,
        )

    figure = maps.draw_maps(mds, draw_points)
    figure.colorbar(
        ScalarMappable(scale, COLOUR_MAP), ax=figure.axes, location="top", shrink=0.4, aspect=40, label=STRESS_LABEL
    )
    style.grow(figure, COLOUR_BAR_MM)
    measure = MEASURE_NAMES[main_measure(mds["measure"])]
    style.footnote(
        figure,
        [
            *instance_notes(groups(mds), tables["instances"]),
            f"Metric-stress MDS of RDMs of {measure}, as in fig2. d: distance in the map; δ: "
            f"dissimilarity. Numbers: length of the bar (left), stress of the map (right). {maps.dropped_note(mds)}",
        ],
    )
    return figure
