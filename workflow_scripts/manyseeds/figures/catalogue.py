"""Which figures there are, and what each is drawn from.

Read while the Snakefile is parsed, so nothing heavy is imported here. The figure `name` is drawn by
`manyseeds.figures.{name}.draw(tables)`: a new figure is a module of that name, a line here and a report caption.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from manyseeds.errors import StudyError


@dataclass(frozen=True)
class Entry:
    """One figure.

    `tables` are all that the figure is drawn from. `needs` are dissimilarity measures, `networks` names of networks, of
    which the study must have at least one for the figure to exist (empty: any will do).
    """

    title: str
    category: str
    tables: tuple[str, ...]
    needs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


ALEXNET = "alexnet"
MAIN_MEASURE = "correlation"
NOTHING_TO_DRAW = "nothing to draw: no group of networks has two accepted instances with results."

GEOMETRY = "Representational geometry"
CONSISTENCY = "Consistency"
CAUSES = "Causes of differences"

FIGURES: dict[str, Entry] = {
    "fig2": Entry("Maps of two instances, layer by layer", GEOMETRY, ("mds", "accuracy", "instances")),
    "fig3": Entry("Distances between all RDMs", GEOMETRY, ("second_level", "mds", "instances")),
    "fig4": Entry("Consistency against depth", CONSISTENCY, ("consistency_summary", "consistency", "accuracy_summary")),
    "fig5": Entry(
        "Consistency under other measures",
        CONSISTENCY,
        ("consistency_summary", "accuracy_summary"),
        needs=("cosine", "euclidean", "unit_euclidean", "norm_difference"),
    ),
    "fig6": Entry(
        "Consistency in AlexNet",
        CONSISTENCY,
        ("consistency_summary", "consistency", "accuracy_summary"),
        networks=(ALEXNET,),
    ),
    "fig7": Entry("Centroids and exemplars", CAUSES, ("consistency_summary", "accuracy_summary")),
    "supp1": Entry("Stress of each stimulus in the maps", GEOMETRY, ("mds", "instances")),
    "supp2": Entry("Neighbouring layers against other instances", GEOMETRY, ("second_level", "instances")),
    "supp4": Entry(
        "Category clustering and consistency",
        CAUSES,
        ("clustering_summary", "consistency_summary", "relations"),
    ),
    "supp5": Entry("Rotations that keep activations positive", CAUSES, ("rotations", "rotation_entries")),
    "supp6": Entry("Rotations about the origin", CAUSES, ("rotations", "rotation_entries")),
    "supp7": Entry(
        "Cocktail-blank normalisation",
        CAUSES,
        ("consistency_summary", "accuracy_summary"),
        needs=("correlation", "cosine"),
    ),
}


def applicable(measures: Iterable[str], networks: Iterable[str]) -> list[str]:
    """Names of the figures that a study with these measures and networks has."""
    available, trained = set(measures), set(networks)
    return [
        name
        for name, entry in FIGURES.items()
        if (not entry.needs or available & set(entry.needs)) and (not entry.networks or trained & set(entry.networks))
    ]


def main_measure(measures: Iterable[str]) -> str:
    """Correlation distance, the papers' choice, or the first measure of a study without it."""
    measures = list(measures)
    if not measures:
        raise StudyError(NOTHING_TO_DRAW)
    return MAIN_MEASURE if MAIN_MEASURE in measures else str(measures[0])
