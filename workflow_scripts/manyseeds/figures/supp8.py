"""Consistency of category centroids during training (Mehrer et al. 2020, supp. 8)."""

from matplotlib.figure import Figure

from manyseeds.figures.selection import Tables
from manyseeds.figures.trajectories import draw_trajectories


def draw(tables: Tables) -> Figure:
    """Draw all epochs against all, consistency and accuracy per epoch, and their relation (centroids)."""
    return draw_trajectories(tables, "centroid")
