"""Dissimilarities under a rotation within the positive orthant (Mehrer et al. 2020, supp. 5)."""

from matplotlib.figure import Figure

from manyseeds.figures.rotation_panels import draw_rotations
from manyseeds.figures.selection import Tables


def draw(tables: Tables) -> Figure:
    """Draw rotations about the centre of the ball of patterns, which keep all activations positive."""
    return draw_rotations(tables, "centre")
