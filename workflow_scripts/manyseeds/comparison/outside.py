"""Comparison with RDMs from outside: of brains, of behaviour, of other models (methods 13).

Comparisons are those of rsatoolbox. An outside RDM of several subjects has a noise ceiling: what a model could reach,
given how far the subjects differ (Nili et al. 2014).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from manyseeds.comparison import comparators
from manyseeds.comparison.consistency import within_category_mask
from manyseeds.comparison.ranking import correlations, mid_ranks, numbered
from manyseeds.io.files import atomic_path
from manyseeds.representations.geometry import Geometry
from manyseeds.representations.measures import rdm

Floats = NDArray[np.float64]

RHO_A = "rho_a"

FEWEST_SUBJECTS = 3
"""Smallest number of subjects for a noise ceiling."""


def compare(first: Floats, second: Floats, comparison: str) -> float:
    """Compare two RDM vectors.

    Parameters
    ----------
    first, second
        (P,) in the order of scipy's `squareform`. Entries that are NaN in either are left out; for `whitened_cosine`,
        stimuli that have one.
    comparison
        Name in `COMPARISONS`.

    Returns
    -------
    float
        NaN if either RDM is constant or, for `cosine` and `whitened_cosine`, zero; or if two entries are not left.
    """
    function = COMPARISONS[comparison]
    if comparison == "whitened_cosine":
        return function(*_of_common_stimuli(first, second))
    defined = ~(np.isnan(first) | np.isnan(second))
    first, second = first[defined], second[defined]
    if len(first) < 2 or (comparison != "cosine" and (np.ptp(first) == 0 or np.ptp(second) == 0)):
        return np.nan  # rounding alone would correlate constants with others
    return function(first, second)


def _of_common_stimuli(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Leave out stimuli of which any dissimilarity is undefined, those with the most undefined ones first."""
    matrices = [squareform(vector, checks=False) for vector in (first, second)]
    undefined = np.isnan(matrices[0]) | np.isnan(matrices[1])
    kept = np.arange(len(undefined))
    while undefined[np.ix_(kept, kept)].any():
        kept = np.delete(kept, np.argmax(undefined[np.ix_(kept, kept)].sum(axis=0)))
    one, other = (squareform(matrix[np.ix_(kept, kept)], checks=False) for matrix in matrices)
    return one, other


def pearson(first: Floats, second: Floats) -> float:
    """Return Pearson's correlation."""
    return cosine(first - first.mean(), second - second.mean())


def spearman(first: Floats, second: Floats) -> float:
    """Return the correlation of mid-ranks."""
    return pearson(stats.rankdata(first), stats.rankdata(second))


def rho_a(first: Floats, second: Floats) -> float:
    """Return Spearman's correlation as it is expected if ties are broken at random (Schütt et al. 2023).

    It is for models that predict ties, whose mid-ranks would have an advantage.
    """
    n = len(first)
    ranks = [stats.rankdata(values) - (n + 1) / 2 for values in (first, second)]
    return float(12 * ranks[0] @ ranks[1] / (n**3 - n))


def kendall_tau_a(first: Floats, second: Floats) -> float:
    """Return Kendall's tau a: concordant minus discordant pairs of entries, divided by all pairs."""
    total = len(first) * (len(first) - 1) / 2
    ties = [sum(count * (count - 1) / 2 for count in np.unique(v, return_counts=True)[1]) for v in (first, second)]
    untied = (total - ties[0]) * (total - ties[1])
    return float(stats.kendalltau(first, second).statistic * np.sqrt(untied) / total) if untied else 0.0


def cosine(first: Floats, second: Floats) -> float:
    """Return the cosine of the angle between two vectors."""
    norms = np.sqrt((first @ first) * (second @ second))
    return float(np.clip(first @ second / norms, -1.0, 1.0)) if norms > 0 else np.nan


def whitened_cosine(first: Floats, second: Floats) -> float:
    """Return the cosine of squared distances, whitened by the covariance that noise gives them: linear CKA.

    Diedrichsen et al. (2020). Both RDMs must be of squared distances.
    """
    if len(first) < 2:
        return np.nan
    features = [comparators.FEATURES["cka"](squareform(each)) for each in (first, second)]
    return float(comparators.cosines(features, 2)[0, 1])


