"""Difference of accuracies against similarity of kernels, one mark for each pair of networks (methods 11)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.paradox import DISTORTION_NAMES, PAIR
from manyseeds.figures.selection import Group, Tables, groups, instance_notes, rows_of
from manyseeds.study.distortions import NONE
from manyseeds.study.variants import FINETUNED

LOOKS = {
    "seeds": ("other seeds", style.Series(style.BLACK, "o", "none")),
    "finetuned": ("trained further on this distortion", style.Series(style.VERMILLION, "^", "none")),
    "control": ("trained further on images as they are", style.Series(style.ORANGE, "v", "none")),
    "noise": ("noise on kernels", style.Series(style.SKY_BLUE, "s", "none")),
    "rescaled": ("kernels rescaled", style.Series(style.PURPLE, "D", "none")),
    "permuted": ("channels permuted", style.Series(style.GREEN, "P", "none")),
    "epochs": ("two late epochs", style.Series(style.BLUE, "X", "none")),
}
LEAST = 1e-8
"""Left edge of the axis 1 - r, where r is 1."""
ROW_MM = 45.0


def draw(tables: Tables) -> Figure:
    """Draw a row for each distortion that networks were trained further on: by index and by greedy matching."""
    if tables["paradox"].empty:
        raise NothingToDraw
    shown = groups(tables["paradox"])
    by_group = [(group, name) for group in shown for name in _tuned(rows_of(tables["paradox"], group))]
    figure = style.new_figure(style.PAGE_MM, ROW_MM * len(by_group))
    grid = figure.subplots(len(by_group), 2, squeeze=False)
    for (group, name), row in zip(by_group, grid, strict=True):
        pairs = _pairs(tables, group, name)
        levels = rows_of(tables["paradox"], group, distortion=name)["seeds_high"]
        high = float(levels.iloc[0]) if len(levels) else np.nan  # none if accuracy is at the floor with all strengths
        chance = _chance(tables["kernels"], group)
        _draw_pairs(row[0], pairs.assign(x=np.maximum(1 - pairs["index"], LEAST)), high)
        _log_axis(row[0])
        _draw_pairs(row[1], pairs.assign(x=pairs["greedy"]), high)
        row[1].axvspan(-0.05, chance, color=style.GREY, alpha=0.25, linewidth=0, label="chance")
        row[1].set_xlim(-0.05, 1.05)
        row[1].set_xlabel("Greedy similarity of kernels")
        for axes in row:
            axes.set_title(f"{group.title}, {DISTORTION_NAMES[name]}")
            axes.set_ylabel("|Difference of accuracies|")
            axes.set_ylim(bottom=-0.01)
    style.letter_rows(grid)
    style.legend_above(figure, grid.ravel())
    notes = [_finding(rows_of(tables["paradox"], group), group) for group in shown]
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *notes, _remark()])
    return figure


def _tuned(paradox: pd.DataFrame) -> list[str]:
    """Return the distortions that networks were trained further on, without the images as they are."""
    variants = paradox.loc[paradox["pair_kind"] == FINETUNED, "variant_b"]
    names = dict.fromkeys(str(variant).removeprefix(f"{FINETUNED}_").rpartition("_")[0] for variant in variants)
    return [name for name in names if name != NONE]


def _pairs(tables: Tables, group: Group, name: str) -> pd.DataFrame:
    """Return pairs with similarity and mean absolute difference with one distortion, and that of seeds."""
    errors, kernels, accuracy = (
        _of_pairs(tables[table], group) for table in ("error_agreement", "kernels", "distorted_accuracy")
    )
    floor = accuracy[accuracy["distortion"] == name].drop_duplicates("strength")
    left = floor.loc[~floor["at_floor"].astype(bool), "strength"]
    rows = errors[(errors["distortion"] == name) & errors["strength"].isin(left)]
    rows = rows.assign(y=rows["difference"].abs()).groupby(PAIR)[["y"]].mean().reset_index()
    similarity = kernels[kernels["layer"].isna()].pivot_table(index=PAIR, columns="matching", values="similarity")
    both = rows.merge(similarity.reset_index(), on=PAIR)
    tuned = both["pair_kind"] == FINETUNED
    own = both["variant_b"].astype(str).str.startswith(f"{FINETUNED}_{name}_")
    control = both["variant_b"].astype(str).str.startswith(f"{FINETUNED}_{NONE}_")
    look = both["pair_kind"].where(~(tuned & control), "control")
    return both.assign(look=look)[~tuned | own | control]


def _of_pairs(table: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Return the rows of a group; tables of pairs name its condition twice."""
    condition = "condition" if "condition" in table else "condition_a"
    return table[(table["architecture"] == group.architecture) & (table[condition] == group.condition)]


def _chance(kernels: pd.DataFrame, group: Group) -> float:
    rows = _of_pairs(kernels, group)
    return float(rows.loc[rows["layer"].isna() & (rows["matching"] == "greedy"), "chance_high"].iloc[0])


def _draw_pairs(axes: Axes, pairs: pd.DataFrame, high: float) -> None:
    """Draw one mark for each pair, and the level of pairs of seeds."""
    for look, (label, series) in LOOKS.items():
        rows = pairs[pairs["look"] == look]
        if len(rows):
            axes.plot(rows["x"], rows["y"], series.marker, color=series.colour, alpha=0.8, label=label)
    if pairs.empty:
        axes.text(0.5, 0.5, "at the floor with all strengths", ha="center", transform=axes.transAxes)
    axes.axhline(high, color=style.BLACK, linewidth=0.6, linestyle=":", label="97.5 % of pairs of seeds")


def _log_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(LEAST / 2, 3)
    axes.set_xticks([LEAST, 1e-6, 1e-4, 1e-2, 1], ["0", "10⁻⁶", "10⁻⁴", "10⁻²", "1"])
    axes.minorticks_off()
    axes.set_xlabel("1 − similarity of kernels by index (log scale)")


def _finding(paradox: pd.DataFrame, group: Group) -> str:
    """Return in words how many pairs are similar yet different, and different yet similar."""
    tuned = paradox[(paradox["pair_kind"] == FINETUNED) & (paradox["distortion"] != NONE)]
    is_own = [f"{FINETUNED}_{name}_" in str(variant) for name, variant in _columns(tuned)]
    own = tuned[np.array(is_own, dtype=bool)]
    n_pairs, n_similar, n_different = (
        int(own[name].sum()) for name in ("n_pairs", "n_similar", "n_similar_yet_different")
    )
    seeds = paradox[(paradox["pair_kind"] == "seeds") & (paradox["distortion"] == NONE)]
    words = [
        f"{group.title}: of {n_pairs} pairs trained further, with the distortion of their training, {n_similar} are "
        f"similar and {n_different} of these perform differently."
    ]
    for row in seeds.to_dict("records"):
        qualifies = "" if row["can_qualify"] else " (too few images for any)"
        words.append(
            f"Of {row['n_pairs']} pairs of seeds {row['n_different']} are different, and "
            f"{row['n_different_yet_similar']} of these perform alike without distortion{qualifies}."
        )
    return " ".join(words)


def _columns(tuned: pd.DataFrame) -> Sequence[tuple[str, str]]:
    return list(zip(tuned["distortion"], tuned["variant_b"], strict=True))


def _remark() -> str:
    return (
        "Each mark is a pair of networks. Differences are means over strengths that are not at the floor. Permuted "
        "channels leave the function as it is, and rescaled kernels leave the similarity at 1."
    )
