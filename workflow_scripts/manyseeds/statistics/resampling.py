"""Confidence intervals of means over networks or pairs of networks (methods 5).

All bootstraps are weighted means, with the counts of a resample as weights. They are computed as matrix products. If
network i is drawn c_i times, the pair (i, j) has the weight c_i c_j. Pairs of a network with itself are left out.
Deleting a network is the case c_i = 0.

Pair values are vectors of length K = N (N - 1) / 2 in the order of ``numpy.triu_indices(N, 1)`` (scipy's
`squareform`). Leading axes are independent statistics that share the draws. Undefined values are NaN and have no
weight. Comments cite M20 (Mehrer et al. 2020) and S23 (Schütt et al. 2023).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.special import expit, logit

from manyseeds.statistics.pair_components import MIN_NETWORKS_COMPONENTS, pair_components

QUANTILES = (0.025, 0.975)
"""Quantiles at the ends of 95 % intervals."""

LEVEL = 0.95
"""Confidence level of all intervals."""

AT_BOUND = 1e-6
"""Distance from 0 or 1 up to which a mean has no jackknife interval: its logit is not finite, or nearly so."""

MIN_NETWORKS_JACKKNIFE = 3
MIN_NETWORKS_BOOTSTRAP = 5
"""Smallest numbers of networks; with fewer, the interval is null (methods 5)."""

Pairing = tuple[NDArray[np.intp], NDArray[np.intp]]
"""The two networks (K,), (K,) of each value, for pairs other than all pairs in the order of `triu_indices`."""

Over = Literal["pairs", "networks"] | Pairing
"""What a statistic averages over: all pairs of networks (consistency), networks (accuracy, clustering), or given pairs.
"""


@dataclass(frozen=True)
class Interval:
    """95 % interval of a mean; every array has the leading shape of the values it was computed from.

    `n_resamples` counts the resamples in which the statistic was defined. It is 0 if nothing was resampled.
    `percentile_low` and `percentile_high` are percentiles of the resamples, if the interval is another one.
    """

    method: str
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_resamples: np.ndarray
    percentile_low: np.ndarray | None = None
    percentile_high: np.ndarray | None = None


# draws


def network_counts(n_networks: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each network is drawn, (n_resamples, n_networks) float64, with replacement."""
    return _multinomial_counts(n_networks, n_resamples, rng)


