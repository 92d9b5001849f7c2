"""Any figure of a study, whatever became of the networks that it is of."""

from importlib import import_module

import pandas as pd
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.selection import Tables, network_name


@style.journal_style()
def draw(module: str, tables: Tables) -> Figure:
    """Draw the figure of a module, with a note on those of its groups of networks that leave nothing to compare.

    Networks that collapse are a finding: where none is left, a figure that says so stands in the place of this one.

    Parameters
    ----------
    module
        Import path; its `draw` takes the tables.
    tables
        Those that `catalogue.FIGURES` names, of the groups that the figure shows.
    """
    try:
        figure = import_module(module).draw(tables)
    except NothingToDraw as nothing:
        figure = style.only_words(str(nothing))
    if "instances" in tables:
        style.footnote(figure, [lonely_note(tables["instances"])])
    return figure


def lonely_note(instances: pd.DataFrame) -> str:
    """Which groups have fewer than two accepted networks, of how many; "" where none has."""
    accepted = instances.assign(accepted=~instances["collapsed"].astype(bool))
    counts = accepted.groupby(["architecture", "condition"], sort=False)["accepted"].agg(["sum", "size"])
    lonely = [
        f"{network_name(*group)} ({n_accepted} of {n_networks})"
        for group, n_accepted, n_networks in counts.itertuples(name=None)
        if n_accepted < 2
    ]
    return f"Fewer than two networks accepted, so none to compare: {', '.join(lonely)}." if lonely else ""
