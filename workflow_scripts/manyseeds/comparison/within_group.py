"""Comparison of instances, layer by layer: tables of consistency, random grouping and clustering."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison import consistency
from manyseeds.comparison.clustering import category_clustering_index
from manyseeds.comparison.consistency import Agreement
from manyseeds.io.tables import with_columns
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import NORMALISATIONS, Geometry, centroids, pair_indices
from manyseeds.representations.measures import rdm

BAND = (0.025, 0.975)
"""Quantiles of the band over random partitions."""

LAYER_KEYS = ("architecture", "condition", "epoch", "layer", "layer_index", "measure", "normalisation")
BAND_COLUMNS = (*LAYER_KEYS, "ci_low", "ci_high", "n_resamples")
"""Columns of the rows `random_grouping_bands`."""

Tables = dict[str, pd.DataFrame]

GeometryFiles = Mapping[int, Path | str]
"""Files of geometries by seed."""


class Comparison:
    """The tables of a group of instances, collected layer by layer."""

    def __init__(self) -> None:
        self._rows: dict[str, list[pd.DataFrame]] = {}

    def add(self, keys: Mapping[str, str | int], rows: Tables) -> None:
        """Add rows of one layer; `keys` are the columns that name epoch and layer."""
        for table, frame in rows.items():
            self._rows.setdefault(table, []).append(frame.assign(**keys))

    def table(self, name: str, columns: Iterable[str], **group: str) -> pd.DataFrame:
        """Return a table with the keys of its group and columns in the given order; it may have no rows."""
        frames = [frame for frame in self._rows.get(name, []) if len(frame)]
        rows = pd.concat(frames or [pd.DataFrame()], ignore_index=True).assign(**group)
        return with_columns(rows, columns, name)

    def extend(self, other: Self) -> None:
        """Add all rows of another comparison."""
        for table, frames in other._rows.items():
            self._rows.setdefault(table, []).extend(frames)


def compare_group(
    files: Mapping[int, GeometryFiles],
    categories: ArrayLike,
    measures: Sequence[str],
    partitions: NDArray[np.int64],
    partition_measures: Sequence[str],
    report: Callable[[str], None],
) -> Comparison:
    """Compare the instances of a group, layer by layer, at all its epochs.

    Random groups are compared at the last epoch only.

    Parameters
    ----------
    files
        Geometry files of the accepted instances, by epoch in ascending order. Without instances nothing is compared.
    categories, measures
        As in `compare_layer`.
    partitions, partition_measures
        As in `compare_random_groups`.
    report
        Called with one line for each layer.
    """
    comparison = Comparison()
    for epoch, instances in files.items():
        for layer, place in _layers(instances):
            keys = {"epoch": epoch, "layer": layer, "layer_index": place}
            geometries = _load(instances, layer)
            comparison.add(keys, compare_layer(geometries, categories, measures))
            if epoch == max(files):
                comparison.add(keys, compare_random_groups(geometries, partitions, partition_measures))
            report(f"epoch {epoch}, {layer}: {len(geometries)} networks")
    return comparison


def compare_untrained(
    instances: GeometryFiles, categories: ArrayLike, measures: Sequence[str], report: Callable[[str], None]
) -> Comparison:
    """Compare the instances of a group before training, by layer, without cocktail blank (methods 8).

    Parameters
    ----------
    instances
        Geometry files of the accepted instances at epoch 0. Without instances nothing is compared.
    categories, measures
        As in `compare_layer`.
    report
        Called with one line for each layer.

    Returns
    -------
    Comparison
        Only its table `consistency` has rows.
    """
    comparison = Comparison()
    raw = {"none": NORMALISATIONS["none"]}
    for layer, place in _layers(instances):
        rows = compare_layer(_load(instances, layer), categories, measures, raw)["consistency"]
        comparison.add({"epoch": 0, "layer": layer, "layer_index": place}, {"consistency": rows})
        report(f"before training, {layer}: {len(instances)} networks")
    return comparison


def compare_dropout_samples(
    samples: Sequence[GeometryFiles],
    epoch: int,
    categories: ArrayLike,
    measures: Sequence[str],
    report: Callable[[str], None],
) -> Comparison:
    """Compare the instances of a group layer by layer, by RDMs averaged over dropout samples.

    Parameters
    ----------
    samples
        Geometry files of the accepted instances for each sample. Without samples nothing is compared.
    epoch
        Epoch of these files.
    categories
        (n,) category of each stimulus.
    measures
        Names of the dissimilarity measures.
    report
        Called with one line for each layer.
    """
    comparison = Comparison()
    for layer, place in _layers(samples[0] if samples else {}):
        keys = {"epoch": epoch, "layer": layer, "layer_index": place}
        for measure in measures:  # read again for each measure: memory holds the RDMs of all samples by one measure
            geometries = (_load(instances, layer) for instances in samples)
            comparison.add(keys, compare_averages(geometries, categories, measure))
            report(f"{layer}, {measure}: RDMs averaged over up to {len(samples)} dropout samples")
    return comparison


def _layers(instances: GeometryFiles) -> Iterable[tuple[str, int]]:
    """Return the layers of the first instance with their places; empty without instances."""
    return geometry_files.layer_indices(next(iter(instances.values()))).items() if instances else ()


def _load(instances: GeometryFiles, layer: str) -> dict[int, Geometry]:
    """Return one layer's geometries by seed, in ascending order."""
    return {seed: geometry_files.load_geometry(instances[seed], layer) for seed in sorted(instances)}


