"""Correlations between summaries of layers or epochs, robust ones beside Pearson's (methods 6)."""

import warnings
from dataclasses import dataclass

import numpy as np
import pingouin

MIN_POINTS = 5
"""Below this number of points a relation is null."""

METHODS = {
    "pearson": {"method": "pearson"},
    "skipped": {"method": "skipped", "corr_type": "pearson"},
    "percentage_bend": {"method": "percbend"},
}
"""Arguments of `pingouin.corr`; its skipped correlation would be Spearman's if not told."""


@dataclass(frozen=True)
class Relation:
    """A correlation coefficient, its two-sided p-value and its 95 % interval (Fisher's z); NaN where undefined."""

    value: float
    p: float
    low: float
    high: float


UNDEFINED = Relation(np.nan, np.nan, np.nan, np.nan)


def relate(x: np.ndarray, y: np.ndarray) -> tuple[int, dict[str, Relation]]:
    """Relate two variables by Pearson, skipped Pearson and percentage bend correlation (P13).

    The skipped correlation is that of the points without bivariate outliers, and so are its p-value and interval.

    Parameters
    ----------
    x, y
        (n,) equally many values; points with an undefined coordinate are left out.

    Returns
    -------
    n
        Number of points used.
    relations
        One per name in `METHODS`; undefined below `MIN_POINTS` points or if either variable is constant.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    defined = np.isfinite(x) & np.isfinite(y)
    x, y = x[defined], y[defined]
    if x.size < MIN_POINTS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return x.size, dict.fromkeys(METHODS, UNDEFINED)
    return x.size, {name: _correlate(x, y, arguments) for name, arguments in METHODS.items()}


def _correlate(x: np.ndarray, y: np.ndarray, arguments: dict[str, str]) -> Relation:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # pingouin announces at each call that its outlier detection is not LIBRA's, and scikit-learn and scipy that few
        # or collinear points leave a determinant at zero: the outcome says so itself, by being undefined.
        warnings.simplefilter("ignore")
        result = pingouin.corr(x, y, **arguments).iloc[0]
    value, p = float(result["r"]), float(result["p_val"])
    n = int(result["n"] - result.get("outliers", 0))
    return Relation(value, p, *_fisher_interval(value, n)) if np.isfinite(value) else UNDEFINED


def _fisher_interval(r: float, n: int) -> tuple[float, float]:
    """95 % interval by Fisher's z, undefined below four points; that of `pingouin.corr` is rounded to two decimals."""
    if n < 4:
        return np.nan, np.nan
    if abs(r) == 1:
        return r, r
    low, high = pingouin.compute_esci(stat=r, nx=n, ny=n, eftype="r", decimals=12)
    return float(low), float(high)
