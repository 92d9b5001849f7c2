"""Networks before training in figures against depth: a thin grey line (methods 8)."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from manyseeds.figures import style
from manyseeds.figures.selection import Group, Tables, last_epoch, rows_of, without_dropout

LABEL = "untrained"
DRAWN_NOTE = "Thin grey line: the same networks before training."
UNKNOWN_NOTE = "Networks before training are not shown, because their initial weights are not known."


def untrained_curve(summary: pd.DataFrame, group: Group, *, kind: str, measure: str) -> pd.DataFrame:
    """Return `consistency_summary` of a group at epoch 0, one row per layer in order, without intervals.

    It is empty unless all layers of the last epoch were compared before training too.
    """
    rows = rows_of(without_dropout(summary), group, kind=kind, measure=measure, normalisation="none")
    first, last = rows[rows["epoch"] == 0], last_epoch(rows)
    is_whole = (last["epoch"] > 0).all() and set(first["layer"]) == set(last["layer"])
    first = first.drop_duplicates("layer_index").sort_values("layer_index")
    return first if is_whole else first.iloc[:0]


def draw_untrained(
    axes: Axes, summary: pd.DataFrame, group: Group, *, kind: str, measure: str, line: str = "-"
) -> None:
    """Draw the mean consistency before training against depth, if the study has it."""
    rows = untrained_curve(summary, group, kind=kind, measure=measure)
    if rows.empty:
        return
    x, y = np.asarray(rows["layer_index"], float), np.asarray(rows["mean"], float)
    axes.plot(x, y, color=style.GREY, linewidth=0.6, linestyle=line, label=LABEL, zorder=1.5)


def untrained_note(panels: Iterable[Axes], tables: Tables) -> str:
    """Return a note on the lines of networks before training, on why there are none, or ""."""
    if any(line.get_label() == LABEL for panel in panels for line in panel.lines):
        return DRAWN_NOTE
    return UNKNOWN_NOTE if tables["instances"]["vary"].isna().all() else ""
