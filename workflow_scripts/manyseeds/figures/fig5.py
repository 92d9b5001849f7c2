"""Consistency against depth under other dissimilarity measures (Mehrer et al. 2020, fig. 5)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.errors import StudyError
from manyseeds.figures import depth, style
from manyseeds.figures.selection import Group, Tables, stimuli_words
from manyseeds.figures.untrained import draw_untrained, untrained_note

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
    for group, panels in zip(grid.groups, grid.axes, strict=True):
        for column, panel in zip(columns, panels, strict=True):
            _draw_untrained(panel, tables, group, column)
    note = untrained_note(grid.axes.ravel(), tables)
    return depth.finish(grid, tables, f"Exemplar RDMs{stimuli_words(tables['consistency_summary'])}. {note}".strip())


def _draw_untrained(panel: Axes, tables: Tables, group: Group, column: depth.Column) -> None:
    """Draw a line of networks before training for each curve of a panel."""
    for curve in column.curves:
        statistic = {"kind": curve.kind, "measure": curve.measure}
        draw_untrained(panel, tables["consistency_summary"], group, **statistic, line=curve.series.line)
