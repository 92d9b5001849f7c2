"""Shared parts of the figures on kernels and errors: names, panels and axes."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.study.distortions import NONE

MOST_IN_ROW = 4
PANEL_MM = 40.0

PAIR = ["pair_kind", "seed_a", "variant_a", "seed_b", "variant_b"]
"""Columns that identify a pair in a group."""

DISTORTION_NAMES = {
    NONE: "none",
    "salt_pepper": "salt and pepper",
    "gaussian": "Gaussian noise",
    "speckle": "speckle",
    "poisson": "Poisson noise",
    "gamma": "gamma",
    "contrast": "contrast",
    "illuminant": "illuminant",
    "blur": "blur",
    "chromaticity": "chromaticity",
    "red_green": "red-green",
    "yellow_blue": "yellow-blue",
    "lightness": "lightness",
}

MATCHING_NAMES = {
    "index": "kernels, by index",
    "greedy": "kernels, greedy",
    "optimal": "kernels, optimal",
    "propagated": "kernels, whole networks matched",
    "consistency": "consistency, last layer",
}


def panels(n_groups: int, n_panels: int) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with rows of panels for each group; unused panels are removed."""
    n_rows = -(-n_panels // MOST_IN_ROW)
    per_row = -(-n_panels // n_rows)
    figure = style.new_figure(style.PAGE_MM, n_groups * n_rows * PANEL_MM)
    grid = figure.subplots(n_groups * n_rows, per_row, squeeze=False)
    found = []
    for group in range(n_groups):
        axes = list(grid[group * n_rows : (group + 1) * n_rows].ravel())
        for unused in axes[n_panels:]:
            unused.remove()
        found.append(axes[:n_panels])
    return figure, found


def distortions_of(table: pd.DataFrame) -> list[str]:
    """Return the distortions of a table in order, without the images as they are."""
    return [name for name in dict.fromkeys(table["distortion"].dropna()) if name != NONE]


def strength_labels(strengths: Sequence[float]) -> list[str]:
    """Return tick labels of no distortion and of strengths."""
    return ["none", *(f"{strength:g}" for strength in strengths)]