def compare_layer(
    geometries: Mapping[int, Geometry],
    categories: ArrayLike,
    measures: Sequence[str],
    normalisations: Mapping[str, Callable[[Geometry], Geometry]] = NORMALISATIONS,
) -> Tables:
    """Compare one layer's RDMs between all pairs of networks, and measure category clustering in each.

    Parameters
    ----------
    geometries
        Raw geometries by seed, in ascending order, of the same n stimuli.
    categories
        (n,) category of each stimulus.
    measures
        Names of the dissimilarity measures.
    normalisations
        Functions that are applied to the patterns before any measure, by name.

    Returns
    -------
    dict
        Rows of the tables `consistency` and `clustering`, without the keys of group, epoch and layer. Stimuli of a
        single category have no clustering.
    """
    rows: dict[str, list[pd.DataFrame]] = {"consistency": [], "clustering": []}
    networks = list(geometries.values())
    for normalisation, normalise in normalisations.items():
        for measure in measures:
            keys = {"measure": measure, "normalisation": normalisation}
            vectors, centroid_vectors = consistency.stacked_rdms(networks, normalise, categories, measure)
            if consistency.has_categories(categories):
                rows["clustering"].append(_clustering_rows(geometries, vectors, categories).assign(**keys))
            for kind, agreement in consistency.agreements(vectors, centroid_vectors, categories).items():
                rows["consistency"].append(pair_rows(geometries, agreement).assign(**keys, kind=kind))
    return {table: pd.concat(frames, ignore_index=True) for table, frames in rows.items() if frames}


def compare_averages(samples: Iterable[Mapping[int, Geometry]], categories: ArrayLike, measure: str) -> Tables:
    """Compare one layer's RDMs averaged over k of the dropout samples, for k = 1, 2, ... (methods 7).

    Parameters
    ----------
    samples
        For each sample the raw geometries by seed, in ascending order, of the same n stimuli under the same dropout
        masks. Only one sample's geometries are held at a time, but the RDMs of all samples: S N P float64 values for S
        samples, N networks and P pairs of stimuli.
    categories
        (n,) category of each stimulus.
    measure
        Name of the dissimilarity measure.

    Returns
    -------
    dict
        Rows of the table `consistency`, of kinds exemplar and centroid, without the keys of group, epoch and layer.
        Stimuli of a single category have no centroids to compare.
    """
    seeds: list[int] = []
    rdms: dict[str, list[NDArray[np.float64]]] = {"exemplar": [], "centroid": []}
    for geometries in samples:
        seeds = list(geometries)
        rdms["exemplar"].append(np.stack([rdm(geometry, measure) for geometry in geometries.values()]))
        if not consistency.has_categories(categories):
            continue
        means = [centroids(geometry, categories) for geometry in geometries.values()]
        rdms["centroid"].append(np.stack([rdm(mean, measure) for mean in means]))
    rows = [
        pair_rows(seeds, agreement, n_samples).assign(measure=measure, normalisation="none", kind=kind)
        for kind, sampled in rdms.items()
        if sampled
        for n_samples, agreement in enumerate(agreements_of_averages(sampled), start=1)
    ]
    return {"consistency": pd.concat(rows, ignore_index=True)} if rows else {}


