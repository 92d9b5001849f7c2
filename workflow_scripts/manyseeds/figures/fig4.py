"""Exemplar consistency against depth, for each architecture (Mehrer et al. 2020, fig. 4)."""

from matplotlib.figure import Figure

from manyseeds.figures import depth
from manyseeds.figures.selection import Tables, groups


def draw(tables: Tables) -> Figure:
    """Draw one panel per architecture: the mean over pairs of networks with intervals, and every pair."""
    return depth.exemplar_panels(tables, groups(tables["consistency_summary"]))
