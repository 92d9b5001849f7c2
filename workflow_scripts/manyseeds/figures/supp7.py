"""Consistency with and without cocktail-blank normalisation (Mehrer et al. 2020, supp. 7)."""

from matplotlib.figure import Figure

from manyseeds.errors import StudyError
from manyseeds.figures import depth, style
from manyseeds.figures.selection import MEASURE_NAMES, Tables, stimuli_words

NONE = style.Series(style.BLUE, "o", "-")
COCKTAIL = style.Series(style.VERMILLION, "^", "--")
MEASURES = ("correlation", "cosine")


def draw(tables: Tables) -> Figure:
    """Draw one column each for correlation and cosine distance; rows are architectures."""
    columns = depth.measured([_column(measure) for measure in MEASURES], tables["consistency_summary"])
    if not columns:
        raise StudyError(f"measures: supp7 needs {' or '.join(MEASURES)}, but the study has neither.")
    grid = depth.grid_of_curves(tables, columns)
    stimuli = stimuli_words(tables["consistency_summary"])
    return depth.finish(
        grid, tables, f"Exemplar RDMs{stimuli}. Cocktail blank: mean pattern over all stimuli subtracted."
    )


def _column(measure: str) -> depth.Column:
    return depth.Column(
        MEASURE_NAMES[measure],
        (
            depth.Curve("no normalisation", NONE, "exemplar", measure),
            depth.Curve("cocktail blank", COCKTAIL, "exemplar", measure, normalisation="cocktail"),
        ),
    )