def agreements_of_averages(samples: Sequence[NDArray[np.float64]]) -> list[Agreement]:
    """Return the agreement of RDMs averaged over k = 1, 2, ..., S samples: the mean over cyclic windows.

    A window of k samples starts at each of the S samples and wraps round. RDMs are averaged within a window, entry by
    entry over defined values; r and consistency are then averaged over windows. For k = S all windows are the same.

    Parameters
    ----------
    samples
        RDM vectors (N, P) of the networks for each sample, NaN where undefined.

    Returns
    -------
    By k, the means over windows. `n_undefined` is the largest of the windows.
    """
    n = len(samples)
    windows: list[list[Agreement]] = [[] for _ in samples]
    for start in range(n):
        average = DefinedMean()
        for place in range(n if start == 0 else n - 1):
            average.add(samples[(start + place) % n])
            windows[place].append(consistency.agreement(average.value()))
    return [consistency.mean_agreement(consistency.stacked(found)) for found in windows]


class DefinedMean:
    """Running mean of arrays of one shape, entry by entry over defined values."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | float = 0.0
        self._count: NDArray[np.int64] | int = 0

    def add(self, values: NDArray[np.float64]) -> None:
        """Include one more array in the mean."""
        defined = np.isfinite(values)
        self._sum = self._sum + np.where(defined, values, 0.0)
        self._count = self._count + defined

    def value(self) -> NDArray[np.float64]:
        """Return the mean of the arrays so far; NaN where none was defined."""
        return np.divide(self._sum, self._count, out=np.full(np.shape(self._sum), np.nan), where=self._count > 0)


def compare_random_groups(
    geometries: Mapping[int, Geometry], partitions: NDArray[np.int64], measures: Sequence[str]
) -> Tables:
    """Compare one layer's RDMs of the centroids of random groups: the control of centroid consistency.

    Parameters
    ----------
    geometries
        Raw geometries by seed, in ascending order.
    partitions
        (B, n) from `consistency.random_partitions`.
    measures
        Names of the dissimilarity measures.

    Returns
    -------
    dict
        Rows without the keys of group, epoch and layer. Tables `consistency` (means over partitions) and
        `random_grouping` (one row per partition, the mean over pairs of networks). Rows `random_grouping_bands` are the
        range of 95 % of all values of one pair under one partition. Empty for fewer than two networks, and for stimuli
        of a single category: all of them would be one group.
    """
    if len(geometries) < 2 or not consistency.has_categories(partitions):
        return {}
    rows: dict[str, list[pd.DataFrame]] = {"consistency": [], "random_grouping": [], "random_grouping_bands": []}
    for measure, agreement in consistency.random_centroid_agreement(
        list(geometries.values()), partitions, measures
    ).items():
        keys = {"measure": measure, "normalisation": "none"}
        mean = pair_rows(geometries, consistency.mean_agreement(agreement))
        rows["consistency"].append(mean.assign(**keys, kind="random_centroid"))
        rows["random_grouping"].append(_partition_rows(agreement).assign(**keys))
        rows["random_grouping_bands"].append(_band_row(agreement).assign(**keys))
    return {table: pd.concat(frames, ignore_index=True) for table, frames in rows.items() if frames}


def pair_rows(seeds: Iterable[int], agreement: Agreement, dropout_samples: int = 0) -> pd.DataFrame:
    """Return one row per pair of networks."""
    seeds = np.array(list(seeds), dtype=np.int64)
    first, second = pair_indices(len(seeds))
    return pd.DataFrame(
        {
            "dropout_samples": dropout_samples,
            "seed_a": seeds[first],
            "seed_b": seeds[second],
            "n_entries": agreement.n_entries,
            "n_undefined": agreement.n_undefined,
            "r": agreement.r,
            "consistency": agreement.consistency,
        }
    )


def _partition_rows(agreement: Agreement) -> pd.DataFrame:
    """Return one row per random partition."""
    return pd.DataFrame(
        {
            "partition": np.arange(len(agreement.consistency)),
            "consistency": consistency.mean_along_first_axis(agreement.consistency.T),
            "n_network_pairs": np.isfinite(agreement.consistency).sum(axis=1),
        }
    )


def _band_row(agreement: Agreement) -> pd.DataFrame:
    """Return the band over partitions and pairs of networks; null where nothing is defined."""
    values = agreement.consistency[np.isfinite(agreement.consistency)]
    low, high = np.quantile(values, BAND) if values.size else (np.nan, np.nan)
    return pd.DataFrame({"ci_low": [low], "ci_high": [high], "n_resamples": [values.size]})


def _clustering_rows(seeds: Iterable[int], vectors: NDArray[np.float64], categories: ArrayLike) -> pd.DataFrame:
    """Return one row per network."""
    values = [category_clustering_index(vector, categories) for vector in vectors]
    return pd.DataFrame(values, columns=["across", "within", "cci"]).assign(seed=list(seeds))
