"""Correlation of similarity with performing alike, over pairs of networks, by distortion (methods 11)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.paradox import DISTORTION_NAMES, MATCHING_NAMES
from manyseeds.figures.selection import Tables, groups, instance_notes, rows_of

OUTCOME_NAMES = {
    "abs_difference": "|difference of accuracies|",
    "kappa": "kappa of errors",
    "agreement": "equal predictions",
}
LOOKS = {
    "index": style.Series(style.BLACK, "o", "none"),
    "greedy": style.Series(style.SKY_BLUE, "s", "none"),
    "optimal": style.Series(style.BLUE, "D", "none"),
    "propagated": style.Series(style.GREEN, "^", "none"),
    "consistency": style.Series(style.VERMILLION, "v", "none"),
}
ROW_MM = 7.0
ALL = "all distortions"


def draw(tables: Tables) -> Figure:
    """Draw a panel for each measure of performing alike, of every group: a row of points for each distortion."""
    relations = of_networks(tables["kernel_relations"])
    if relations.empty:
        raise NothingToDraw
    shown = groups(relations)
    names = [ALL, *(DISTORTION_NAMES[name] for name in dict.fromkeys(relations["distortion"].dropna()))]
    figure = style.new_figure(style.PAGE_MM, len(shown) * (15 + ROW_MM * len(names)))
    grid = figure.subplots(len(shown), len(OUTCOME_NAMES), squeeze=False, sharey=True)
    for group, row in zip(shown, grid, strict=True):
        for (outcome, name), axes in zip(OUTCOME_NAMES.items(), row, strict=True):
            _draw_outcome(axes, rows_of(relations, group, y=outcome), names)
            axes.set_title(f"{group.title}, {name}")
    style.letter_rows(grid)
    style.legend_above(figure, grid.ravel())
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *_ranges(relations), _remark(relations)])
    return figure


def of_networks(relations: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of whole networks, and of the last layer's consistency."""
    last = relations.loc[relations["x"] == "consistency"].groupby(["architecture", "condition"])["layer_index"]
    deepest = relations["layer_index"] == last.transform("max").reindex(relations.index)
    return relations[(relations["layer"].isna() & (relations["x"] != "consistency")) | deepest.fillna(False)]


def _draw_outcome(axes: Axes, rows: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw correlations with their intervals, a row for each distortion."""
    named = rows["distortion"].map(DISTORTION_NAMES).fillna(ALL)
    places = named.map({name: -place for place, name in enumerate(names)}).to_numpy(float)
    for number, (x, look) in enumerate(LOOKS.items()):
        of_x = (rows["x"] == x).to_numpy()
        r, low, high = (rows.loc[of_x, column].to_numpy(float) for column in ("pearson", "ci_low", "ci_high"))
        half = np.clip([r - low, high - r], 0, None)
        y = places[of_x] + 0.3 - 0.15 * number
        options = {"color": look.colour, "marker": look.marker, "linestyle": "none", "elinewidth": 0.6, "capsize": 0}
        axes.errorbar(r, y, xerr=half, label=MATCHING_NAMES[x], **options)
    axes.axvline(0, color=style.BLACK, linewidth=0.4, zorder=0)
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(-len(names) + 0.5, 0.5)
    axes.set_yticks([-place for place in range(len(names))], list(names))
    axes.set_xlabel("Pearson's r over pairs of networks")


def _ranges(relations: pd.DataFrame) -> list[str]:
    """Return a note on how far similarities of kernels vary over pairs, beside random kernels."""
    notes = []
    for group in groups(relations):
        rows = rows_of(relations, group).drop_duplicates("x").set_index("x")
        spreads = [
            f"{MATCHING_NAMES[x]} {rows.loc[x, 'x_sd']:.4f} ({rows.loc[x, 'chance_sd']:.4f})"
            for x in ("index", "greedy", "optimal", "propagated")
            if x in rows.index
        ]
        notes.append(f"{group.title}: SD of similarity over pairs (of random kernels): {', '.join(spreads)}.")
    return notes


def _remark(relations: pd.DataFrame) -> str:
    significant = int((relations["p_holm"] < 0.05).sum())
    return (
        "Error bars: 95 % jackknife intervals over networks. A similarity that varies no more than that of random "
        f"kernels can foresee nothing. Permutation tests: {significant} of {len(relations)} relations have p < 0.05 "
        "after Holm's correction over all layers."
    )
