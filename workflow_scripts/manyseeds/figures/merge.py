"""Accuracy of networks between a trained network and the same one trained further (methods 11)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import depth, style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.paradox import DISTORTION_NAMES
from manyseeds.figures.selection import Tables, groups, instance_notes, rows_of
from manyseeds.study.distortions import NONE

LEAST_RANGE = 0.2
"""Smallest range of the axis of accuracies: less would magnify chance."""

LOOKS = {
    (True, "similarity"): ("with the distortion, most changed kernels first", style.Series(style.VERMILLION, "^", "-")),
    (True, "random"): ("with the distortion, kernels at random", style.Series(style.ORANGE, "v", "--")),
    (False, "similarity"): ("images as they are, most changed kernels first", style.Series(style.BLUE, "o", "-")),
    (False, "random"): ("images as they are, kernels at random", style.Series(style.SKY_BLUE, "s", "--")),
}


def draw(tables: Tables) -> Figure:
    """Draw a panel for each variant of every group: accuracy against the fraction of kernels that were copied."""
    merged = tables["merged"]
    if merged.empty:
        raise NothingToDraw
    shown, variants = groups(merged), list(dict.fromkeys(merged["variant"]))
    figure, grid = style.rows_of_panels(len(shown), len(variants))
    for group, of_group in zip(shown, grid, strict=True):
        for variant, axes in zip(variants, of_group, strict=True):
            rows = rows_of(merged, group, variant=variant)
            _draw_variant(axes, rows)
            distortion, rate = str(variant).removeprefix("finetuned_").rsplit("_", 1)
            axes.set_title(f"{group.title}, {DISTORTION_NAMES[distortion]}, {rate}")
            if depth.in_first_column(axes):
                axes.set_ylabel("Accuracy")
    style.letter_rows(grid)
    style.legend_above(figure, [axes for of_group in grid for axes in of_group])
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), _remark(merged)])
    return figure


def _draw_variant(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw means over networks and draws against the rank of the fraction."""
    fractions = sorted(rows["fraction"].unique())
    ends = rows[rows["fraction"].isin([fractions[0], fractions[-1]])]
    for (distorted, order), (label, look) in LOOKS.items():
        chosen = rows[(rows["distortion"] != NONE) == distorted]
        shared = ends[(ends["distortion"] != NONE) == distorted]  # at the ends all orders are the same
        both = pd.concat([chosen[chosen["order"] == order], shared]).drop_duplicates()
        means = both.groupby("fraction")["accuracy"].mean()
        places = [fractions.index(fraction) for fraction in means.index]
        axes.plot(places, means.to_numpy(), look.line, color=look.colour, marker=look.marker, label=label)
    axes.set_xticks(range(len(fractions)), [f"{fraction:g}" for fraction in fractions])
    axes.set_xlabel("Fraction of kernels copied")
    if rows.loc[rows["distortion"] != NONE, "accuracy"].isna().all():
        axes.text(0.5, 0.02, "distortion: at the floor with all strengths", ha="center", transform=axes.transAxes)
    low, high = axes.get_ylim()
    middle, half = (low + high) / 2, max(high - low, LEAST_RANGE) / 2
    axes.set_ylim(middle - half, middle + half)


def _remark(merged: pd.DataFrame) -> str:
    n_draws = merged["draw"].nunique()
    return (
        "Kernels of networks that were trained further are copied into the trained networks. Means over networks, with "
        f"the distortion also over strengths that are not at the floor, at random over {n_draws} orders. Number in the "
        "title: learning rate."
    )
