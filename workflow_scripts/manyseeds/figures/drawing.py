"""Drawing of any figure of a study, also if its networks collapsed."""

from importlib import import_module

import pandas as pd
from matplotlib.figure import Figure

from manyseeds.figures import bars, style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.selection import Tables, network_name


@style.journal_style()
def draw(module: str, tables: Tables, interval: str = bars.CHOICES[-1]) -> Figure:
    """Draw the figure of a module, with a note on groups that have nothing to compare.

    Collapsed networks are a finding. If no network is left, the figure is a sentence that says so.

    Parameters
    ----------
    module
        Import path; its `draw` takes the tables.
    tables
        The tables that `catalogue.FIGURES` names, for the groups that the figure shows.
    """
    try:
        with bars.chosen(interval):
            figure = import_module(module).draw(tables)
    except NothingToDraw as nothing:
        figure = style.only_words(str(nothing))
    if "instances" in tables:
        style.footnote(figure, [lonely_note(tables["instances"])])
    return figure


def lonely_note(instances: pd.DataFrame) -> str:
    """Return a note on groups with fewer than two accepted networks, or "" if there are none."""
    accepted = instances.assign(accepted=~instances["collapsed"].astype(bool))
    counts = accepted.groupby(["architecture", "condition"], sort=False)["accepted"].agg(["sum", "size"])
    lonely = [
        f"{network_name(*group)} ({n_accepted} of {n_networks})"
        for group, n_accepted, n_networks in counts.itertuples(name=None)
        if n_accepted < 2
    ]
    return f"Fewer than two accepted networks, so nothing to compare: {', '.join(lonely)}." if lonely else ""
