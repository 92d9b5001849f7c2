"""Correlations of the table `relations` in words, for the notes of figures."""

import pandas as pd

from manyseeds.figures.selection import unbroken

ESTIMATORS = {"pearson": "Pearson", "skipped": "skipped Pearson", "percentage_bend": "percentage bend"}


def relation_note(rows: pd.DataFrame, over: str) -> str:
    """Return the three correlations with intervals and p-values as text.

    Intervals are those over networks if the table has them, else Fisher's, which take the points as independent.

    Parameters
    ----------
    rows
        One row of `relations`, or none.
    over
        Name of its points, in the plural.
    """
    if rows.empty or pd.isna(rows.iloc[0]["pearson"]):
        return f"No correlation: too few {over}, or values that do not vary."
    row = rows.iloc[0]
    estimates = "; ".join(_estimate(row, column, name) for column, name in ESTIMATORS.items())
    assumption = f"over {int(row['n'])} {over}, as if these were independent"
    if any(_has_jackknife(row, column) for column in ESTIMATORS):
        assumption = (
            f"over {int(row['n'])} {over}; brackets: jackknife over networks; p-values as if {over} were independent"
        )
    return f"{estimates}; {assumption}."


def _has_jackknife(row: pd.Series, column: str) -> bool:
    return bool(pd.notna(row.get(f"{column}_jackknife_low")))


def _estimate(row: pd.Series, column: str, name: str) -> str:
    """Return name, value, interval and p-value of one coefficient, without null values."""
    if pd.isna(row[column]):
        return f"{name} undefined"
    text = f"{name} {unbroken(f'r = {_signed(row[column])}')}"
    ends = f"{column}_jackknife" if any(_has_jackknife(row, name) for name in ESTIMATORS) else f"{column}_ci"
    if pd.notna(row[f"{ends}_low"]):
        text += f" [{_signed(row[f'{ends}_low'])}, {_signed(row[f'{ends}_high'])}]"
    p = row[f"{column}_p"]
    return text if pd.isna(p) else f"{text}, {unbroken('p < 0.001' if p < 0.001 else f'p = {p:.3f}')}"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
