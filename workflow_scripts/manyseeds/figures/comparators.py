"""Similarity of networks by several comparators against depth, after and before training (methods 5)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import MEASURE_NAMES, Group, Tables, groups, instance_notes, last_epoch, rows_of
from manyseeds.figures.untrained import LABEL, untrained_note

NAMES = {
    "r2": "consistency (r²)",
    "r": "Pearson r of RDMs",
    "spearman": "Spearman r of RDMs",
    "cosine": "cosine of RDMs",
    "cka": "CKA",
    "cka_debiased": "debiased CKA",
    "cka_correlation": "debiased CKA, standardised",
    "procrustes": "Procrustes",
}
SHORT_NAMES = NAMES | {
    "r2": "r²",
    "r": "r",
    "spearman": "Spearman",
    "cosine": "cosine",
    "cka_correlation": "CKA, stand.",
}

DROP_LABEL = "Last minus first layer"
TRAINED = style.Series(style.BLUE, "o", "-")
BEFORE = style.Series(style.GREY, "D", "none")


def draw(tables: Tables) -> Figure:
    """Draw a panel for each comparator, and one for their change with depth, for every group."""
    summary, drops = (_main(tables[name]) for name in ("comparators_summary", "comparator_drop"))
    if summary.empty:
        raise NothingToDraw
    shown, comparators = groups(summary), list(dict.fromkeys(summary["comparator"]))
    figure, panels = style.rows_of_panels(
        len(shown), len(comparators) + 1, style.PANEL_MM + depth.names_mm(summary["layer"])
    )
    limits = _limits(summary)
    for group, of_group in zip(shown, panels, strict=True):
        for comparator, axes in zip(comparators, of_group[:-1], strict=True):
            _draw_comparator(axes, rows_of(summary, group, comparator=comparator), limits)
            axes.set_title(f"{group.title}, {NAMES[comparator]}")
        _draw_drops(of_group[-1], rows_of(drops, group, quantity="last_minus_first"), comparators)
        of_group[-1].set_title(f"{group.title}, change with depth")
    style.letter_rows(panels)
    style.legend_above(figure, [axes for of_group in panels for axes in of_group])
    notes = [_finding(rows_of(summary, group), rows_of(drops, group), group) for group in shown]
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), *notes, _remark(tables, summary, panels)])
    return figure


def _main(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of patterns, and of the RDMs of one measure."""
    measures = table["measure"].dropna()
    return table[table["measure"].isna() | (table["measure"] == main_measure(measures))] if len(measures) else table


def _limits(summary: pd.DataFrame) -> tuple[float, float]:
    """Return the limits of the axis of similarity, which all panels share: those of a correlation may lie beyond 1."""
    drawn = bars.of_methods(last_epoch(summary))[["mean", "ci_low", "ci_high"]].to_numpy(float)
    drawn = np.append(drawn, summary["mean"].to_numpy(float))
    return np.nanmin(drawn, initial=0.0) - 0.03, np.nanmax(drawn, initial=1.0) + 0.03


def _draw_comparator(axes: Axes, rows: pd.DataFrame, limits: tuple[float, float]) -> None:
    """Draw mean similarity against depth after training, and before training as a thin line."""
    last, before = last_epoch(rows), rows[rows["epoch"] == 0].drop_duplicates("layer_index")
    curve = bars.of_methods(last).sort_values("layer_index")
    depth.draw_curve(axes, curve, TRAINED, label="mean over pairs of networks")
    if len(before) and (last["epoch"] > 0).all():
        before = before.sort_values("layer_index")
        x, y = before["layer_index"].to_numpy(float), before["mean"].to_numpy(float)
        axes.plot(x, y, color=style.GREY, linewidth=0.6, label=LABEL, zorder=1.5)
    depth.layer_axis(axes, curve)
    axes.set_ylim(*limits)
    if depth.in_first_column(axes):
        axes.set_ylabel("Similarity")


def _draw_drops(axes: Axes, drops: pd.DataFrame, comparators: Sequence[str]) -> None:
    """Draw the change from the first to the last layer by each comparator, with jackknife intervals."""
    places = {comparator: -place for place, comparator in enumerate(comparators)}
    last = last_epoch(drops)
    before = drops[(drops["epoch"] == 0) & (last["epoch"].max() > 0)]
    for rows, series, shift in ((before, BEFORE, -0.15), (last, TRAINED, 0.15)):
        y = rows["comparator"].map(places).to_numpy(float) + shift
        x, ends = rows["value"].to_numpy(float), _supported(rows)
        half = np.clip([x - ends[0], ends[1] - x], 0.0, None)
        axes.errorbar(x, y, xerr=half, color=series.colour, marker=series.marker, linestyle="none")
    axes.axvline(0, color=style.BLACK, linewidth=0.4, zorder=0)
    axes.set_yticks(list(places.values()), [SHORT_NAMES[comparator] for comparator in places])
    axes.set_ylim(-len(places) + 0.5, 0.5)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel(DROP_LABEL)


def _supported(rows: pd.DataFrame) -> np.ndarray:
    """Return the ends (2, rows) of intervals; null for fewer networks than an interval needs in figures."""
    enough = rows["n_networks"].to_numpy(int) >= bars.FEWEST_NETWORKS
    return np.where(enough, rows[["ci_low", "ci_high"]].to_numpy(float).T, np.nan)


def _finding(summary: pd.DataFrame, drops: pd.DataFrame, group: Group) -> str:
    """Return in words by how many comparators similarity falls with depth, and is higher before training."""
    last = last_epoch(drops)
    falls = last[last["quantity"] == "last_minus_first"]
    learned = last[last["quantity"] == "trained_minus_untrained"]
    learned = learned[learned["layer_index"] == summary["layer_index"].max()]
    concordance = last.loc[last["quantity"] == "concordance", "value"].dropna()
    facts = []
    if np.isfinite(_supported(falls)).any():
        n_falling = int((_supported(falls)[1] < 0).sum())
        facts.append(f"the fall from the first to the last layer holds for {n_falling} of {len(falls)} comparators")
    if len(concordance):
        facts.append(f"they agree on the order of layers with Kendall's W = {concordance.iloc[0]:.2f}")
    if np.isfinite(_supported(learned)).any():
        n_higher = int((_supported(learned)[1] < 0).sum())
        facts.append(f"untrained networks agree more in the last layer by {n_higher} of {len(learned)}")
    return f"{group.title}: {'; '.join(facts)}." if facts else ""


def _remark(tables: Tables, summary: pd.DataFrame, panels: Sequence[Sequence[Axes]]) -> str:
    """Return the note on measure, stimuli, error bars and networks before training."""
    measures = summary["measure"].dropna()
    remarks = [
        f"RDMs: {MEASURE_NAMES[str(measures.iloc[0])]}." if len(measures) else "",
        bars.note(bars.of_methods(last_epoch(summary))),
        "Changes with depth: jackknife intervals over networks; grey: before training.",
        "A statement holds if the whole interval is below 0.",
        untrained_note([axes for of_group in panels for axes in of_group], tables),
    ]
    return " ".join(filter(None, remarks))
