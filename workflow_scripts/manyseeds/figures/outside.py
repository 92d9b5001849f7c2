"""Agreement with RDMs from outside against depth, and how often single networks order two groups otherwise."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    LayerNaming,
    Tables,
    architecture_name,
    condition_name,
    instance_notes,
    layer_naming,
    network_name,
    rows_of,
    shortened,
)

PANEL_MM = 46.0
MEAN = style.Series(style.BLUE, "o", "-")
ENSEMBLE = style.Series(style.ORANGE, "x", "none")
CEILING = style.GREY
FLIPS = "Purples"
NO_PAIR = "#C8C8C8"
"""Colour of a layer with itself, which no share of flips has."""
COMPARISON_NAMES = {
    "pearson": "Pearson",
    "spearman": "Spearman",
    "rho_a": "rho a",
    "kendall_tau_a": "Kendall's tau a",
    "cosine": "cosine",
    "whitened_cosine": "whitened cosine",
}


def draw(tables: Tables) -> Figure:
    """Draw a row of panels for each RDM from outside: agreement of each group against depth, and flips."""
    summary = _main(tables["outside_summary"])
    if summary.empty:
        raise NothingToDraw
    files, shown = list(dict.fromkeys(summary["file"])), _groups(summary)
    names_mm = depth.names_mm(summary["layer"])
    figure, rows = style.rows_of_panels(len(files), len(shown) + 1, PANEL_MM + names_mm)
    conclusions, values = _main(tables["outside_conclusions"]), _main(tables["outside"])
    for file, panels in zip(files, rows, strict=True):
        of_file = summary[summary["file"] == file]
        limits = _limits(of_file)
        for group, axes in zip(shown, panels[:-1], strict=True):
            _draw_group(axes, rows_of(of_file, group), rows_of(values[values["file"] == file], group))
            axes.set_ylim(limits)
            axes.set_title(f"{_title(of_file)}\n{group.title}")
        panels[0].set_ylabel("Agreement")
        _draw_flips(panels[-1], conclusions[conclusions["file"] == file], of_file, shown)
        panels[-1].set_title(f"{_title(of_file)}\norder of single networks")
    style.letter_rows(rows)
    style.legend_above(figure, [axes for panels in rows for axes in panels])
    sentences = [sentence for file in files for sentence in findings(summary, conclusions, file, shown)]
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *sentences, _remark(summary)])
    return figure


def _main(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one measure and, of each file, of its first comparison."""
    if table.empty:
        return table
    table = table[table["measure"] == main_measure(table["measure"])]
    first = table.groupby("file", sort=False)["comparison"].transform("first")
    return table[table["comparison"] == first]


def _groups(summary: pd.DataFrame) -> list[Group]:
    """Return all groups that are compared, in order; the condition is named where there are several."""
    names = list(summary[["architecture", "condition"]].drop_duplicates().itertuples(index=False, name=None))
    several = {architecture for architecture, _ in names if sum(name == architecture for name, _ in names) > 1}
    return [
        Group(
            architecture,
            condition,
            f"{architecture_name(architecture)}, {condition_name(condition)}"
            if architecture in several
            else network_name(architecture, "baseline"),
        )
        for architecture, condition in names
    ]


def _title(of_file: pd.DataFrame) -> str:
    name, kind, comparison = (str(of_file[column].iloc[0]) for column in ("file", "kind", "comparison"))
    kind = "" if name in ("pixels", "categories") else f"{kind}, "
    return f"{shortened(name)} ({kind}{COMPARISON_NAMES[comparison]})"


def _limits(of_file: pd.DataFrame) -> tuple[float, float]:
    """Return limits of an axis with room for all values, intervals and ceilings of a file."""
    columns = ["min", "max", "ensemble", "ci_low", "ci_high", "ceiling_low", "ceiling_high"]
    ends = _bars(of_file)[columns].to_numpy(float)
    ends = ends[np.isfinite(ends)]
    low, high = (ends.min(), ends.max()) if ends.size else (0.0, 1.0)
    room = 0.05 * ((high - low) or 1.0)
    return low - room, high + room


