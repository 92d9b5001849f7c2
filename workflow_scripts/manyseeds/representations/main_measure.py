"""The measure that is shown where one is. The Snakefile reads this module, so it imports nothing."""

from collections.abc import Iterable

MAIN_MEASURE = "correlation"


def main_measure(measures: Iterable[str]) -> str:
    """Return correlation distance, the paper's choice, or else the first of the measures.

    Raises
    ------
    ValueError
        If there is no measure.
    """
    measures = list(measures)
    if not measures:
        raise ValueError("found no measure, expected at least one")
    return MAIN_MEASURE if MAIN_MEASURE in measures else str(measures[0])
