"""Error bars of figures: intervals for new networks, and ticks of a pair bootstrap (methods 5).

A bar over fewer than five networks is grey and called a range, because so few networks support no claim.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pandas as pd

CHOICES = ("jackknife", "pairs", "jackknife_and_pairs")
"""Values of the key `figures.interval`."""

FEWEST_NETWORKS = 5
"""Smallest number of networks whose bar is called an interval."""

METHOD_COLUMNS = ("ci_method", "ci_low", "ci_high", "n_resamples", "percentile_low", "percentile_high")
"""Columns of a summary that differ between the interval methods of one statistic."""

NO_INTERVAL_NOTE = "No error bars: too few networks for an interval."

_choice: ContextVar[str] = ContextVar("interval", default=CHOICES[-1])


@contextmanager
def chosen(interval: str) -> Iterator[None]:
    """Draw the error bars of `figures.interval` inside this context."""
    token = _choice.set(interval)
    try:
        yield
    finally:
        _choice.reset(token)


def of_methods(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per statistic of a summary table, with its error bar.

    Parameters
    ----------
    rows
        Rows of a summary table, all interval methods of each statistic.

    Returns
    -------
    DataFrame
        Columns of the summary. ci_low and ci_high are the ends of the bar, null if there is none, and ci_method is its
        method. inner_low and inner_high are the ticks inside it, from n_resamples resamples. is_range is true for fewer
        than five networks: the bar is then the range of the values.
    """
    statistic = [column for column in rows if column not in METHOD_COLUMNS]
    ends = {
        method: rows.loc[rows["ci_method"] == method, [*statistic, "ci_low", "ci_high"]]
        for method in ("jackknife", "pairs")
    }
    has_pairs = len(ends["pairs"]) > 0
    method = "pairs" if has_pairs and _choice.get() == "pairs" else "jackknife"
    inner = rows.loc[rows["ci_method"] == "pairs", [*statistic, "ci_low", "ci_high", "n_resamples"]]
    inner = inner.rename(columns={"ci_low": "inner_low", "ci_high": "inner_high"})
    bars = ends[method].merge(inner, how="left", on=statistic).assign(ci_method=method)
    return _with_ranges(bars, keeps_inner=_choice.get() == "jackknife_and_pairs")


def _with_ranges(bars: pd.DataFrame, *, keeps_inner: bool) -> pd.DataFrame:
    """Replace the bars of few networks by ranges; ticks inside stay for intervals only."""
    few = bars["n_networks"] < FEWEST_NETWORKS
    several = few & (bars["min"] < bars["max"])
    bars = bars.assign(
        is_range=few,
        ci_low=bars["ci_low"].where(~few, bars["min"].where(several)),
        ci_high=bars["ci_high"].where(~few, bars["max"].where(several)),
    )
    for end in ("inner_low", "inner_high"):
        bars[end] = bars[end].where(~few & keeps_inner)
    return bars


def note(bars: pd.DataFrame, *, of: str = "pairs of networks", panels: str | None = None) -> str:
    """Return a note on the kind of error bars, or on why there are none.

    Parameters
    ----------
    bars
        Rows of `of_methods`.
    of
        Whose range a grey bar is: pairs of networks, or networks.
    panels
        The panels that are described, such as "b"; None: all.
    """
    drawn = bars[bars["ci_low"].notna()]
    if drawn.empty:
        return NO_INTERVAL_NOTE
    ranges = drawn["is_range"].astype(bool)
    notes = []
    if not ranges.all():
        notes.append(f"{panels or 'Error bars'}: {_interval_words(drawn[~ranges])}.")
    if ranges.any():
        where = f" in {panels}" if panels else ""
        notes.append(f"Grey bars{where}: range of the {of}, for fewer than {FEWEST_NETWORKS} networks.")
    return " ".join(notes)


def _interval_words(bars: pd.DataFrame) -> str:
    """Return the method of the intervals, with its warning, in words."""
    resamples = bars["n_resamples"].max() if "n_resamples" in bars else float("nan")
    number = "" if pd.isna(resamples) else f" ({resamples:,.0f} resamples)"
    if (bars["ci_method"] == "pairs").all():
        return f"95 % bootstrap over pairs of networks{number}, which ignores that pairs share networks"
    inside = f"; ticks inside: 95 % bootstrap over pairs{number}" if bars["inner_low"].notna().any() else ""
    return f"95 % jackknife intervals over networks{inside}"