COMPARISONS: dict[str, Callable[[Floats, Floats], float]] = {
    "pearson": pearson,
    "spearman": spearman,
    RHO_A: rho_a,
    "kendall_tau_a": kendall_tau_a,
    "cosine": cosine,
    "whitened_cosine": whitened_cosine,
}

OF_RANKS = ("spearman", RHO_A)
"""Comparisons that are correlations of mid-ranks."""

RANKED = ("spearman", RHO_A, "kendall_tau_a")
"""Comparisons that depend on the order of dissimilarities alone."""


def pooled(subjects: Floats, comparison: str) -> Floats:
    """Return the RDM (P,) that agrees most with those of several subjects (S, P) on average, for a comparison.

    That is the mean of the RDMs after each is scaled as the comparison ignores it: z-scores, unit norms or ranks. For
    tau a, the mean of ranks is nearly the best one. NaN entries are left out subject by subject.
    """
    if comparison in RANKED:
        scaled = np.stack([stats.rankdata(each, nan_policy="omit") for each in subjects])
    elif comparison == "pearson":
        centred = subjects - np.nanmean(subjects, axis=1, keepdims=True)
        scaled = centred / np.nanstd(centred, axis=1, keepdims=True)
    else:
        scaled = subjects / np.sqrt(np.nanmean(subjects**2, axis=1, keepdims=True))
    counts = np.sum(~np.isnan(scaled), axis=0)
    return np.where(counts > 0, np.nansum(scaled, axis=0) / np.maximum(counts, 1), np.nan)


def noise_ceiling(subjects: Floats, comparison: str) -> tuple[float, float]:
    """Return the lower and the upper end of what a model can reach with the RDMs of several subjects.

    Parameters
    ----------
    subjects
        (S, P).

    Returns
    -------
    lower, upper : float
        Mean over subjects of the agreement of each with the pooled RDM of the others, and with that of all. Constant
        subjects are left out. NaN for fewer than three subjects.
    """
    subjects = subjects[[not np.isnan(compare(own, own, comparison)) for own in subjects]]
    if len(subjects) < FEWEST_SUBJECTS:
        return np.nan, np.nan
    everybody = pooled(subjects, comparison)
    others = (pooled(np.delete(subjects, place, axis=0), comparison) for place in range(len(subjects)))
    lower = [compare(other, own, comparison) for other, own in zip(others, subjects, strict=True)]
    return float(np.mean(lower)), float(np.mean([compare(everybody, own, comparison) for own in subjects]))


@dataclass(frozen=True)
class Outside:
    """An RDM from outside, of the stimuli that it has in common with a study.

    Attributes
    ----------
    name
        Name in tables.
    subjects
        Names of the S subjects.
    vectors
        (S, P) in the order of the study's stimuli.
    places
        (m,) places of these stimuli among the study's.
    kind
        `brain`, `behaviour` or `model`.
    is_ranked
        Whether `rho_a` alone compares it, because it predicts ties.
    is_squared
        Whether entries are squared distances; otherwise `whitened_cosine` squares them.
    """

    name: str
    subjects: tuple[str, ...]
    vectors: Floats
    places: NDArray[np.int64]
    kind: str = "model"
    is_ranked: bool = False
    is_squared: bool = True

    def comparisons(self, asked: Sequence[str]) -> list[str]:
        """Return the comparisons that fit."""
        return [RHO_A] if self.is_ranked else list(asked)


@dataclass(frozen=True)
class Compared:
    """How far the networks of a group agree with an RDM from outside in one layer, by one measure and comparison.

    Attributes
    ----------
    keys
        Columns that name it: file, comparison, layer, layer_index, measure.
    values
        (N, S) of networks and subjects; NaN where undefined.
    ensemble
        (S,) of the mean RDM of all networks.
    draws
        (B,) mean over networks and subjects with defined values on resampled stimuli; empty if stimuli are not
        resampled.
    n_stimuli, n_entries
        Numbers of stimuli that the two have in common, and of pairs of these.
    n_undefined
        Largest number of entries that are undefined in a network or a subject.
    """

    keys: dict[str, Any]
    values: Floats
    ensemble: Floats
    draws: Floats
    n_stimuli: int
    n_entries: int
    n_undefined: int

    @property
    def defined(self) -> Floats:
        """Values without the networks and subjects that have none, such as those with a constant RDM."""
        return without_undefined(self.values)


def without_undefined(values: Floats) -> Floats:
    """Leave out networks and subjects (N, S) without any defined value."""
    networks, subjects = with_values(values)
    return values[np.ix_(networks, subjects)]


