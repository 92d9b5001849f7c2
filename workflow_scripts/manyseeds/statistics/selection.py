"""Rows of tables that several analyses use."""

import pandas as pd

from manyseeds.representations.main_measure import main_measure


def main_exemplars(consistency: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of exemplars after the last epoch, without dropout, by the main measure.

    Parameters
    ----------
    consistency
        Table ``consistency`` of a group. It may be empty.
    """
    rows = consistency[(consistency["kind"] == "exemplar") & (consistency["normalisation"] == "none")]
    rows = rows[(rows["dropout_samples"] == 0) & (rows["epoch"] == rows["epoch"].max())]
    return rows[rows["measure"] == main_measure(rows["measure"])] if len(rows) else rows
