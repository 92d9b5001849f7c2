"""The declared claims, their regions, the estimates of a study, and the verdicts (methods 14)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import CLAIMED_GROUP
from manyseeds.figures.selection import MEASURE_NAMES, Group, Tables, instance_notes, network_name, unbroken
from manyseeds.paper.claims import GATES, Condition, Gate, parse_condition

ROW_MM = 5.0
AXIS_MM = 10.5
LIMITS = (-1.0, 1.0)
THICK_PT = 2.4
CONFIRMS, REFUTES = "#CDE8DF", "#F6D9C9"
"""Light tints of green and vermillion."""

KINDS = {
    "exemplar": "exemplars",
    "centroid": "centroids",
    "within_category": "within category",
    "random_centroid": "random groups",
}
NAMES = {
    "layer_difference": "{layers}, {kinds}, {measure}",
    "centroid_minus_exemplar": "{layer}, {kinds}, {measure}",
    "centroid_above_random_grouping": "{layer}, {kinds}, {measure}",
    "within_category_minus_exemplar": "{layer}, {kinds}, {measure}",
    "cci_consistency_over_layers": "r of clustering and consistency over layers",
    "epoch_difference": "{layer}, epoch {epochs}",
    "consistency_accuracy_over_epochs": "{layer}, r of consistency and accuracy over epochs",
    "same_minus_different_networks": "{layer}, same − different networks",
    "consistency": "{layer}, {kinds}, {measure}: level",
    "cocktail_minus_none": "{layer}, cocktail blank − none",
}
"""Name of a line, by statistic."""

GATE_NAMES = {
    "accepted_networks": "accepted networks",
    "median_training_accuracy": "median training accuracy",
    "lowest_training_accuracy": "lowest training accuracy",
    "mean_lossless_test_accuracy": "mean accuracy on original test images",
}


def draw(tables: Tables) -> Figure:
    """Draw one line per statement; in words alone if the gates failed."""
    table = tables["claims"]
    gates, stated = (table[(table["claim"] == GATES) == is_gate] for is_gate in (True, False))
    notes = [*instance_notes([_group()], tables["instances"]), _gates_note(gates)]
    if table["gate"].iloc[0] == Gate.FAILED:
        figure = style.only_words(f"{_group().title}: the declared claims are not tested, because a gate failed.")
        style.footnote(figure, notes)
        return figure
    figure = style.new_figure(style.PAGE_MM, len(stated) * ROW_MM + AXIS_MM)
    axes = figure.subplots()
    for place, (_, row) in enumerate(stated.iterrows()):
        _draw_row(axes, place, row)
    _finish(axes, stated)
    style.legend_above(figure, [axes])
    style.footnote(figure, [*notes, _remark(stated)])
    return figure


def _group() -> Group:
    return Group(*CLAIMED_GROUP, network_name(*CLAIMED_GROUP))


def _gates_note(gates: pd.DataFrame) -> str:
    """Return the value of each gate and whether it passed."""
    return f"Gates: {', '.join(_gate_words(row) for _, row in gates.iterrows())}."


def _gate_words(row: pd.Series) -> str:
    words = {"confirmed": "passed", "undecided": "undertrained", "refuted": "failed"}[row["outcome"]]
    asked = str(row["confirmed_if"]).removeprefix("estimate ").replace(">=", "≥")
    value = f"{row['estimate']:.0f}" if row["statistic"] == "accepted_networks" else f"{row['estimate']:.3f}"
    paper = f"; in the paper {row['published_as']}" if pd.notna(row["published_as"]) else ""
    return f"{GATE_NAMES[row['statistic']]} {unbroken(value)} ({words}; asked: {asked}{paper})"


def _draw_row(axes: Axes, place: int, row: pd.Series) -> None:
    """Draw the regions of a statement, its estimate, both intervals, and its outcome in words."""
    for text, colour, label in (
        (row["refuted_if"], REFUTES, "refutes"),
        (row["confirmed_if"], CONFIRMS, "confirms"),
    ):
        for low, high in regions(text, row["published"]):
            axes.barh(place, high - low, left=low, height=0.8, color=colour, linewidth=0, label=label, zorder=0)
    for low, high, width in (("ci_low_95", "ci_high_95", THICK_PT), ("ci_low", "ci_high", style.LINE_PT)):
        axes.hlines(place, row[low], row[high], color=style.BLACK, linewidth=width, zorder=2)
    axes.plot(row["estimate"], place, "o", color=style.BLACK, zorder=3, clip_on=False)
    at = {"xycoords": axes.get_yaxis_transform(), "xytext": (4, 0), "textcoords": "offset points"}
    axes.annotate(_words(row), (1, place), **at, va="center", fontsize=style.NOTE_PT, annotation_clip=False)


def regions(text: str | None, published: float | None) -> list[tuple[float, float]]:
    """Return where the interval or the estimate of a statement must be for a condition to hold.

    Parameters
    ----------
    text
        The condition; None: nothing meets it.
    published
        The published number that the condition may refer to.

    Returns
    -------
    Ends of each region within the limits of the axis. A condition on p has none.
    """
    if text is None or pd.isna(text):
        return []
    condition = parse_condition(text, "" if pd.isna(published) else f"{published:g}")
    return [region for alternative in condition.alternatives for region in _region(Condition(text, (alternative,)))]


def _region(condition: Condition) -> list[tuple[float, float]]:
    """Return the region of a condition with one alternative."""
    (comparisons,) = condition.alternatives
    shown = [comparison for comparison in comparisons if comparison.quantity != "p"]
    floors = [comparison.threshold for comparison in shown if comparison.sign.startswith(">")]
    ceilings = [comparison.threshold for comparison in shown if comparison.sign.startswith("<")]
    return [(max([LIMITS[0], *floors]), min([LIMITS[1], *ceilings]))] if shown else []


def _words(row: pd.Series) -> str:
    """Return estimate, interval or p, and outcome as text."""
    if pd.isna(row["estimate"]):
        return "not computed"
    words = f"{row['estimate']:.2f}"
    if pd.notna(row["p"]):
        words += f", p = {row['p']:.3g}"
    elif pd.notna(row["ci_low"]):
        words += f" [{row['ci_low']:.2f}, {row['ci_high']:.2f}]"
    return f"{words.replace('-', '−')}  {row['outcome']}"


def _finish(axes: Axes, stated: pd.DataFrame) -> None:
    axes.set_yticks(np.arange(len(stated)), [line_name(row) for _, row in stated.iterrows()])
    axes.set_ylim(len(stated) - 0.5, -0.5)
    axes.set_xlim(*LIMITS)
    axes.set_xlabel("Consistency (r²), its differences, and correlations r")
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=style.GREY, linewidth=0.4, zorder=1)


def line_name(row: pd.Series) -> str:
    """Return the claim of a line and its statistic in words."""
    claim = row["claim"] if str(row["claim"]).isdecimal() else "–"
    words = {
        "layers": " − ".join(row["layer"].split()),
        "layer": row["layer"].split()[0],
        "kinds": " − ".join(KINDS[kind] for kind in row["kind"].split()),
        "measure": MEASURE_NAMES[row["measure"]].removesuffix(" distance"),
        "epochs": " − ".join(row["epochs"].split()),
    }
    return f"{claim}  {NAMES[row['statistic']].format_map(words)}"


def _remark(stated: pd.DataFrame) -> str:
    """Return the verdicts of the numbered claims, and what bars are."""
    numbered = stated[stated["claim"].str.isdecimal()].drop_duplicates("claim")
    pairs = zip(numbered["claim"], numbered["verdict"], strict=True)
    verdicts = ", ".join(f"{claim} {verdict}" for claim, verdict in pairs)
    undertrained = " (undertrained)" if stated["gate"].iloc[0] == Gate.UNDERTRAINED else ""
    return (
        f"Claims{undertrained}: {verdicts}. Thin bars and brackets: jackknife intervals over networks at the declared "
        f"level, {100 * numbered['level'].iloc[0]:g} % for numbered claims. Thick bars: 95 %. Shaded: where the "
        "interval must be."
    )
