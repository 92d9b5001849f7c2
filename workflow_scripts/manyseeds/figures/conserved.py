"""What networks have in common: shares against depth, agreement by category, conserved dimensions (methods 12)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Group, Tables, groups, instance_notes, rows_of, shortened

PANEL_MM = 48.0
SHARE = style.Series(style.BLUE, "o", "-")
CONSISTENCY = style.Series(style.SKY_BLUE, "s", "--")
CEILING = style.GREY
WITHIN = style.Series(style.GREEN, "D", "none")
ACROSS = style.Series(style.GREY, "o", "none")
LAYERS = (
    style.Series(style.SKY_BLUE, "s", "--"),
    style.Series(style.ORANGE, "^", "-."),
    style.Series(style.BLUE, "o", "-"),
)
"""Looks of the first, middle and last layer."""


def draw(tables: Tables) -> Figure:
    """Draw a row per group: shares and ceilings, agreement of categories, and conserved dimensions."""
    rows = _main(tables["conserved"])
    if rows.empty:
        raise NothingToDraw
    shown = groups(rows)
    figure = style.new_figure(style.PAGE_MM, len(shown) * (PANEL_MM + depth.names_mm(rows["layer"])))
    grid = figure.subplots(len(shown), 3, squeeze=False)
    notes = []
    for group, panels in zip(shown, grid, strict=True):
        own = rows_of(rows, group)
        _draw_shares(panels[0], own)
        _draw_categories(panels[1], rows_of(_main(tables["category_agreement"]), group))
        _draw_dimensions(panels[2], rows_of(tables["conserved_dimensions"], group))
        for axes, title in zip(panels, ("shares", "categories", "dimensions"), strict=True):
            axes.set_title(f"{group.title}, {title}")
        notes.append(_finding(own, rows_of(_main(tables["agreement_reliability"]), group), group))
    style.letter_rows(grid)
    style.legend_above(figure, grid.ravel())
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *notes, _remark(rows)])
    return figure


def _main(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one measure."""
    return table[table["measure"] == main_measure(table["measure"])] if len(table) else table


def _draw_shares(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the conserved share and consistency with intervals, between the noise ceilings."""
    by_quantity = {
        name: rows[rows["quantity"] == name].sort_values("layer_index") for name in dict.fromkeys(rows["quantity"])
    }
    lower, upper = (by_quantity[name] for name in ("lower", "upper"))
    places = lower["layer_index"].to_numpy(float)
    ends = (each["value"].to_numpy(float) for each in (lower, upper))
    axes.fill_between(places, *ends, color=CEILING, alpha=0.3, linewidth=0, label="noise ceilings")
    for name, look, label in (
        ("share", SHARE, "conserved share (r)"),
        ("consistency", CONSISTENCY, "consistency (r²)"),
    ):
        curve = supported(by_quantity[name]).assign(mean=by_quantity[name]["value"])
        depth.draw_curve(axes, curve, look, label=label)
    depth.layer_axis(axes, lower)
    axes.set_ylim(min(-0.03, axes.get_ylim()[0]), 1.03)
    axes.set_ylabel("Correlation or its square")


def supported(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows without intervals where networks are fewer than an interval needs in figures."""
    enough = rows["n_networks"] >= bars.FEWEST_NETWORKS
    return rows.assign(ci_low=rows["ci_low"].where(enough), ci_high=rows["ci_high"].where(enough))


def _draw_categories(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the agreement of each category in the last layer: its own block, and its mean with other categories."""
    last = rows[rows["layer_index"] == rows["layer_index"].max()] if len(rows) else rows
    if last.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "stimuli have no categories", transform=axes.transAxes, ha="center", va="center")
        return
    is_within = last["category_a"] == last["category_b"]
    within = supported(last[is_within]).sort_values("agreement")
    names = within["category_a"].tolist()
    places = np.arange(len(names), dtype=float)
    across = [
        last.loc[~is_within & ((last["category_a"] == name) | (last["category_b"] == name)), "agreement"].mean()
        for name in names
    ]
    depth.draw_means(axes, places, within.assign(mean=within["agreement"]), WITHIN, label="pairs within a category")
    axes.plot(places, across, ACROSS.marker, color=ACROSS.colour, label="pairs with other categories")
    axes.set_xticks(places, [shortened(str(name)) for name in names], rotation=90, parse_math=False)
    axes.set_ylabel(f"Agreement in {last['layer'].iloc[0]} (r)")


def _draw_dimensions(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw how much of a network's variance conserved dimensions hold, for the first, middle and last layer."""
    if rows.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "needs four networks", transform=axes.transAxes, ha="center", va="center")
        return
    chosen = ends_and_middle(rows)
    for layer, look in zip(chosen, LAYERS[-len(chosen) :], strict=True):
        line = supported(rows[rows["layer_index"] == layer]).sort_values("q")
        q, ratio, low, high = (line[name].to_numpy(float) for name in ("q", "ratio", "ci_low", "ci_high"))
        axes.fill_between(q, low, high, color=look.colour, alpha=0.25, linewidth=0)
        axes.plot(q, ratio, look.line, color=look.colour, label=f"ratio, {line['layer'].iloc[0]}")
    last = rows[rows["layer_index"] == chosen[-1]].sort_values("q")
    axes.plot(
        last["q"], last["category"].astype(float), ":", color=style.BLACK, label="categories' share of a dimension"
    )
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("Number of dimensions")
    axes.set_ylabel("Conserved / own variance")


def ends_and_middle(rows: pd.DataFrame) -> list[int]:
    """Return the places of the first, middle and last layer; of fewer layers, all."""
    places = sorted({int(place) for place in rows["layer_index"]})
    return places if len(places) < 3 else [places[0], places[len(places) // 2], places[-1]]


def _finding(rows: pd.DataFrame, reliability: pd.DataFrame, group: Group) -> str:
    """Return in words the share in the last layer, its ceilings, and the reliability of agreement there."""
    last = rows[rows["layer_index"] == rows["layer_index"].max()]
    values = last.set_index("quantity")["value"].astype(float).to_dict()
    facts = [
        f"{last['layer'].iloc[0]}: {100 * values['share']:.0f} % of the RDM variance of a network is common to all "
        f"(r² {values['consistency']:.2f})"
    ]
    if "second_eigenvector" in values:
        cosine, chance = values["second_eigenvector"], values["second_eigenvector_chance"]
        facts.append(f"a second component replicates with |cos| {cosine:.2f} (chance {chance:.2f})")
    own = (
        reliability[reliability["layer_index"] == reliability["layer_index"].max()] if len(reliability) else reliability
    )
    known = {name: value for name, value in zip(own["what"], own["reliability"], strict=True) if pd.notna(value)}
    names = {"stimuli_all": "agreement of stimuli", "pairs": "of pairs"}
    words = [f"{name} {known[what]:.2f}" for what, name in names.items() if what in known]
    return f"{group.title}, {'; '.join([*facts, *(['reliability: ' + ', '.join(words)] if words else [])])}."


def _remark(rows: pd.DataFrame) -> str:
    return (
        f"RDMs: {MEASURE_NAMES[str(rows['measure'].iloc[0])]}. Error bars and bands: 95 % jackknife over networks, "
        f"from {bars.FEWEST_NETWORKS} networks on. c: variance in dimensions found in other networks, by that in as "
        "many own ones."
    )
