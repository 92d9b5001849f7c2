"""Networks trained on different images or categories against depth (Mehrer et al. 2020, supp. 3)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Tables,
    architecture_name,
    collapsed_note,
    count,
    n_collapsed,
    stimuli_words,
)

CURVES = {
    "within": ("same {one}, different seeds", style.Series(style.BLUE, "o", "-")),
    "same_seed": ("different {many}, same seed", style.Series(style.GREEN, "s", ":")),
    "different_seeds": ("different {many}, different seeds", style.Series(style.ORANGE, "^", "--")),
}
"""By value of the column `pairs`: legend and look."""

HALF, CONDITION = {"one": "half", "many": "halves"}, {"one": "condition", "many": "conditions"}
"""Names of the compared sets: halves if all pairs of conditions are halves of the training set, else conditions."""

HALVES = {"images": "disjoint images", "categories": "disjoint categories"}
"""By column of `instances` in which two conditions differ: the difference of their training sets."""

PAIR = ["condition_a", "condition_b"]


def draw(tables: Tables) -> Figure:
    """Draw consistency within and between halves of the training set, one column per pair of halves.

    Rows are architectures.
    """
    summary = tables["consistency_across_summary"]
    measure = main_measure(summary["measure"])
    rows = summary[
        (summary["measure"] == measure)
        & (summary["kind"] == "exemplar")
        & (summary["normalisation"] == "none")
        & summary["pairs"].isin(list(CURVES))
    ]
    if rows.empty:
        raise NothingToDraw
    rows = rows[rows["epoch"] == rows.groupby(["architecture", *PAIR])["epoch"].transform("max")]
    architectures = list(rows["architecture"].unique())
    pairs = list(rows[PAIR].drop_duplicates().itertuples(index=False, name=None))
    height = len(architectures) * (depth.PANEL_MM + depth.names_mm(rows["layer"]))
    figure = style.new_figure(style.COLUMN_MM * min(2, len(pairs)), height)
    grid = figure.subplots(len(architectures), len(pairs), squeeze=False, sharey=True)
    words = HALF if all(_difference(tables["instances"], *pair) for pair in pairs) else CONDITION
    notes = {}
    for (architecture, *conditions), members in rows.groupby(["architecture", *PAIR], sort=False):
        pair = [str(condition) for condition in conditions]
        axes = grid[architectures.index(architecture), pairs.index(tuple(pair))]
        name = architecture_name(architecture)
        title = f"{name}, {halves_name(tables['instances'], *pair)}"
        _draw(axes, members, words)
        axes.set_title(title)
        instances = tables["instances"]
        of_pair = instances[(instances["architecture"] == architecture) & instances["condition"].isin(pair)]
        networks = _networks(of_pair, pair, words["one"])
        notes[axes] = f"{title}: {networks}{collapsed_note(of_pair)}; {_pairs(members, words['many'])}."
        notes[axes] += _sharing(members, words["many"])
    for unused in set(grid.ravel()) - set(notes):
        unused.remove()
    if len(pairs) > 1:
        style.letter_rows([axes for axes in row if axes in notes] for row in grid)
    style.legend_above(figure, list(notes)[:1])
    remark = f"Exemplar RDMs{stimuli_words(rows)}, {MEASURE_NAMES[measure]}. {bars.note(bars.of_methods(rows))}"
    style.footnote(figure, [*notes.values(), remark])
    return figure


def halves_name(instances: pd.DataFrame, first: str, second: str) -> str:
    """Return the difference of two conditions' training sets, or the conditions' names if there is none."""
    return _difference(instances, first, second) or f"{first} and {second}"


def _difference(instances: pd.DataFrame, first: str, second: str) -> str:
    """Return the difference of the training sets of two conditions, or "" if there is none."""
    sets = [instances[instances["condition"] == condition].iloc[0] for condition in (first, second)]
    return " and ".join(name for column, name in HALVES.items() if _text(sets[0][column]) != _text(sets[1][column]))


def _text(value: str | float | None) -> str:
    return "" if pd.isna(value) else str(value)


def _draw(axes: Axes, rows: pd.DataFrame, words: dict[str, str]) -> None:
    for place, (pairs, (label, series)) in enumerate(CURVES.items()):
        curve = bars.of_methods(rows[rows["pairs"] == pairs]).sort_values("layer_index")
        depth.draw_curve(axes, curve, series, label=label.format_map(words), shift=depth.SHIFT * (place - 1))
    depth.layer_axis(axes, rows)
    depth.consistency_axis(axes)


def _networks(instances: pd.DataFrame, pair: list[str], each: str) -> str:
    """Return the numbers of networks of two conditions as text."""
    conditions = (instances[instances["condition"] == condition] for condition in pair)
    first, second = (len(rows) - n_collapsed(rows) for rows in conditions)
    if first == second:
        return f"{count(first, 'network')} in each {each}"
    return f"{count(first, 'network')} in the first {each}, {second} in the second"


def _pairs(rows: pd.DataFrame, many: str) -> str:
    """Return the number of pairs of each curve in the last layer as text."""
    last = rows[rows["layer_index"] == rows["layer_index"].max()].drop_duplicates("pairs").set_index("pairs")
    within, same, different = (count(last.loc[pairs, "n_network_pairs"], "pair") for pairs in CURVES)
    return f"{within} within {many}, {same} between {many} of the same seed, {different} of different seeds"


def _sharing(rows: pd.DataFrame, many: str) -> str:
    """Return the random streams that the networks of each curve's pairs share as text, or "" if unknown."""
    shared = rows.drop_duplicates("pairs").set_index("pairs")["shared"].dropna().replace("several", "differing ones")
    places = {"within": f"within {many}", "same_seed": "at the same seed", "different_seeds": "at different seeds"}
    facts = [f"{shared[pairs]} {place}" for pairs, place in places.items() if pairs in shared]
    return f" Random streams that both networks share: {', '.join(facts)}." if facts else ""
