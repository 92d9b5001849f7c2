"""Accuracy of each network against the strength of distortions (methods 11)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.paradox import DISTORTION_NAMES, distortions_of, strength_labels
from manyseeds.figures.selection import Group, Tables, groups, instance_notes, rows_of
from manyseeds.study.distortions import NONE
from manyseeds.study.variants import FINETUNED, TRAINED

MOST_LABELS = 6
"""Number of strengths, with none, whose labels fit side by side."""

LOOKS = {True: style.Series(style.BLUE, "o", "-"), False: style.Series(style.VERMILLION, "^", "--")}
"""Looks of trained networks (True), and of those trained further (False)."""

TRAINED_LABEL, TUNED_LABEL = "one network", "the same, trained further on this distortion"


def draw(tables: Tables) -> Figure:
    """Draw a panel for each distortion of every group: one line for each network."""
    accuracy = tables["distorted_accuracy"]
    if accuracy.empty:
        raise NothingToDraw
    shown, names = groups(accuracy), distortions_of(accuracy)
    figure, grid = style.rows_of_panels(len(shown), len(names))
    for group, of_group in zip(shown, grid, strict=True):
        rows = rows_of(accuracy, group)
        for name, axes in zip(names, of_group, strict=True):
            _draw_distortion(axes, rows, name)
            axes.set_title(f"{group.title}, {DISTORTION_NAMES[name]}")
            if depth.in_first_column(axes):
                axes.set_ylabel("Accuracy")
    style.letter_rows(grid)
    style.legend_above(figure, [axes for of_group in grid for axes in of_group])
    spreads = [_spread(rows_of(accuracy, group), group) for group in shown]
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *spreads, _remark(accuracy)])
    return figure


def _draw_distortion(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    """Draw accuracy against strength, of the trained networks and of those trained further on the distortion."""
    strengths = sorted(rows.loc[rows["distortion"] == name, "strength"].dropna().unique())
    tuned = [each for each in dict.fromkeys(rows["variant"]) if str(each).startswith(f"{FINETUNED}_{name}_")]
    for variant in [TRAINED, *tuned[-1:]]:
        look = LOOKS[variant == TRAINED]
        for _, network in rows[rows["variant"] == variant].groupby("seed"):
            clean, *distorted = _curve(network, name, strengths)
            axes.plot([0], [clean], look.marker, color=look.colour)
            axes.plot(
                range(1, len(strengths) + 1),
                distorted,
                look.line,
                color=look.colour,
                linewidth=0.7,
                marker=look.marker,
                markersize=1.5,
            )
        label = TRAINED_LABEL if variant == TRAINED else TUNED_LABEL
        axes.plot([], [], look.line, color=look.colour, marker=look.marker, label=label)
    labels = strength_labels(strengths)
    size = style.NOTE_PT if len(labels) <= MOST_LABELS else style.SMALLEST_PT
    axes.set_xticks(range(len(labels)), labels, fontsize=size, rotation=0 if len(labels) <= MOST_LABELS else 45)
    axes.set_xlabel("Strength")
    axes.set_ylim(0, 1)


def _curve(network: pd.DataFrame, name: str, strengths: list[float]) -> list[float]:
    """Return the accuracies of a network without distortion, then at each strength."""
    clean = network.loc[network["distortion"] == NONE, "accuracy"]
    by_strength = network[network["distortion"] == name].set_index("strength")["accuracy"]
    return [float(clean.iloc[0]), *(float(by_strength[strength]) for strength in strengths)]


def _spread(rows: pd.DataFrame, group: Group) -> str:
    """Return in words where trained networks differ most, beside how they differ without distortion."""
    trained = rows[(rows["variant"] == TRAINED) & ~(rows["at_floor"].astype(bool) & (rows["distortion"] != NONE))]
    if trained["seed"].nunique() < 2:
        return ""
    sd = trained.groupby(["distortion", "strength"], dropna=False)["accuracy"].std(ddof=1).reset_index()
    clean = sd.loc[sd["distortion"] == NONE, "accuracy"].iloc[0]
    distorted = sd[sd["distortion"] != NONE]
    if distorted.empty:
        return ""
    name, strength, most = distorted.sort_values("accuracy").iloc[-1][["distortion", "strength", "accuracy"]]
    return (
        f"{group.title}: SD over networks {100 * clean:.1f} points without distortion, at most {100 * most:.1f}, "
        f"with {DISTORTION_NAMES[str(name)]} of strength {strength:g}."
    )


def _remark(accuracy: pd.DataFrame) -> str:
    n_images = sorted({int(number) for number in accuracy["n_images"]})
    images = " or ".join(f"{number:,}" for number in n_images)
    tuned = accuracy["variant"].astype(str).str.startswith(FINETUNED).any()
    words = " Dashed: the larger learning rate." if tuned and _several_rates(accuracy) else ""
    return f"All networks see the same distorted versions of {images} test images.{words}"


def _several_rates(accuracy: pd.DataFrame) -> bool:
    names = [str(name) for name in accuracy["variant"].unique() if str(name).startswith(FINETUNED)]
    return bool(np.unique([name.rpartition("_")[2] for name in names]).size > 1)
