"""Would single networks have led to another conclusion? (methods 13)

Group A agrees better with an outside RDM than group B. A flip is a network of A that agrees worse than one of B, both
drawn at random and independently, also if the groups share seeds: a reader picks one of each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from manyseeds.errors import StudyError
from manyseeds.statistics.resampling import QUANTILES

Floats = NDArray[np.float64]

FEWEST_NETWORKS = 4
"""Smallest number of networks of both groups for an interval."""

RARE = 0.05
"""Probability of a flip of means below which a number of networks is enough."""

MOST_NETWORKS = 1000


@dataclass(frozen=True)
class Flip:
    """How often a conclusion on two groups turns round.

    Attributes
    ----------
    observed
        Share of pairs of networks, one of each group, that order the groups the other way; half of each tie.
    normal
        The same if both groups are normally distributed.
    low, high
        95 % interval of `normal`; NaN for fewer than four networks of a group.
    """

    observed: float
    normal: float
    low: float
    high: float


def flip(better: ArrayLike, worse: ArrayLike) -> Flip:
    """Return how often single networks of two groups are ordered the other way than the groups' means.

    The interval is one of normal theory on the probit scale, with Welch's degrees of freedom.

    Parameters
    ----------
    better, worse
        (N,) value of each network of a group. If the mean of `better` is the lower one, the groups change places.

    Raises
    ------
    StudyError
        If a group has no network, or a value that is not finite.
    """
    better, worse = _values(better, "better"), _values(worse, "worse")
    if better.mean() < worse.mean():
        better, worse = worse, better
    observed = float(np.mean((better[:, None] < worse) + 0.5 * (better[:, None] == worse)))
    if min(len(better), len(worse)) < 2:
        return Flip(observed, np.nan, np.nan, np.nan)
    variances = np.array([better.var(ddof=1), worse.var(ddof=1)])
    total, difference = variances.sum(), float(better.mean() - worse.mean())
    if total == 0:
        certain = 0.5 if difference == 0 else float(difference < 0)
        return Flip(observed, certain, np.nan, np.nan)
    z, sizes = difference / np.sqrt(total), np.array([len(better), len(worse)])
    normal = float(special.ndtr(-z))
    if sizes.min() < FEWEST_NETWORKS:
        return Flip(observed, normal, np.nan, np.nan)
    of_means = variances / sizes
    variance = of_means.sum() / total + z**2 / 2 * np.sum(variances**2 / (sizes - 1)) / total**2
    freedom = of_means.sum() ** 2 / np.sum(of_means**2 / (sizes - 1))
    half = special.stdtrit(freedom, QUANTILES[1]) * np.sqrt(variance)
    return Flip(observed, normal, float(special.ndtr(-z - half)), float(special.ndtr(-z + half)))


def _values(values: ArrayLike, name: str) -> Floats:
    """Return one finite value for each network of a group."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise StudyError(f"{name}: expected a list of numbers, one for each network.") from None
    if array.ndim != 1 or not array.size:
        raise StudyError(f"{name}: found shape {array.shape}, expected one value for each of one or more networks.")
    if not np.isfinite(array).all():
        place = int(np.argmin(np.isfinite(array)))
        raise StudyError(f"{name}: found {array[place]} at place {place}, expected finite values; leave it out.")
    return array


def flip_of_means(better: Floats, worse: Floats, k: int) -> float:
    """Return the probability that means over k networks of each group are ordered the other way."""
    total = better.var(ddof=1) + worse.var(ddof=1)
    difference = better.mean() - worse.mean()
    if total == 0:
        return 0.5 if difference == 0 else float(difference < 0)
    return float(special.ndtr(-difference * np.sqrt(k / total)))


def networks_needed(better: Floats, worse: Floats) -> int | None:
    """Return the least number of networks of each group whose means are ordered the other way in at most 5 %.

    None if 1,000 are too few.
    """
    total, difference = better.var(ddof=1) + worse.var(ddof=1), better.mean() - worse.mean()
    if total == 0 or difference <= 0:
        return 1 if difference > 0 else None
    first = int(np.clip(special.ndtri(RARE) ** 2 * total / difference**2, 0, MOST_NETWORKS))
    near = range(max(1, first), min(first + 2, MOST_NETWORKS) + 1)  # rounding of the quantile may move it by one
    return next((k for k in near if flip_of_means(better, worse, k) <= RARE), None)
