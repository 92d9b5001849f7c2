"""Consistency against depth under other dissimilarity measures (Mehrer et al. 2020, fig. 5)."""

from matplotlib.figure import Figure

from manyseeds.errors import StudyError
from manyseeds.figures import depth, style
from manyseeds.figures.selection import Tables

COLUMNS = (
    depth.Column(
        "cosine distance", (depth.Curve("cosine", style.Series(style.GREEN, "s", "-"), "exemplar", "cosine"),)
    ),
    depth.Column(
        "Euclidean distance",
        (
            depth.Curve("Euclidean", style.Series(style.BLUE, "o", "-"), "exemplar", "euclidean"),
            depth.Curve(
                "Euclidean, unit-length patterns", style.Series(style.ORANGE, "^", "--"), "exemplar", "unit_euclidean"
            ),
        ),
    ),
    depth.Column(
        "norm difference",
        (depth.Curve("norm difference", style.Series(style.PURPLE, "D", "-"), "exemplar", "norm_difference"),),
    ),
)


def draw(tables: Tables) -> Figure:
    """Draw columns of cosine, Euclidean (raw and unit-length) and norm difference; rows: architectures."""
    columns = depth.measured(COLUMNS, tables["consistency_summary"])
    if not columns:
        wanted = ", ".join(curve.measure for column in COLUMNS for curve in column.curves)
        raise StudyError(f"measures: fig5 needs at least one of {wanted}, but the study has none of them.")
    grid = depth.grid_of_curves(tables, columns)
    return depth.finish(grid, tables, "Exemplar RDMs.")
