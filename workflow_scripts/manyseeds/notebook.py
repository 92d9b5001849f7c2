"""Functions for notebooks: from arrays of activations to RDMs and consistency, without a workflow."""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison import comparators
from manyseeds.comparison.consistency import agreement
from manyseeds.comparison.outside import COMPARISONS, Outside, noise_ceiling, vectors_of
from manyseeds.comparison.within_group import Comparison, compare_layer, pair_rows
from manyseeds.errors import StudyError
from manyseeds.exchange import outside_files
from manyseeds.exchange.user_activations import EXACT
from manyseeds.representations.geometry import NORMALISATIONS, Geometry, measure_geometry
from manyseeds.representations.measures import MEASURES
from manyseeds.representations.measures import rdm as rdm_of
from manyseeds.statistics import outside_summaries, stimulus_resampling
from manyseeds.statistics.group_summaries import summarise_consistency
from manyseeds.statistics.intervals import Bootstrap
from manyseeds.statistics.outside_resampling import compare_outside
from manyseeds.statistics.stimulus_resampling import StimulusResamples
from manyseeds.study.user_folders import abridged

if TYPE_CHECKING:
    from rsatoolbox.rdm.rdms import RDMs

Activations = Mapping[Hashable, Mapping[str, ArrayLike]]
"""Activations by network and layer: arrays of stimuli x units; axes behind the first are flattened."""

INTERVALS = ("jackknife", "jackknife_simultaneous", "components", "pairs", "instances", "stimuli", "both")
"""Methods of confidence intervals (methods 5)."""

RESAMPLED_STIMULI = frozenset({"stimuli", "both"})
RESAMPLES, STIMULUS_RESAMPLES = 10_000, 1000
"""Default numbers of resamples of networks and of pairs of these, and of stimuli."""

COLUMNS = [
    "layer",
    "layer_index",
    "measure",
    "normalisation",
    "kind",
    "mean",
    "ci_low",
    "ci_high",
    "ci_method",
    "mean_r",
    "n_networks",
    "n_network_pairs",
]
PAIR_COLUMNS = [
    "layer",
    "layer_index",
    "measure",
    "normalisation",
    "kind",
    "seed_a",
    "seed_b",
    "r",
    "consistency",
    "n_entries",
    "n_undefined",
]
UNUSED_KEYS = {"architecture": "", "condition": "", "epoch": 0}
"""Keys that tables of a study have and one group of arrays does not need."""


def rdm(activations: ArrayLike, measure: str = "correlation", *, normalisation: str = "none") -> NDArray[np.float64]:
    """Return the representational dissimilarity matrix of one layer (methods 4).

    Parameters
    ----------
    activations
        (n, ...) activations to n stimuli; axes behind the first are flattened.
    measure
        `correlation`, `cosine`, `euclidean`, `unit_euclidean` or `norm_difference`.
    normalisation
        `none`, or `cocktail` to subtract the mean pattern of all stimuli first.

    Returns
    -------
    ndarray
        (n (n - 1) / 2,) upper triangle in the order of scipy's `squareform`; NaN where a pattern has no norm or no
        variance.

    Raises
    ------
    StudyError
        For an unknown name, or activations that are not finite numbers of at least two stimuli.
    """
    _check_known("measure", [measure], MEASURES)
    _check_known("normalisation", [normalisation], NORMALISATIONS)
    geometry = measure_geometry(_array(activations, "activations"), name="activations")
    return rdm_of(NORMALISATIONS[normalisation](geometry), measure)