def _bars(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per layer, with the interval `all`, or `networks` where stimuli are not resampled.

    Fewer than five networks have no interval.
    """
    chosen = "all" if rows.loc[rows["ci_method"] == "all", "ci_low"].notna().any() else "networks"
    found = rows[rows["ci_method"] == chosen].sort_values(["architecture", "condition", "layer_index"], kind="stable")
    enough = found["n_networks"] >= bars.FEWEST_NETWORKS
    return found.assign(ci_low=found["ci_low"].where(enough), ci_high=found["ci_high"].where(enough))


def _draw_group(axes: Axes, summary: pd.DataFrame, values: pd.DataFrame) -> None:
    """Draw a line for each network, the mean with its interval, the mean RDM, and the noise ceiling."""
    of_mean = _bars(summary)
    if of_mean.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no network was accepted", transform=axes.transAxes, ha="center", va="center")
        return
    alone = values[values["subject"].isna() & values["seed"].notna()].sort_values("layer_index")
    for place, (_, line) in enumerate(alone.groupby("seed")):
        label = "single network" if place == 0 else None
        axes.plot(line["layer_index"], line["value"], color=style.GREY, linewidth=0.5, alpha=0.8, label=label, zorder=1)
    depth.draw_curve(axes, of_mean, MEAN, label="mean over networks")
    x, ensemble = of_mean["layer_index"].to_numpy(float), of_mean["ensemble"].to_numpy(float)
    axes.plot(x, ensemble, ENSEMBLE.marker, color=ENSEMBLE.colour, label="mean RDM of the networks")
    low, high = (of_mean[name].iloc[0] for name in ("ceiling_low", "ceiling_high"))
    if pd.notna(low):
        axes.axhspan(low, high, color=CEILING, alpha=0.3, linewidth=0, label="noise ceiling", zorder=0)
    depth.layer_axis(axes, of_mean)


def _draw_flips(axes: Axes, conclusions: pd.DataFrame, of_file: pd.DataFrame, shown: list[Group]) -> None:
    """Draw how often one network of each of two layers, of one or of two groups, orders these the other way."""
    layers = _bars(of_file)
    ordered = pd.concat([rows_of(layers, group) for group in shown])
    names = [f"{row.architecture}/{row.condition}/{row.layer}" for row in ordered.itertuples()]
    places = {name: place for place, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    of_pairs = conclusions.drop_duplicates(["group_a", "group_b"])
    first, second = (of_pairs[name].map(places).to_numpy(int) for name in ("group_a", "group_b"))
    matrix[first, second] = matrix[second, first] = of_pairs["flip"].to_numpy(float)
    axes.set_facecolor(NO_PAIR)
    image = axes.imshow(matrix, cmap=FLIPS, vmin=0.0, vmax=0.5)
    axes.figure.colorbar(image, cax=axes.inset_axes((1.04, 0.1, 0.04, 0.8)), label="Share of flips")
    sizes = [len(rows_of(layers, group)) for group in shown]
    for edge in np.cumsum(sizes)[:-1] - 0.5:
        axes.axhline(edge, color=style.BLACK, linewidth=0.6)
        axes.axvline(edge, color=style.BLACK, linewidth=0.6)
    depth.name_matrix(axes, _naming([rows_of(layers, group)["layer"].tolist() for group in shown]))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(", then ".join(group.title for group in shown))


def _naming(layers: list[list[str]]) -> LayerNaming:
    """Return the names of the layers of several groups, one after another."""
    found = [names for names in layers if names]
    namings, starts = [layer_naming(names) for names in found], np.cumsum([0, *map(len, found)])[:-1]
    places = [place + start for naming, start in zip(namings, starts, strict=True) for place in naming.places]
    labels = [label for naming in namings for label in naming.labels]
    return LayerNaming(tuple(places), tuple(labels), "", namings[0].edges if namings else ())


def findings(summary: pd.DataFrame, conclusions: pd.DataFrame, file: str, shown: list[Group]) -> list[str]:
    """Return in words where agreement is highest, and whether single networks would order layers or groups otherwise.

    Parameters
    ----------
    summary, conclusions
        Rows of one comparison of the file.
    """
    best = _best_layers(summary, file, shown)
    return [words for *_, words in best] + _orders(conclusions, file, best)


def answers(summary: pd.DataFrame, conclusions: pd.DataFrame) -> list[str]:
    """Return the sentences of `findings` that matter most: the order of the groups or, of one group, its best layer."""
    summary, conclusions = _main(summary), _main(conclusions)
    if summary.empty:
        return []
    sentences = []
    for file in dict.fromkeys(summary["file"]):
        best = _best_layers(summary, file, _groups(summary))
        sentences += _orders(conclusions, file, best) or [words for *_, words in best]
    return sentences


def _best_layers(summary: pd.DataFrame, file: str, shown: list[Group]) -> list[tuple[Group, pd.Series, str]]:
    """Return each group with the row of its best layer, and a sentence on it."""
    of_file, best = _bars(summary[summary["file"] == file]), []
    for group in shown:
        rows = rows_of(of_file, group).dropna(subset=["mean"])
        if rows.empty:
            continue
        top = rows.iloc[int(rows["mean"].argmax())]
        words = f"{file}, {group.title}: agreement is highest in {top['layer']} ({top['mean']:.3f}{_interval(top)})"
        others = "" if pd.isna(top["best_share"]) or len(rows) == 1 else _others(1 - top["best_share"])
        best.append((group, top, f"{words}{others}."))
    return best


def _orders(conclusions: pd.DataFrame, file: str, best: list[tuple[Group, pd.Series, str]]) -> list[str]:
    """Return a sentence on the order of each two groups in their best layers."""
    of_file, pairs = conclusions[conclusions["file"] == file], combinations([each[:2] for each in best], 2)
    return [sentence for one, other in pairs for sentence in _order(of_file, one, other)]


def _others(share: float) -> str:
    return f"; {100 * share:.0f} % of single networks have another best layer"


def _interval(row: pd.Series) -> str:
    return "" if pd.isna(row["ci_low"]) else f", 95 % interval {row['ci_low']:.3f} to {row['ci_high']:.3f}"


def _order(conclusions: pd.DataFrame, one: tuple[Group, pd.Series], other: tuple[Group, pd.Series]) -> list[str]:
    """Return a sentence on the order of two groups in their best layers."""
    names = {f"{group.architecture}/{group.condition}/{top['layer']}": group.title for group, top in (one, other)}
    rows = conclusions[conclusions["group_a"].isin(names) & conclusions["group_b"].isin(names)]
    if rows.empty:
        return []
    row = rows.iloc[0]
    low, high = row["flip_low"], row["flip_high"]
    interval = "" if pd.isna(low) else f" ({100 * low:.0f} to {100 * high:.0f} %)"
    needed = "1,000 networks of each would not settle it"
    if pd.notna(row["k_needed"]):
        several = f"means over {row['k_needed']:.0f} networks say it in at most 5 %"
        needed = "by estimate, " + ("one network of each is enough" if row["k_needed"] == 1 else several)
    return [
        f"{row['file']}: in their best layers, {names[row['group_a']]} agrees better on average than "
        f"{names[row['group_b']]}. "
        f"Single networks say the opposite in {100 * row['flip']:.0f} % of pairs{interval}; {needed}."
    ]


def _remark(summary: pd.DataFrame) -> str:
    of_mean = _bars(summary)
    drawn = of_mean["ci_low"].notna().any()
    words = "new networks"
    if "all" in set(of_mean["ci_method"]):
        words = "new networks and stimuli" + (" and subjects" if (of_mean["n_subjects"] > 1).any() else "")
    kind = f"95 % intervals for {words}" if drawn else f"none for fewer than {bars.FEWEST_NETWORKS} networks"
    return (
        f"RDMs: {MEASURE_NAMES[str(summary['measure'].iloc[0])]}. Error bars: {kind}. Last panels: share of pairs of "
        "networks that order two layers otherwise than the means do; grey: a layer with itself."
    )
