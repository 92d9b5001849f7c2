"""Divergence of networks over training, by the random streams that they share (methods 12)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.depth import draw_means
from manyseeds.figures.selection import MEASURE_NAMES, Tables, architecture_name
from manyseeds.figures.sources import LOOKS, set_name
from manyseeds.figures.trajectories import epoch_axis

PANEL_MM = 48.0
PERTURBED = (
    style.Series(style.PURPLE, "D", ":"),
    style.Series(style.VERMILLION, "v", ":"),
    style.Series(style.SKY_BLUE, "P", ":"),
)
"""Looks of perturbations, in the order of the table."""
UNRELATED = style.Series(style.GREY, "x", "-")
NONE = "none"


def draw(tables: Tables) -> Figure:
    """Draw a row per architecture: RDMs of the first and last layer, predictions, and weights, against epochs."""
    rows = tables["divergence"]
    if rows.empty:
        raise NothingToDraw
    rows = rows[rows["measure"] == main_measure(rows["measure"])]
    architectures = list(dict.fromkeys(rows["architecture"]))
    figure = style.new_figure(style.PAGE_MM, PANEL_MM * len(architectures))
    grid = figure.subplots(len(architectures), 4, squeeze=False)
    for architecture, panels in zip(architectures, grid, strict=True):
        own = followed(rows[rows["architecture"] == architecture])
        name = architecture_name(architecture)
        ends = [own[own["layer_index"] == own["layer_index"].agg(end)] for end in ("min", "max")]
        for axes, layer in zip(panels[:2], ends, strict=True):
            _draw_lines(axes, layer, "r")
            axes.set_title(f"{name}, {layer['layer'].iloc[0]}")
            axes.set_ylabel("1 − r of RDMs")
        _draw_lines(panels[2], ends[1], "agreement")
        panels[2].set_title(f"{name}, predictions")
        panels[2].set_ylabel("Predictions that differ")
        _draw_lines(panels[3], ends[1], "weight_distance")
        panels[3].set_title(f"{name}, weights")
        panels[3].set_ylabel("Distance of weights")
    style.letter_rows(grid)
    style.legend_above(figure, grid.ravel())
    style.footnote(figure, [*notes(rows), remark(rows)])
    return figure


def followed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of layers that are there at most epochs: before the last one only some layers are."""
    n_epochs = rows.groupby("layer_index")["epoch"].transform("nunique")
    return rows[n_epochs == n_epochs.max()]


def lines_of(rows: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, style.Series]]:
    """Return the rows and look of each line by its label: sets of shared streams, then perturbations."""
    found = {}
    sets = [name for name in dict.fromkeys(rows["shared"].dropna()) if name != NONE]
    for shared in dict.fromkeys(rows["shared"].dropna()):
        look = UNRELATED if shared == NONE else LOOKS[sets.index(shared) % len(LOOKS)]
        found[f"share {set_name(str(shared))}"] = rows[rows["shared"] == shared], look
    for place, name in enumerate(dict.fromkeys(rows["perturbation"].dropna())):
        found[f"share all, {name}"] = rows[rows["perturbation"] == name], PERTURBED[place % len(PERTURBED)]
    return found


def _draw_lines(axes: Axes, rows: pd.DataFrame, value: str) -> None:
    """Draw a value of one layer against epochs; of similarities, what is missing to 1."""
    if rows[value].isna().all():
        axes.set_axis_off()
        axes.text(0.5, 0.5, "weights are not known", transform=axes.transAxes, ha="center", va="center")
        return
    for label, (members, look) in lines_of(rows).items():
        line = members.sort_values("epoch")
        y = line[value].to_numpy(float)
        y = y if value == "weight_distance" else 1 - y
        ends = {"ci_low": 1 - line["ci_high"], "ci_high": 1 - line["ci_low"]} if value == "r" else {}
        means = line.assign(mean=y, **({"ci_low": np.nan, "ci_high": np.nan} | ends))
        draw_means(axes, line["epoch"].to_numpy(float), means, look, label=label)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    epoch_axis(axes, np.sort(rows["epoch"].unique()).astype(float))
    axes.set_xlabel("Epoch (log scale)")


def notes(rows: pd.DataFrame) -> list[str]:
    """Return a line per architecture: when pairs are half as far apart as pairs that share nothing."""
    found = []
    for architecture, members in rows.groupby("architecture", sort=False):
        own = followed(members)
        last = own[own["layer_index"] == own["layer_index"].max()]
        name = architecture_name(architecture)
        facts = [
            f"{label}: {_half(line)}"
            for label, (line, _) in lines_of(last).items()
            if label != f"share {set_name(NONE)}"
        ]
        layer = last["layer"].iloc[0]
        found.append(f"{name}, {layer}, first epoch with more than half of the difference: {'; '.join(facts)}.")
    return found


def _half(line: pd.DataFrame) -> str:
    half = line["half_epoch"].dropna()
    return str(int(half.iloc[0])) if len(half) else "none"


def remark(rows: pd.DataFrame) -> str:
    """Return the note on measure and intervals."""
    lost = rows.loc[rows["changes_forward"].eq(False).fillna(False), "perturbation"].dropna().unique()
    words = f" In bf16 these change no weight that is multiplied at first: {', '.join(lost)}." if len(lost) else ""
    return (
        f"Exemplar RDMs: {MEASURE_NAMES[str(rows['measure'].iloc[0])]}. Error bars: 95 % two-way jackknife over seeds; "
        f"of perturbed networks, jackknife over pairs. Predictions are of the stimuli.{words}"
    )