def consistency(
    activations: Activations,
    categories: ArrayLike | None = None,
    *,
    measures: Sequence[str] = ("correlation",),
    normalisations: Sequence[str] = ("none",),
    interval: str | Sequence[str] = "jackknife",
    n_resamples: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the mean consistency of networks in each layer, with confidence intervals (methods 5).

    Consistency of two networks is the squared Pearson correlation of their RDMs.

    Parameters
    ----------
    activations
        Activations to the same n stimuli by network and layer: ``{0: {"conv1": array, "fc": array}, 1: ...}``. All
        networks have the same layers, in order of depth.
    categories
        (n,) category of each stimulus. Without them only whole RDMs are compared (`exemplar`).
    measures, normalisations
        Names as in `rdm`.
    interval
        Method or methods. `jackknife` holds for other networks, `stimuli` for other stimuli, `both` for both. `pairs`
        is the bootstrap of the paper. `stimuli` and `both` are only computed without a cocktail blank.
    n_resamples, seed
        Of the bootstraps; None: 10,000 of networks and of pairs, and 1,000 of stimuli.

    Returns
    -------
    DataFrame
        One row per layer, measure, normalisation, interval and kind (`exemplar`, `centroid`, `within_category`,
        `within_category_mean`) with mean, ci_low, ci_high, ci_method, mean_r, n_networks and n_network_pairs. An
        interval is null if there are too few networks for it. mean_r is the mean of signed r: look at it if there are
        few categories, because r squared of short vectors is large by chance.

    Raises
    ------
    StudyError
        For an unknown name, fewer than two networks, or arrays that do not match. Also for intervals over stimuli with
        a cocktail blank.
    """
    methods = [interval] if isinstance(interval, str) else list(interval)
    _check_known("interval", methods, INTERVALS)
    _check_known("normalisation", normalisations, NORMALISATIONS)
    _check_resampled(methods, normalisations, n_resamples)
    networks, labels = _checked(activations, categories)
    compared = _compare(networks, labels, measures, normalisations)
    resamples = None
    if not RESAMPLED_STIMULI.isdisjoint(methods):
        resamples = _resample_stimuli(networks, labels, measures, n_resamples or STIMULUS_RESAMPLES, seed)
    summary = summarise_consistency(compared, resamples, Bootstrap(seed, n_resamples or RESAMPLES))
    rows = summary[summary["ci_method"].isin(methods)]
    return rows[COLUMNS].reset_index(drop=True)


def pairs(
    activations: Activations,
    categories: ArrayLike | None = None,
    *,
    measures: Sequence[str] = ("correlation",),
    normalisations: Sequence[str] = ("none",),
) -> pd.DataFrame:
    """Return the consistency of each pair of networks in each layer.

    Parameters
    ----------
    activations, categories, measures, normalisations
        As in `consistency`.

    Returns
    -------
    DataFrame
        One row per layer, measure, normalisation, kind and pair: seed_a, seed_b (the keys of `activations`), signed r,
        consistency r squared, the number of RDM entries and of those undefined.
    """
    networks, labels = _checked(activations, categories)
    rows = _compare(networks, labels, measures, normalisations)
    names = dict(enumerate(networks))
    rows = rows.assign(seed_a=rows["seed_a"].map(names), seed_b=rows["seed_b"].map(names))
    return rows[PAIR_COLUMNS].reset_index(drop=True)


def consistency_of_rdms(
    rdms: "RDMs",
    *,
    network: str = "seed",
    layer: str = "layer",
    interval: str | Sequence[str] = "jackknife",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the mean consistency of networks in each layer, from an object of rsatoolbox.

    Parameters
    ----------
    rdms
        RDMs of the same stimuli, one for each network and layer. Entries that are NaN in either RDM of a pair are left
        out.
    network, layer
        Descriptors of RDMs that name the network and the layer. Layers are in the order of their first RDMs.
    interval
        As in `consistency`, without those over stimuli: they need activations.
    n_resamples, seed
        Of the bootstraps.

    Returns
    -------
    DataFrame
        As `consistency`, of the kind exemplar.

    Raises
    ------
    StudyError
        For something else than RDMs of rsatoolbox, an unknown name, or networks that do not have one RDM in each layer.
    """
    methods = [interval] if isinstance(interval, str) else list(interval)
    _check_known("interval", methods, [name for name in INTERVALS if name not in RESAMPLED_STIMULI])
    _check_resampled(methods, (), n_resamples)
    if not hasattr(rdms, "rdm_descriptors"):
        raise StudyError(
            f"rdms: found {type(rdms).__name__}, expected an object of rsatoolbox, whose descriptors name networks and "
            "layers."
        )
    for name in (network, layer):
        _check_known("descriptor of RDMs", [name], list(rdms.rdm_descriptors))
    places = _places(rdms, network, layer)
    n_networks = len(next(iter(places.values())))
    if n_networks < 2:
        raise StudyError(f"rdms: found {n_networks} network, expected at least two.")
    comparison, normalisation = Comparison(), str(rdms.descriptors.get("normalisation", "none"))
    for index, (name, of_networks) in enumerate(places.items()):
        rows = pair_rows(range(n_networks), agreement(rdms.dissimilarities[of_networks]))
        keys = UNUSED_KEYS | {"layer": name, "layer_index": index, "measure": str(rdms.dissimilarity_measure)}
        comparison.add({**keys, "normalisation": normalisation, "kind": "exemplar"}, {"consistency": rows})
    compared = comparison.table("consistency", [*UNUSED_KEYS, "dropout_samples", *PAIR_COLUMNS])
    summary = summarise_consistency(compared, None, Bootstrap(seed, n_resamples))
    return summary[summary["ci_method"].isin(methods)][COLUMNS].reset_index(drop=True)


def _places(rdms: "RDMs", network: str, layer: str) -> dict[Hashable, list[int]]:
    """Return the places of the networks' RDMs in each layer, in one order of networks."""
    names, layers = (list(rdms.rdm_descriptors[name]) for name in (network, layer))
    networks, found = list(dict.fromkeys(names)), {}
    for name in dict.fromkeys(layers):
        own = [at for at, other in enumerate(layers) if other == name]
        places = {names[at]: at for at in own}
        if len(own) > len(places):
            raise StudyError(
                f"rdms: layer {name} has {len(own)} RDMs of {len(places)} networks, expected one of each"
                f"{_selection(rdms, own, (network, layer))}."
            )
        if missing := [str(other) for other in networks if other not in places]:
            raise StudyError(f"rdms: layer {name} has no RDM of {network} {abridged(missing)}, expected one of each.")
        found[name] = [places[other] for other in networks]
    return found


def _selection(rdms: "RDMs", places: Sequence[int], keys: Sequence[str]) -> str:
    """Return how to select RDMs by a descriptor that differs among some, other than those that identify them."""
    for name, values in rdms.rdm_descriptors.items():
        differing = {str(values[at]): values[at] for at in places}
        if name not in (*keys, "index", "layer_index") and 1 < len(differing) < len(places):
            last = np.array([*differing.values()][-1]).item()
            return f"; select one {name} first: rdms.subset({name!r}, {last!r})"
    return ""


def outside(
    activations: Activations,
    rdms: str | Path | ArrayLike,
    stimuli: Sequence[str] | None = None,
    *,
    categories: ArrayLike | None = None,
    comparisons: Sequence[str] = ("spearman", "pearson"),
    measure: str = "correlation",
    squared: bool = False,
    n_resamples: int = STIMULUS_RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the RDMs of networks with those of brains, of behaviour or of other models (methods 13).

    Parameters
    ----------
    activations
        As in `consistency`.
    rdms
        A file of a kind that `exchange.outside_files.read_outside` names. Its stimuli are matched by name. Those
        without a match are left out, and a warning names them. Or an array of the same n stimuli in the same order:
        (n, n), (S, n, n), (P,) or (S, P) for S subjects.
    stimuli
        (n,) names of the stimuli; needed for a file.
    categories
        (n,) category of each stimulus, within which stimuli are resampled; None: among all.
    comparisons
        `pearson`, `spearman`, `rho_a`, `kendall_tau_a`, `cosine` or `whitened_cosine`. The last two have no intervals
        over stimuli but for `cosine`.
    measure
        Dissimilarity measure of the networks' RDMs, as in `rdm`.
    squared
        Whether `rdms` are squared distances, which `whitened_cosine` needs.
    n_resamples, seed
        Of the stimuli.

    Returns
    -------
    DataFrame
        One row per layer, comparison and interval method. `mean` is over networks and subjects, `ensemble` is the value
        of the mean RDM of the networks. `ceiling_low` and `ceiling_high` are the noise ceiling. `ci_method`: interval
        for new `networks`, `stimuli` or `subjects`, or for `all` of them.

    Raises
    ------
    StudyError
        For an unknown name, RDMs that do not fit, or fewer than five stimuli in common.
    """
    _check_known("comparison", comparisons, COMPARISONS)
    _check_known("measure", [measure], MEASURES)
    _check_resampled((), (), n_resamples)
    if "whitened_cosine" in comparisons and not squared:
        raise StudyError("whitened_cosine compares squared distances; set squared=True if `rdms` are such.")
    networks, labels = _checked(activations, categories)
    theirs = _outside(rdms, stimuli, len(labels))
    of_matched = labels[theirs.places]
    weights = stimulus_resampling.draws(of_matched, n_resamples, seed)
    found, ceilings = [], {}
    for place, layer in enumerate(next(iter(networks.values()))):
        geometries = [network[layer] for network in networks.values()]
        ours = vectors_of(geometries, measure, theirs.places)
        for comparison in comparisons:
            keys = {"file": theirs.name, "comparison": comparison, "layer": layer, "layer_index": place}
            found.append(compare_outside(ours, theirs, keys | {"measure": measure}, weights))
            ceilings[theirs.name, comparison] = noise_ceiling(theirs.vectors, comparison)
    return pd.DataFrame(list(outside_summaries.summary_rows(found, ceilings))).drop(columns="file")


def _outside(rdms: str | Path | ArrayLike, stimuli: Sequence[str] | None, n_stimuli: int) -> Outside:
    """Return RDMs from outside for the stimuli that they share with the activations."""
    if isinstance(rdms, str | Path):
        if stimuli is None or len(stimuli) != n_stimuli:
            raise StudyError(f"stimuli: expected {n_stimuli} names, one for each stimulus of the activations.")
        read = outside_files.read_outside(Path(rdms))
        match = outside_files.match_names(list(map(str, stimuli)), read, str(rdms))
        if left_out := match.sentence(str(rdms)):
            warnings.warn(left_out, stacklevel=3)
        return Outside(str(rdms), read.subjects, read.of_stimuli(match.of_file), np.array(match.of_study))
    vectors = outside_files.as_vectors(np.asarray(rdms), n_stimuli, Path("rdms"))
    subjects = tuple(str(place) for place in range(len(vectors)))
    return Outside("", subjects, vectors, np.arange(n_stimuli))


def similarity(first: ArrayLike, second: ArrayLike, comparator: str, *, measure: str = "correlation") -> float:
    """Return the similarity of two networks' representations of the same stimuli in one layer (methods 5).

    Parameters
    ----------
    first, second
        (n, ...) activations to the same n stimuli; axes behind the first are flattened. The networks may differ in
        their number of units.
    comparator
        `r2`, `r`, `spearman` or `cosine` compare RDMs. `cka`, `cka_debiased`, `cka_correlation` and `procrustes`
        compare the inner products of centred patterns.
    measure
        Dissimilarity measure of RDMs, as in `rdm`.

    Returns
    -------
    float
        NaN where it is not defined. Stimuli that a network does not define are left out for both: silent patterns, or
        constant patterns for `cka_correlation`. Fewer than four stimuli have no CKA and no Procrustes similarity.

    Raises
    ------
    StudyError
        For an unknown name, activations that are not finite, or different numbers of stimuli.
    """
    _check_known("comparator", [comparator], comparators.COMPARATORS)
    _check_known("measure", [measure], MEASURES)
    geometries = [
        measure_geometry(_array(values, where), name=where) for values, where in ((first, "first"), (second, "second"))
    ]
    if geometries[0].n_stimuli != geometries[1].n_stimuli:
        found = geometries[1].n_stimuli
        raise StudyError(f"second: found {found} stimuli, expected {geometries[0].n_stimuli} as in first.")
    return float(comparators.similarities(geometries, comparator, measure).values[0, 1])


def cka(first: ArrayLike, second: ArrayLike, *, debiased: bool = True) -> float:
    """Return the linear centred kernel alignment of two networks in one layer (Kornblith et al., 2019).

    Parameters
    ----------
    first, second
        As in `similarity`.
    debiased
        Whether to remove the bias that CKA has if units are more than stimuli (Song et al., 2012). The mean is then 0
        for independent patterns, and a value can be negative.
    """
    return similarity(first, second, "cka_debiased" if debiased else "cka")


def procrustes(first: ArrayLike, second: ArrayLike) -> float:
    """Return the Procrustes similarity of two networks in one layer: 1 if one is a rotated, scaled copy of the other.

    Its arc cosine is the angular Procrustes distance.

    Parameters
    ----------
    first, second
        As in `similarity`.
    """
    return similarity(first, second, "procrustes")


def _compare(
    networks: Mapping[Hashable, Mapping[str, Geometry]],
    labels: NDArray,
    measures: Sequence[str],
    normalisations: Sequence[str],
) -> pd.DataFrame:
    """Return the rows of table `consistency` for networks that are numbered from 0."""
    _check_known("measure", measures, MEASURES)
    _check_known("normalisation", normalisations, NORMALISATIONS)
    comparison = Comparison()
    for place, layer in enumerate(next(iter(networks.values()))):
        geometries = dict(enumerate(network[layer] for network in networks.values()))
        chosen = {name: NORMALISATIONS[name] for name in normalisations}
        keys = UNUSED_KEYS | {"layer": layer, "layer_index": place}
        comparison.add(keys, compare_layer(geometries, labels, measures, chosen))
    return comparison.table("consistency", [*UNUSED_KEYS, "dropout_samples", *PAIR_COLUMNS])


def _resample_stimuli(
    networks: Mapping[Hashable, Mapping[str, Geometry]],
    labels: NDArray,
    measures: Sequence[str],
    n_resamples: int,
    seed: int,
) -> StimulusResamples:
    """Return consistencies on resampled stimuli, as the workflow draws them."""
    if not stimulus_resampling.can_be_resampled(labels):
        raise StudyError("categories: resampling stimuli needs at least two stimuli of each category.")
    weights = stimulus_resampling.draws(labels, n_resamples, seed)
    values = {}
    for layer in next(iter(networks.values())):
        geometries = [network[layer] for network in networks.values()]
        drawn = stimulus_resampling.resample_stimuli(geometries, labels, measures, weights)
        values |= {(measure, kind, layer): resampled for (measure, kind), resampled in drawn.items()}
    return StimulusResamples(0, tuple(range(len(networks))), len(labels), values)


def _checked(
    activations: Activations, categories: ArrayLike | None
) -> tuple[dict[Hashable, dict[str, Geometry]], NDArray]:
    """Return geometries by network and layer, and a category for each stimulus."""
    if not isinstance(activations, Mapping) or len(activations) < 2:
        found = len(activations) if isinstance(activations, Mapping) else type(activations).__name__
        raise StudyError(f"activations: found {found}, expected a dict of at least two networks.")
    for name, arrays in activations.items():
        if not isinstance(arrays, Mapping):
            found = type(arrays).__name__
            raise StudyError(f"activations of network {name}: found {found}, expected a dict of layers and arrays.")
    layers = list(next(iter(activations.values())))
    networks, n_stimuli = {}, None
    for name, arrays in activations.items():
        if list(arrays) != layers:
            raise StudyError(f"activations of network {name}: found layers {list(arrays)}, expected {layers}.")
        networks[name] = {}
        for layer, array in arrays.items():
            where = f"activations of network {name}, layer {layer}"
            patterns = _array(array, where)
            n_stimuli = n_stimuli or len(patterns)
            if len(patterns) != n_stimuli:
                raise StudyError(f"{where}: found {len(patterns)} stimuli, expected {n_stimuli}.")
            networks[name][layer] = measure_geometry(patterns, name=where)
    if not layers:
        raise StudyError("activations: found no layers, expected at least one.")
    return networks, _labels(categories, n_stimuli or 0)


def _labels(categories: ArrayLike | None, n_stimuli: int) -> NDArray:
    """Return the category of each stimulus; without categories all are of one."""
    labels = np.zeros(n_stimuli, np.int64) if categories is None else np.asarray(categories)
    if labels.shape != (n_stimuli,):
        raise StudyError(f"categories: found shape {labels.shape}, expected one for each of {n_stimuli} stimuli.")
    unknown = np.zeros(0) if categories is None else pd.isna(np.asarray(categories, dtype=object))  # nan is no text yet
    if unknown.any():
        raise StudyError(f"categories: found no category at place {unknown.argmax()}, expected one for each stimulus.")
    return labels


def _array(values: ArrayLike, where: str) -> NDArray[np.floating]:
    """Return activations as an array of fractions with at least two stimuli."""
    if np.ma.is_masked(values):
        raise StudyError(f"{where}: found masked values, expected a value of each unit for each stimulus.")
    try:
        array = np.asarray(values)
    except (RuntimeError, TypeError, ValueError) as problem:  # of torch: with gradients, bfloat16, on a GPU
        raise StudyError(
            f"{where}: found {type(values).__name__}, which numpy cannot read ({problem}); expected an array. Of a "
            "tensor of torch it is tensor.detach().float().cpu().numpy()."
        ) from None
    if array.dtype.kind in "iu" and ((array > EXACT) | (array < -EXACT if array.dtype.kind == "i" else False)).any():
        raise StudyError(f"{where}: found an integer beyond 2**53, expected integers that float64 holds.")
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f" or array.ndim < 2 or len(array) < 2 or not array[0].size:
        found = f"{array.dtype} of shape {array.shape}"
        raise StudyError(f"{where}: found {found}, expected real numbers of at least two stimuli x units.")
    return array


def _check_resampled(methods: Sequence[str], normalisations: Sequence[str], n_resamples: int | None) -> None:
    """Refuse intervals that are not computed, and numbers of resamples below 1."""
    over_stimuli = [method for method in methods if method in RESAMPLED_STIMULI]
    blank = [name for name in normalisations if name != "none"]
    if over_stimuli and blank:
        raise StudyError(
            f"interval: found {over_stimuli[0]!r} with the normalisation {blank[0]!r}, expected none; "
            "intervals over stimuli are computed without a cocktail blank."
        )
    if n_resamples is not None and (not isinstance(n_resamples, int | np.integer) or n_resamples < 1):
        raise StudyError(f"n_resamples: found {n_resamples!r}, expected an integer of at least 1.")


def _check_known(what: str, names: Sequence[str], known: Sequence[str] | Mapping) -> None:
    """Refuse names that are not known."""
    if isinstance(names, str):
        raise StudyError(f"{what}s: found the text {names!r}, expected a list of names.")
    if not names:
        raise StudyError(f"{what}s: found no name, expected one or more of {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise StudyError(f"{what}: found {name!r}, expected one of {', '.join(known)}.")
