"""How networks that were trained on some categories learn others, and whether the source matters (methods 11)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.paradox import MATCHING_NAMES
from manyseeds.figures.paradox3 import LOOKS as SIMILARITIES
from manyseeds.figures.paradox3 import of_networks
from manyseeds.figures.selection import Tables, groups, instance_notes, rows_of

MODE_NAMES = {"readout": "readout alone", "all": "all weights", "scratch": "from scratch"}
COMPONENT_LOOKS = {
    "source": ("source", style.Series(style.BLUE, "o", "none")),
    "transfer_seed": ("transfer seed", style.Series(style.ORANGE, "s", "none")),
    "rest": ("rest", style.Series(style.GREY, "^", "none")),
}
MARKERS = "o^sDv"
"""Of transfer seeds, in turn."""
KAPPA = "kappa"


def draw(tables: Tables) -> Figure:
    """Draw three panels for every group: accuracies, their components, and relations with similarity."""
    accuracy = tables["transfer"]
    if accuracy.empty:
        raise NothingToDraw
    shown = groups(accuracy)
    figure, grid = style.rows_of_panels(len(shown), 3)
    for group, row in zip(shown, grid, strict=True):
        modes = list(dict.fromkeys(rows_of(accuracy, group)["mode"]))
        _draw_accuracies(row[0], rows_of(accuracy, group), modes)
        _draw_components(row[1], rows_of(tables["transfer_summary"], group), modes)
        _draw_relations(row[2], rows_of(of_networks(tables["transfer_relations"]), group, y=KAPPA), modes)
        for axes, what in zip(row, ("accuracy", "its variance", "similarity"), strict=True):
            axes.set_title(f"{group.title}, {what}")
    style.letter_rows(grid)
    style.legend_above(figure, [axes for row in grid for axes in row])
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), _remark(accuracy)])
    return figure


def _draw_accuracies(axes: Axes, rows: pd.DataFrame, modes: list[str]) -> None:
    """Draw the accuracy of each source, one line for each transfer seed of a mode."""
    seeds = sorted(rows["seed"].unique())
    for number, mode in enumerate(modes):
        of_mode = rows[rows["mode"] == mode]
        for draw, transfer_seed in enumerate(sorted(of_mode["transfer_seed"].unique())):
            values = _of_transfer_seed(of_mode, transfer_seed).reindex(seeds)
            places = [number + 0.6 * (place / max(1, len(seeds) - 1) - 0.5) for place in range(len(seeds))]
            marker = MARKERS[draw % len(MARKERS)]
            axes.plot(places, values.to_numpy(float), color=style.BLACK, marker=marker, linewidth=0.5, markersize=2.5)
    _name_modes(axes, modes)
    axes.set_ylabel("Accuracy")


def _of_transfer_seed(rows: pd.DataFrame, transfer_seed: int) -> pd.Series:
    """Return the accuracies of one transfer seed, by source."""
    return rows[rows["transfer_seed"] == transfer_seed].set_index("seed")["accuracy"]


def _draw_components(axes: Axes, rows: pd.DataFrame, modes: list[str]) -> None:
    """Draw the variance components of each mode, in squared percentage points, with their intervals."""
    for number, (component, (label, look)) in enumerate(COMPONENT_LOOKS.items()):
        chosen = rows[rows["component"] == component].set_index("mode").reindex(modes)
        value, low, high = (1e4 * chosen[name].to_numpy(float) for name in ("variance", "ci_low", "ci_high"))
        places = [place + 0.25 * (number - 1) for place in range(len(modes))]
        options = {"color": look.colour, "marker": look.marker, "linestyle": "none", "elinewidth": 0.6}
        axes.errorbar(places, value, yerr=[value - low, high - value], label=label, **options)
    axes.axhline(0, color=style.BLACK, linewidth=0.4, zorder=0)
    _name_modes(axes, modes)
    axes.set_ylabel("Variance (points²)")


def _draw_relations(axes: Axes, rows: pd.DataFrame, modes: list[str]) -> None:
    """Draw the correlation of each similarity of two sources with the kappa of their errors."""
    for number, (x, look) in enumerate(SIMILARITIES.items()):
        chosen = rows[rows["x"] == x].set_index("mode").reindex(modes)
        r, low, high = (chosen[name].to_numpy(float) for name in ("pearson", "ci_low", "ci_high"))
        places = [place + 0.15 * (number - 2) for place in range(len(modes))]
        options = {"color": look.colour, "marker": look.marker, "linestyle": "none", "elinewidth": 0.6}
        axes.errorbar(places, r, yerr=[(r - low).clip(0), (high - r).clip(0)], label=MATCHING_NAMES[x], **options)
    axes.axhline(0, color=style.BLACK, linewidth=0.4, zorder=0)
    axes.set_ylim(-1.05, 1.05)
    _name_modes(axes, modes)
    axes.set_ylabel("r with kappa of errors")


def _name_modes(axes: Axes, modes: list[str]) -> None:
    axes.set_xticks(range(len(modes)), [MODE_NAMES[mode] for mode in modes])
    axes.set_xlabel("What is trained")


def _remark(accuracy: pd.DataFrame) -> str:
    n_draws, n_images = accuracy["transfer_seed"].nunique(), int(accuracy["n_images"].max())
    return (
        f"Networks learned the categories of {accuracy['target'].iloc[0]}, and were tested on {n_images:,} of its test "
        f"images. Left: each mark is a source, in the order of seeds; lines join those of one of {n_draws} transfer "
        "seeds, which draw the new readout and the order. Error bars: 95 % jackknife intervals over sources, in the "
        "middle over transfer seeds too. From scratch: hidden layers are drawn again, and the source lends its "
        "initial weights alone."
    )
