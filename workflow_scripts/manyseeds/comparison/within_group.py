"""Comparison of instances: rows of the tables on consistency, random grouping and clustering, layer by layer."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison import consistency
from manyseeds.comparison.clustering import category_clustering_index
from manyseeds.comparison.consistency import Agreement
from manyseeds.representations.geometry import NORMALISATIONS, Geometry, centroids, pair_indices
from manyseeds.representations.measures import rdm

BAND = (0.025, 0.975)
"""Quantiles of the band over random partitions."""

LAYER_KEYS = ("architecture", "condition", "epoch", "layer", "layer_index", "measure", "normalisation")
BAND_COLUMNS = (*LAYER_KEYS, "ci_low", "ci_high", "n_resamples")
"""Columns of the rows `random_grouping_bands`."""

Tables = dict[str, pd.DataFrame]


class Comparison:
    """The tables of a group of instances, collected layer by layer."""

    def __init__(self) -> None:
        self._rows: dict[str, list[pd.DataFrame]] = {}

    def add(self, keys: Mapping[str, str | int], rows: Tables) -> None:
        """Add rows of one layer; `keys` are the columns of its group, epoch and place."""
        for table, frame in rows.items():
            self._rows.setdefault(table, []).append(frame.assign(**keys))

    def table(self, name: str, columns: Iterable[str]) -> pd.DataFrame:
        """Return a table's rows with columns in the given order; without rows where there was nothing to compare."""
        frames = [frame for frame in self._rows.get(name, []) if len(frame)]
        return pd.concat(frames or [pd.DataFrame()], ignore_index=True).reindex(columns=list(columns))


def compare_layer(geometries: Mapping[int, Geometry], categories: ArrayLike, measures: Sequence[str]) -> Tables:
    """Compare one layer's RDMs between all pairs of networks, and measure how categories cluster in each.

    Parameters
    ----------
    geometries
        Raw geometries by seed, in ascending order, of the same n stimuli.
    categories
        (n,) category of each stimulus.
    measures
        Names of the dissimilarity measures.

    Returns
    -------
    dict
        Rows of the tables `consistency` and `clustering`, without the keys of group, epoch and layer.
    """
    rows: dict[str, list[pd.DataFrame]] = {"consistency": [], "clustering": []}
    for normalisation, normalise in NORMALISATIONS.items():
        normalised = [normalise(geometry) for geometry in geometries.values()]
        for measure in measures:
            keys = {"measure": measure, "normalisation": normalisation}
            vectors = np.stack([rdm(geometry, measure) for geometry in normalised])
            rows["clustering"].append(_clustering_rows(geometries, vectors, categories).assign(**keys))
            for kind, agreement in consistency.agreements(vectors, normalised, categories, measure).items():
                rows["consistency"].append(_pair_rows(geometries, agreement).assign(**keys, kind=kind))
    return {table: pd.concat(frames, ignore_index=True) for table, frames in rows.items()}


def compare_averages(
    samples: Iterable[Mapping[int, Geometry]], categories: ArrayLike, measures: Sequence[str]
) -> Tables:
    """Compare one layer's RDMs averaged over the first k dropout samples, for k = 1, 2, ... (methods 7).

    Averaged are dissimilarities, over the samples where they are defined; neither patterns nor consistencies.

    Parameters
    ----------
    samples
        For each sample in turn the raw geometries by seed, in ascending order: of the same n stimuli under the same
        dropout masks. Only one sample's are held at a time.
    categories
        (n,) category of each stimulus.
    measures
        Names of the dissimilarity measures.

    Returns
    -------
    dict
        Rows of the table `consistency`, of kinds exemplar and centroid, without the keys of group, epoch and layer.
    """
    rows: list[pd.DataFrame] = []
    averages: dict[tuple[str, str], DefinedMean] = {}
    for n_samples, geometries in enumerate(samples, start=1):
        means = [centroids(geometry, categories) for geometry in geometries.values()]
        for (kind, patterns), measure in product(
            {"exemplar": geometries.values(), "centroid": means}.items(), measures
        ):
            average = averages.setdefault((kind, measure), DefinedMean())
            average.add(np.stack([rdm(geometry, measure) for geometry in patterns]))
            agreement = consistency.agreement(average.value())
            keys = {"measure": measure, "normalisation": "none", "kind": kind}
            rows.append(_pair_rows(geometries, agreement, n_samples).assign(**keys))
    return {"consistency": pd.concat(rows, ignore_index=True)} if rows else {}


class DefinedMean:
    """Running mean of arrays of one shape, entry by entry over those where it is not NaN."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | float = 0.0
        self._count: NDArray[np.int64] | int = 0

    def add(self, values: NDArray[np.float64]) -> None:
        """Take one more array into the mean."""
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
        (B, n) of `consistency.random_partitions`.
    measures
        Names of the dissimilarity measures.

    Returns
    -------
    dict
        Rows of the tables `consistency` (means over partitions) and `random_grouping` (one row per partition, the mean
        over pairs of networks), and `random_grouping_bands`: 95 % of all values of one pair of networks under one
        partition. Without the keys of group, epoch and layer. None of fewer than two networks.
    """
    if len(geometries) < 2:
        return {}
    rows: dict[str, list[pd.DataFrame]] = {"consistency": [], "random_grouping": [], "random_grouping_bands": []}
    for measure, agreement in consistency.random_centroid_agreement(
        list(geometries.values()), partitions, measures
    ).items():
        keys = {"measure": measure, "normalisation": "none"}
        mean = _pair_rows(geometries, consistency.mean_agreement(agreement))
        rows["consistency"].append(mean.assign(**keys, kind="random_centroid"))
        rows["random_grouping"].append(_partition_rows(agreement).assign(**keys))
        rows["random_grouping_bands"].append(_band_row(agreement).assign(**keys))
    return {table: pd.concat(frames, ignore_index=True) for table, frames in rows.items() if frames}


def _pair_rows(seeds: Iterable[int], agreement: Agreement, dropout_samples: int = 0) -> pd.DataFrame:
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


def _clustering_rows(seeds: Sequence[int], vectors: NDArray[np.float64], categories: ArrayLike) -> pd.DataFrame:
    """Return one row per network."""
    values = [category_clustering_index(vector, categories) for vector in vectors]
    return pd.DataFrame(values, columns=["across", "within", "cci"]).assign(seed=list(seeds))
