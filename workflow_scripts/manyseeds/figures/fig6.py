"""Exemplar consistency against depth in AlexNet (Mehrer et al. 2020, fig. 6)."""

from matplotlib.figure import Figure

from manyseeds.errors import StudyError
from manyseeds.figures import depth
from manyseeds.figures.catalogue import ALEXNET_NAME
from manyseeds.figures.selection import Tables, groups


def draw(tables: Tables) -> Figure:
    """Draw the mean over pairs of networks with intervals, and every pair, for AlexNet's layers."""
    shown = [group for group in groups(tables["consistency_summary"]) if group.architecture == ALEXNET_NAME]
    if not shown:
        raise StudyError(f"networks: fig6 needs a network called {ALEXNET_NAME}, but the study has none.")
    return depth.exemplar_panels(tables, shown)
