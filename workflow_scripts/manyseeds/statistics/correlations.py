"""Correlations between summaries of layers or epochs, robust ones beside Pearson's (methods 6).

P13 describes both robust ones. Comments abbreviate the papers that they are from:

* W94: Wilcox, R. R. (1994). The percentage bend correlation coefficient. Psychometrika 59, 601-616.
* W04: Wilcox, R. R. (2004). Inferences based on a skipped correlation coefficient. Journal of Applied Statistics 31,
  131-143.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

MIN_POINTS = 5
"""Below this number of points a relation is null."""

CENTRE_SEED = 42
"""Of the subsets from which the robust centre is searched; pingouin's, so that values stay as they were."""

OUTLIER_CUTOFF = np.sqrt(2 * special.gammaincinv(1.0, 0.975))
"""Interquartile ranges beyond the median from which a projected point is an outlier (W04); two variables, so df = 2."""

ROUNDING = 1e-12
"""Share of the largest distance from the centre by which a projected point must pass the limit to be an outlier."""

BEND = 0.2
"""Share of points that the percentage bend correlation may bend, beta in W94 and P13."""

Floats = NDArray[np.float64]
Correlation = tuple[float, float, int]
"""A coefficient, its two-sided p-value (both NaN where undefined) and the number of points that they are of."""


@dataclass(frozen=True)
class Relation:
    """A correlation coefficient, its two-sided p-value and its 95 % interval (Fisher's z); NaN where undefined."""

    value: float
    p: float
    low: float
    high: float


UNDEFINED = Relation(np.nan, np.nan, np.nan, np.nan)


def pearson(x: Floats, y: Floats) -> Correlation:
    """Correlate two variables (n,), (n,) without NaN by Pearson's r; undefined if either is constant."""
    from scipy import stats  # takes half a second, which most users of this module need not spend

    if x.size < 2 or _is_constant(x) or _is_constant(y):
        return np.nan, np.nan, x.size
    with warnings.catch_warnings():
        # scipy warns where the spread is near that of rounding, and returns the coefficient all the same.
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        result = stats.pearsonr(x, y)
    return float(result.statistic), float(result.pvalue), x.size


def skipped(x: Floats, y: Floats) -> Correlation:
    """Correlate two variables (n,), (n,) without NaN by Pearson's r of the points that are no bivariate outliers (W04).

    The p-value is Pearson's of the points left. W04 corrects it for the points removed, which pingouin and we do not.
    Undefined if the robust centre is, or if a variable is constant without the outliers.
    """
    points = np.column_stack((x, y))
    try:
        kept = ~_bivariate_outliers(points - _robust_centre(points))
    except ValueError:  # about half of the points coincide: scikit-learn refuses a support without any spread
        return np.nan, np.nan, 0
    return pearson(x[kept], y[kept])


def percentage_bend(x: Floats, y: Floats, beta: float = BEND) -> Correlation:
    """Correlate two variables (n,), (n,) without NaN by the percentage bend correlation; p-value by Student's t (W94).

    Undefined if `_bent` is, for either variable.
    """
    a, b = _bent(x, beta), _bent(y, beta)
    r = np.clip((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()), -1, 1)
    with np.errstate(divide="ignore"):  # infinite for a perfect relation, whose p-value is 0
        t = r * np.sqrt((x.size - 2) / (1 - r**2))
    return float(r), float(2 * special.stdtr(x.size - 2, -np.abs(t))), x.size


METHODS: dict[str, Callable[[Floats, Floats], Correlation]] = {
    "pearson": pearson,
    "skipped": skipped,
    "percentage_bend": percentage_bend,
}


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
    if x.size < MIN_POINTS or _is_constant(x) or _is_constant(y):
        return x.size, dict.fromkeys(METHODS, UNDEFINED)
    return x.size, {name: _relation(*correlate(x, y)) for name, correlate in METHODS.items()}