def with_values(values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which networks (N,) and which subjects (S,) have any defined value."""
    defined = ~np.isnan(values)
    return np.asarray(defined.any(axis=1)), np.asarray(defined.any(axis=0))


Numbers = NDArray[np.intp]
"""(N + 1, P) numbers of the entries of N networks and of their mean RDM (`ranking.numbered`)."""


def numbers_of(networks: Floats) -> Numbers | None:
    """Return the numbers of the entries of networks (N, P) and of their mean; None if an entry is undefined."""
    return None if np.isnan(networks).any() else np.stack([numbered(v) for v in (*networks, networks.mean(axis=0))])


def compare_networks(
    networks: Floats, theirs: Outside, comparison: str, measure: str, numbers: Numbers | None = None
) -> tuple[Floats, Floats]:
    """Compare the RDMs of some networks, and their mean, with those of all subjects.

    Parameters
    ----------
    networks
        (N, P) of the common stimuli.
    measure
        Name of their dissimilarity measure. `whitened_cosine` takes squared distances: Euclidean ones are squared,
        and correlation and cosine distances are half the squares of distances already.
    numbers
        From `numbers_of`, if known: ranks are then counted and not sorted again.

    Returns
    -------
    values, ensemble : ndarray
        (N, S) and (S,).
    """
    subjects = theirs.vectors
    if comparison == "whitened_cosine":
        networks = networks**2 if measure in UNSQUARED else networks
        subjects = subjects if theirs.is_squared else subjects**2
    every = [*networks, networks.mean(axis=0)]
    if numbers is not None and comparison in OF_RANKS and not np.isnan(subjects).any():
        once = np.ones(networks.shape[1])
        ours = np.stack([mid_ranks(each, once) for each in numbers])
        others = np.stack([mid_ranks(numbered(each), once) for each in subjects])
        values = correlations(ours, others, once, expects_ties=comparison == RHO_A)
    else:
        values = np.array([[compare(own, other, comparison) for other in subjects] for own in every])
    return values[:-1], values[-1]


UNSQUARED = ("euclidean", "unit_euclidean", "norm_difference")
"""Measures that are distances and not their squares."""


def vectors_of(geometries: Sequence[Geometry], measure: str, places: NDArray[np.int64]) -> Floats:
    """Return the RDMs (N, P) of networks for some stimuli, given raw geometries of all stimuli."""
    chosen = np.ix_(places, places)
    vectors = (squareform(rdm(geometry, measure), checks=False)[chosen] for geometry in geometries)
    return np.stack([squareform(matrix, checks=False) for matrix in vectors])


def of_pixels(images: NDArray, places: NDArray[np.int64]) -> Outside:
    """Return the Euclidean distances of raw images (n, ...) as an RDM from outside."""
    distances = np.array([pdist(images.reshape(len(images), -1))], dtype=np.float64)
    return Outside("pixels", ("",), distances, places, is_squared=False)


def of_categories(categories: NDArray, places: NDArray[np.int64]) -> Outside:
    """Return 0 for stimuli of one category and 1 for others as an RDM from outside."""
    different = np.array([~within_category_mask(categories)], dtype=np.float64)
    return Outside("categories", ("",), different, places, is_ranked=True)


def built_in(names: Sequence[str], categories: NDArray, images: NDArray | None) -> list[Outside]:
    """Return the RDMs from outside that every study has, `pixels` and `categories`, as far as they are named."""
    places = np.arange(len(categories))
    makers = {
        "pixels": lambda: of_pixels(np.asarray(images), places),
        "categories": lambda: of_categories(categories, places),
    }
    return [makers[name]() for name in names]


def save_outside(path: Path | str, theirs: Outside) -> None:
    """Write an RDM from outside to an NPZ file."""
    with atomic_path(path) as partial:
        np.savez(
            partial,
            name=theirs.name,
            kind=theirs.kind,
            is_squared=theirs.is_squared,
            subjects=np.array(theirs.subjects, dtype=str),
            vectors=theirs.vectors,
            places=theirs.places,
        )


def load_outside(path: Path | str) -> Outside:
    """Read a file of `save_outside`."""
    with np.load(path) as file:
        subjects = tuple(file["subjects"].tolist())
        words = {"kind": str(file["kind"]), "is_squared": bool(file["is_squared"])}
        return Outside(str(file["name"]), subjects, file["vectors"], file["places"], **words)
