"""Dissimilarities under a rotation about the origin (Mehrer et al. 2020, supp. 6)."""

from matplotlib.figure import Figure

from manyseeds.figures.rotation_panels import draw_rotations
from manyseeds.figures.selection import Tables


def draw(tables: Tables) -> Figure:
    """Draw rotations about the origin, by the same matrices as in supp5."""
    return draw_rotations(tables, "origin")