def _relation(value: float, p: float, n: int) -> Relation:
    return Relation(value, p, *_fisher_interval(value, n)) if np.isfinite(value) else UNDEFINED


def _fisher_interval(r: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a correlation of n points by Fisher's z; NaN below four points."""
    if n < 4:
        return np.nan, np.nan
    if abs(r) == 1:
        return r, r
    half = special.ndtri(0.975) / np.sqrt(n - 3)
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return float(low), float(high)


def _is_constant(values: Floats) -> bool:
    return np.ptp(values) == 0


def _robust_centre(points: Floats) -> Floats:
    """Return the centre (2,) of points (n, 2) by the minimum covariance determinant (Rousseeuw & Van Driessen 1999)."""
    from sklearn.covariance import MinCovDet  # half a second, and most importers correlate nothing

    with warnings.catch_warnings():
        # scikit-learn warns that the determinant of collinear points is 0. Their centre is defined all the same.
        warnings.simplefilter("ignore")
        search = MinCovDet(random_state=CENTRE_SEED)
        search._nonrobust_covariance = _covariance  # pyright: ignore[reportAttributeAccessIssue]
        return search.fit(points).location_


def _covariance(points: Floats, assume_centered: bool = False) -> Floats:
    """Return the covariance matrix (2, 2) of points (n, 2), divided by n.

    It takes the place of scikit-learn's own, which has the same line behind checks of its input. The search calls it a
    hundred times, and those checks take four tenths of its time. scikit-learn passes False for `assume_centered`.
    """
    return np.cov(points.T, bias=True)


def _bivariate_outliers(centred: Floats) -> NDArray[np.bool_]:
    """Return which of the points (n, 2) about their robust centre are outliers (n,) (W04, P13).

    All points are projected on each line through the centre and a point. Outliers are too far from the centre on some
    line.
    """
    lengths = np.linalg.norm(centred, axis=1)
    # Ties can put points exactly at the limit. Rounding alone would make outliers of some, as it does in pingouin.
    allowance = ROUNDING * lengths.max()
    # A point at the centre gives no line. Its row of distances is then 0, and no point is an outlier by it.
    lengths[lengths == 0] = 1
    distances = np.abs(centred @ centred.T) / lengths[:, np.newaxis]
    limits = np.median(distances, axis=1) + OUTLIER_CUTOFF * _interquartile_range(distances)
    return (distances > limits[:, np.newaxis] + allowance).any(axis=0)


def _interquartile_range(values: Floats) -> Floats:
    """Return the distance (...) of the ideal fourths of n values (..., n), n > 2 (Frigge, Hoaglin & Iglewicz 1989).

    The lower fourth lies at the rank n / 4 + 5 / 12, between two values, and the upper one at the same rank from above.
    """
    ascending = np.sort(values, axis=-1)
    rank, between = divmod(values.shape[-1] / 4 + 5 / 12, 1)
    below = int(rank) - 1
    lower = (1 - between) * ascending[..., below] + between * ascending[..., below + 1]
    upper = (1 - between) * ascending[..., -below - 1] + between * ascending[..., -below - 2]
    return upper - lower


def _bent(values: Floats, beta: float) -> Floats:
    """Return values (n,) about their bent location in units of their spread, cut off at -1 and 1 (W94).

    All are NaN if the spread is 0, that is, if hardly more than a share beta of the values differs from the median.
    """
    deviations = values - np.median(values)
    # Wilcox's books round the rank to the nearest integer. His function pbcor rounds down, and so do pingouin and we.
    spread = np.sort(np.abs(deviations))[int((1 - beta) * values.size) - 1]
    if spread == 0:
        return np.full_like(values, np.nan)
    low, high = deviations / spread < -1, deviations / spread > 1
    within = ~(low | high)
    location = (values[within].sum() + spread * (high.sum() - low.sum())) / within.sum()
    return np.clip((values - location) / spread, -1, 1)