def pair_counts(n_pairs: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each pair is drawn, (n_resamples, n_pairs) float64, as if independent."""
    return _multinomial_counts(n_pairs, n_resamples, rng)


def pair_products(counts: np.ndarray, pairing: Pairing | None = None) -> np.ndarray:
    """Return weights c_i c_j of pairs (B, K) from counts of networks (B, N); self-pairs are dropped.

    Parameters
    ----------
    pairing
        None: all pairs. A pair (i, i) is the two networks of one seed in two conditions, and has the weight c_i. If the
        seed is drawn twice, there are two such pairs; pairs between the two copies are dropped.
    """
    first, second = np.triu_indices(counts.shape[-1], 1) if pairing is None else pairing
    return np.where(first == second, counts[:, first], counts[:, first] * counts[:, second])


def _multinomial_counts(n_items: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(n_items, np.full(n_items, 1 / n_items), size=n_resamples).astype(np.float64)


# means and intervals over networks


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted means of the defined values for every set of weights.

    Parameters
    ----------
    values
        (..., K), NaN where undefined.
    weights
        (B, K), nonnegative.

    Returns
    -------
    ndarray
        (..., B); NaN where no defined value has weight.
    """
    defined = np.isfinite(values)
    total = defined.astype(np.float64) @ weights.T
    sums = np.where(defined, values, 0.0) @ weights.T
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def mean_along_last_axis(values: np.ndarray) -> np.ndarray:
    """Return the mean of the defined values along the last axis; NaN where there are none."""
    return weighted_means(values, np.ones((1, values.shape[-1])))[..., 0]


def pair_bootstrap(values: np.ndarray, n_resamples: int, rng: np.random.Generator) -> Interval:
    """Return the percentile bootstrap of pair values (..., K), as if pairs were independent.

    It is comparable with M20, but too narrow. It is null below two pairs.
    """
    if values.shape[-1] < 2:
        return _null_interval("pairs", values)
    weights = pair_counts(values.shape[-1], n_resamples, rng)
    return _percentile_interval("pairs", values, weighted_means(values, weights))


def instance_bootstrap(
    values: np.ndarray, n_networks: int, n_resamples: int, rng: np.random.Generator, *, over: Over = "pairs"
) -> Interval:
    """Return the percentile bootstrap of networks, without pairs of a network with itself.

    It is null below five networks.

    Parameters
    ----------
    values
        (..., K) values of pairs of networks, or (..., N) values of networks, according to `over`.
    """
    if n_networks < MIN_NETWORKS_BOOTSTRAP:
        return _null_interval("instances", values)
    weights = _network_weights(network_counts(n_networks, n_resamples, rng), over)
    return _percentile_interval("instances", values, weighted_means(values, weights))


def jackknife(
    values: np.ndarray,
    n_networks: int,
    *,
    over: Over = "pairs",
    in_unit_interval: bool = False,
    n_simultaneous: np.ndarray | int | None = None,
) -> Interval:
    """Return the delete-one-network jackknife: mean +- t(n - 1) standard errors.

    It is null below three networks.

    Parameters
    ----------
    values
        (..., K) values of pairs of networks, or (..., N) values of networks, according to `over`.
    in_unit_interval
        Whether the mean lies between 0 and 1, like a consistency or an accuracy. Then the jackknife is made on its
        logit. It is null where the mean is within `AT_BOUND` of 0 or 1.
    n_simultaneous
        Number of intervals L that hold together, by Bonferroni: each has the level 1 - 0.05 / L. The method is then
        `jackknife_simultaneous`. None: each holds by itself.
    """
    method = "jackknife" if n_simultaneous is None else "jackknife_simultaneous"
    if n_networks < MIN_NETWORKS_JACKKNIFE:
        return _null_interval(method, values)
    mean = mean_along_last_axis(values)
    without_one = weighted_means(values, _network_weights(1 - np.eye(n_networks), over))
    transform, back = (_bounded_logit, expit) if in_unit_interval else (_identity, _identity)
    transformed = transform(without_one)
    deviations = transformed - transformed.mean(axis=-1, keepdims=True)
    variance = (n_networks - 1) / n_networks * (deviations**2).sum(axis=-1)
    half_width = special.stdtrit(
        n_networks - 1, 1 - (1 - LEVEL) / 2 / (1 if n_simultaneous is None else n_simultaneous)
    ) * np.sqrt(variance)
    low, high = back(transform(mean) - half_width), back(transform(mean) + half_width)
    if in_unit_interval:
        low, high = (np.where(at_bound(mean), np.nan, end) for end in (low, high))
    return Interval(method, mean, low, high, np.zeros(np.shape(mean), dtype=int))


SCALES: dict[str, tuple[Callable, Callable]] = {
    "own": (float, float),
    "z": (np.arctanh, np.tanh),
    "logit": (logit, expit),
}
"""Scales on which the jackknife of one statistic is made: the transform and its inverse. z is Fisher's."""


def jackknife_ends(
    value: float, without: NDArray[np.float64], *, scale: str = "own", level: float = LEVEL
) -> tuple[float, float]:
    """Return the ends of the delete-one-network jackknife of one statistic.

    Parameters
    ----------
    value
        The statistic of all networks.
    without
        (N,) the statistic without each network.
    scale
        Name of a scale of `SCALES`.
    level
        Confidence level.

    Returns
    -------
    low, high
        NaN below three networks, and if a value is undefined or at an end of its scale.
    """
    transform, back = SCALES[scale]
    n = len(without)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, *deviating = (float(transform(each)) for each in (value, *without))
    if n < MIN_NETWORKS_JACKKNIFE or not np.isfinite([centre, *deviating]).all():
        return float("nan"), float("nan")
    deviations = np.array(deviating) - np.mean(deviating)
    half = special.stdtrit(n - 1, 1 - (1 - level) / 2) * np.sqrt((n - 1) / n * (deviations**2).sum())
    return float(back(centre - half)), float(back(centre + half))


def at_bound(mean: np.ndarray) -> np.ndarray:
    """Return whether a mean between 0 and 1 is within `AT_BOUND` of one of them."""
    return (mean <= AT_BOUND) | (mean >= 1 - AT_BOUND)


def _bounded_logit(mean: np.ndarray) -> np.ndarray:
    """Return the logit of a mean, finite for 0 and 1 too: without one network a mean can reach them."""
    return logit(np.clip(mean, AT_BOUND, 1 - AT_BOUND))


def _identity(values: np.ndarray) -> np.ndarray:
    return values


def component_interval(values: np.ndarray, n_networks: int) -> Interval:
    """Return mean +- t(n - 1) standard errors from the variance components of pairs, not clipped.

    It is narrower than the jackknife, whose variance counts the part of a pair at least twice. It serves planning and
    sensitivity, not claims (methods 5). It is null below four networks, and where a pair is undefined.

    Parameters
    ----------
    values
        (..., K) values of all pairs of networks.
    """
    if n_networks < MIN_NETWORKS_COMPONENTS:
        return _null_interval("components", values)
    variance = pair_components(values, n_networks).variance_of_mean(n_networks)
    return _t_interval("components", mean_along_last_axis(values), variance, n_networks - 1, None)


def _network_weights(counts: np.ndarray, over: Over) -> np.ndarray:
    if over == "networks":
        return counts
    return pair_products(counts, None if over == "pairs" else over)


# intervals over stimuli, and over both


def stimulus_interval(
    values: np.ndarray, resamples: np.ndarray, *, bounds: tuple[float, float] | None = None
) -> Interval:
    """Return the interval over resampled stimuli, networks fixed: mean +- 1.96 SD of the resamples (S23).

    Resampled means of centroids are biased, so their percentiles can miss the mean. They are kept beside the interval.

    Parameters
    ----------
    values
        (..., K) pair values on the original stimuli.
    resamples
        (..., B, K) pair values on resampled stimuli.
    bounds
        Range of the statistic, to which the interval is clipped; None: not clipped.
    """
    resampled = mean_along_last_axis(resamples)
    percentiles = _percentile_interval("stimuli", values, resampled)
    half_width = special.ndtri(QUANTILES[1]) * np.sqrt(_variance(resampled))
    low, high = _clipped(percentiles.mean - half_width, percentiles.mean + half_width, bounds)
    return replace(percentiles, low=low, high=high, percentile_low=percentiles.low, percentile_high=percentiles.high)


def two_factor_interval(
    values: np.ndarray,
    resamples: np.ndarray,
    n_networks: int,
    n_stimuli: int,
    rng: np.random.Generator,
    *,
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """Return the interval for new networks and new stimuli: mean +- t(n - 1) standard errors.

    Networks are resampled once for each of the B resamples of the stimuli. It is null below five networks, and where a
    pair is undefined.

    Parameters
    ----------
    values
        (..., K) pair values on the original stimuli.
    resamples
        (..., B, K) pair values on resampled stimuli.
    bounds
        As in `stimulus_interval`.
    """
    if n_networks < MIN_NETWORKS_BOOTSTRAP:
        return _null_interval("both", values)
    weights = pair_products(network_counts(n_networks, resamples.shape[-2], rng))
    resampled_both = _row_means(resamples, weights)
    variance = two_factor_variance(
        pair_components(values, n_networks).variance_of_mean(n_networks),
        _variance(weighted_means(values, weights)),
        _variance(mean_along_last_axis(resamples)),
        _variance(resampled_both),
        n_networks,
        n_stimuli,
    )
    interval = _t_interval("both", mean_along_last_axis(values), variance, n_networks - 1, bounds)
    return replace(interval, n_resamples=np.isfinite(resampled_both).sum(axis=-1))


def two_factor_variance(
    networks: np.ndarray,
    networks_bootstrap: np.ndarray,
    stimuli: np.ndarray,
    both: np.ndarray,
    n_networks: int,
    n_stimuli: int,
) -> np.ndarray:
    """Return the variance of the mean for new networks and new stimuli (methods 5).

    The bootstrap of networks without self-pairs catches 0.80 to 0.91 of the variance between networks. So that part
    comes from the variance components of pairs. The bootstraps of S23 give the interaction, which the sum of both parts
    counts twice. The result is not capped by the variance of both bootstraps, whose part of the networks is too small.

    Parameters
    ----------
    networks
        Variance of the mean over new networks, from `pair_components`.
    networks_bootstrap, stimuli, both
        Variances of three bootstraps: of networks, of stimuli, of both.
    """
    n, m = n_networks, n_stimuli
    stimuli_corrected = m / (m - 1) * stimuli
    interaction = n * m / ((n - 1) * (m - 1)) * (both - networks_bootstrap - stimuli)
    least = np.maximum(networks, stimuli_corrected)
    return np.maximum(networks + stimuli_corrected - np.maximum(interaction, 0), least)


def _row_means(resamples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weighted means (..., B) over pairs, resample b with weights (b, K); NaN without weight."""
    defined = np.isfinite(resamples)
    total = np.einsum("...bk,bk->...b", defined, weights)
    sums = np.einsum("...bk,bk->...b", np.where(defined, resamples, 0.0), weights)
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def _variance(resampled: np.ndarray) -> np.ndarray:
    """Return the variance over the defined resamples (last axis); NaN below two of them."""
    n = np.isfinite(resampled).sum(axis=-1)
    deviations = resampled - mean_along_last_axis(resampled)[..., None]
    squares = np.nansum(deviations**2, axis=-1)
    return np.divide(squares, n - 1, out=np.full_like(squares, np.nan), where=n > 1)


def _percentile_interval(method: str, values: np.ndarray, resampled: np.ndarray) -> Interval:
    """Return percentiles of the defined resampled means (..., B), and the mean of the values (..., K)."""
    mean = mean_along_last_axis(values)
    bounds = np.full((2, *mean.shape), np.nan)
    n_resamples = np.isfinite(resampled).sum(axis=-1)
    for row in np.ndindex(mean.shape):
        if np.isfinite(mean[row]) and n_resamples[row]:
            bounds[(slice(None), *row)] = np.quantile(resampled[row][np.isfinite(resampled[row])], QUANTILES)
    return Interval(method, mean, bounds[0], bounds[1], n_resamples)


def _t_interval(
    method: str, mean: np.ndarray, variance: np.ndarray, dof: int, bounds: tuple[float, float] | None
) -> Interval:
    half_width = special.stdtrit(dof, QUANTILES[1]) * np.sqrt(variance)
    low, high = _clipped(mean - half_width, mean + half_width, bounds)
    return Interval(method, mean, low, high, np.zeros(np.shape(mean), dtype=int))


def _clipped(low: np.ndarray, high: np.ndarray, bounds: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
    return (low, high) if bounds is None else (np.clip(low, *bounds), np.clip(high, *bounds))


def _null_interval(method: str, values: np.ndarray) -> Interval:
    mean = mean_along_last_axis(values)
    null = np.full(mean.shape, np.nan)
    return Interval(method, mean, null, null, np.zeros(mean.shape, dtype=int))
