"""Consistency on resampled stimuli: the bootstrap of stimuli (methods 5), as matrix products.

If stimulus i is drawn w_i times, entry (i, j) of an RDM has the weight w_i w_j. Every sum of a weighted Pearson
correlation is then a quadratic form, sum_ij w_i w_j A_ij B_ij. A thousand resamples are a thousand rows of one matrix
product, so no RDM is resampled explicitly. Undefined entries (NaN) have no weight.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.spatial.distance import squareform

from manyseeds.comparison.consistency import BLOCK_VALUES, EPSILON, agreement, has_categories, mean_along_first_axis
from manyseeds.errors import StudyError
from manyseeds.io.npy import write_npz
from manyseeds.representations.geometry import Geometry, with_gram
from manyseeds.representations.measures import rdm
from manyseeds.streams import generator


def can_be_resampled(categories: np.ndarray) -> bool:
    """Return whether every category has at least two stimuli.

    A single stimulus would be drawn in every resample, as if it had no sampling error.

    Parameters
    ----------
    categories
        (n,) category of each stimulus.
    """
    return bool(np.unique(categories, return_counts=True)[1].min() > 1)


def draws(categories: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """Draw stimuli as all groups of a study share them: differences between groups are paired over stimuli.

    Parameters
    ----------
    categories
        (n,) category of each stimulus.
    seed
        `resampling.seed` of the config.

    Returns
    -------
    ndarray
        (n_resamples, n) from `stimulus_weights`; (0, n) if a category has a single stimulus.
    """
    if not can_be_resampled(categories):
        return np.empty((0, len(categories)))
    return stimulus_weights(categories, n_resamples, generator(seed, "resampling/stimuli", 0))


def stimulus_weights(categories: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw stimuli with replacement within each category.

    Parameters
    ----------
    categories
        (n,) category of each stimulus.

    Returns
    -------
    ndarray
        (n_resamples, n) float64: how often each stimulus was drawn. Within a category it sums to the category's size.
    """
    categories = np.asarray(categories)
    weights = np.empty((n_resamples, categories.size))
    for category in np.unique(categories):
        members = np.flatnonzero(categories == category)
        weights[:, members] = rng.multinomial(members.size, np.full(members.size, 1 / members.size), size=n_resamples)
    return weights


def resample_stimuli(
    geometries: Sequence[Geometry], categories: np.ndarray, measures: Sequence[str], weights: np.ndarray
) -> dict[tuple[str, str], np.ndarray]:
    """Return the consistency of all pairs of networks, in one layer, on resampled stimuli.

    Parameters
    ----------
    geometries
        One per network, of n stimuli each. A cocktail blank, if any, is applied before: that of all stimuli.
    categories
        (n,) category of each stimulus.
    measures
        Names in `measures.MEASURES`.
    weights
        (B, n) from `stimulus_weights`.

    Returns
    -------
    dict
        (measure, kind) -> (B, K), for the kinds exemplar, within_category, within_category_mean and centroid; for
        stimuli of a single category, the kind exemplar alone.
    """
    resamples = {}
    for measure in measures:
        vectors = np.stack([rdm(geometry, measure) for geometry in geometries])
        for kind, values in resample_rdms(vectors, categories, weights).items():
            resamples[measure, kind] = values
    if not has_categories(categories):
        return {key: values for key, values in resamples.items() if key[1] == "exemplar"}
    n_values = len(geometries) * np.unique(categories).size ** 2
    step = max(1, BLOCK_VALUES // n_values)  # memory holds the RDMs of few resamples if categories are many
    centroid: dict[str, list[np.ndarray]] = {measure: [] for measure in measures}
    for start in range(0, len(weights), step):
        block = [resample_centroids(geometry, categories, weights[start : start + step]) for geometry in geometries]
        for measure in measures:
            rdms = np.stack([rdm(geometry, measure) for geometry in block], axis=1)
            centroid[measure].append(agreement(rdms).consistency)
    return resamples | {(measure, "centroid"): np.concatenate(blocks) for measure, blocks in centroid.items()}


Key = tuple[str, str, str]
"""Measure, kind and layer of resampled consistencies."""


@dataclass(frozen=True)
class StimulusResamples:
    """Consistencies of a group's networks on resampled stimuli, at one epoch without cocktail blank.

    `values` maps (measure, kind, layer) to (B, K) consistencies of the pairs of `seeds`. All of them can be larger than
    memory, so those of `load_resamples` are read one by one, each time that they are asked for.
    """

    epoch: int
    seeds: tuple[int, ...]
    n_stimuli: int
    values: Mapping[Key, np.ndarray]

    def find(
        self,
        seeds: Sequence[int],
        *,
        epoch: int,
        measure: str,
        kind: str,
        layer: str,
        normalisation: str,
        dropout_samples: int = 0,
        **_: object,
    ) -> Callable[[], np.ndarray] | None:
        """Return what reads the consistencies (B, K) of a row of the consistency table; None if it was not resampled.

        Raises
        ------
        StudyError
            If the networks are not those of the table.
        """
        if (
            epoch != self.epoch
            or normalisation != "none"
            or dropout_samples
            or (measure, kind, layer) not in self.values
        ):
            return None
        if tuple(seeds) != self.seeds:
            raise StudyError(f"Resampled stimuli: found networks of seeds {self.seeds}, expected {tuple(seeds)}.")
        return lambda: self.values[measure, kind, layer]


def save_resamples(
    path: Path | str, epoch: int, seeds: Sequence[int], n_stimuli: int, drawn: Iterable[tuple[Key, np.ndarray]]
) -> None:
    """Write resamples to an NPZ file as they come, consistencies as float32.

    The rounding of float32 is far below the sampling error of the consistencies.

    Parameters
    ----------
    epoch, seeds, n_stimuli
        As in `StimulusResamples`.
    drawn
        Keys and consistencies (B, K) of the pairs of `seeds`. Memory holds those of one key.
    """

    def arrays() -> Iterator[tuple[str, np.ndarray]]:
        keys = []
        for key, values in drawn:
            yield f"values{len(keys)}", values.astype(np.float32)
            keys.append(key)
        yield "keys", np.array(keys, dtype=str).reshape(-1, 3)
        yield from (("epoch", np.array(epoch)), ("seeds", np.array(seeds)), ("n_stimuli", np.array(n_stimuli)))

    write_npz(path, arrays())


def load_resamples(path: Path | str) -> StimulusResamples:
    """Open a file of `save_resamples`. Consistencies are read as float64 when they are asked for."""
    file = np.load(path)
    keys = [(str(measure), str(kind), str(layer)) for measure, kind, layer in file["keys"]]
    seeds = tuple(int(seed) for seed in file["seeds"])
    return StimulusResamples(int(file["epoch"]), seeds, int(file["n_stimuli"]), _Stored(file, keys))


class _Stored(Mapping[Key, np.ndarray]):
    """The consistencies of an open file of `save_resamples`, by key."""

    def __init__(self, file: Mapping[str, np.ndarray], keys: Sequence[Key]) -> None:
        self._file, self._names = file, {key: f"values{place}" for place, key in enumerate(keys)}

    def __getitem__(self, key: Key) -> np.ndarray:
        return self._file[self._names[key]].astype(np.float64)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def resample_rdms(vectors: np.ndarray, categories: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the consistency of RDM vectors under weights w_i w_j of their entries.

    The entry of stimuli i != j counts w_i w_j times. A stimulus that is drawn twice is not paired with itself: the
    dissimilarity of such a pair is zero in all networks, which would inflate consistency.

    Parameters
    ----------
    vectors
        (N, P) RDM vectors of N networks, P = n (n - 1) / 2, NaN where undefined (left out pairwise).
    categories
        (n,) category of each stimulus, in any order.
    weights
        (B, n) of `stimulus_weights`.

    Returns
    -------
    dict
        exemplar, within_category, within_category_mean -> (B, K) squared correlations, NaN where undefined.
    """
    order, blocks = category_blocks(categories)
    vectors = _standardise(np.stack([_reorder(vector, order) for vector in vectors]))
    representatives = _representatives(vectors)
    weights = weights[:, order]

    within_all, between_all, per_category = np.zeros(()), np.zeros(()), []
    for block in blocks:  # one category's rows at a time: memory holds no square RDMs
        rows = [_upper_rows(vector, order.size, block) for vector in vectors]
        within, between = _block_sums(rows, representatives, weights[:, block], weights[:, block.start :])
        within_all, between_all = within_all + within, between_all + between
        per_category.append(_correlation(*within) ** 2)
    return {
        "exemplar": (_correlation(*(within_all + between_all)) ** 2).T,
        "within_category": (_correlation(*within_all) ** 2).T,
        "within_category_mean": mean_along_first_axis(np.stack(per_category)).T,
    }


def resample_centroids(geometry: Geometry, categories: np.ndarray, weights: np.ndarray) -> Geometry:
    """Return the geometry of the categories' centroids (weighted means of stimuli) for every resample.

    Parameters
    ----------
    geometry
        Geometry of n stimuli.
    categories
        (n,) category of each stimulus, in any order.
    weights
        (B, n) of `stimulus_weights`.

    Returns
    -------
    Geometry
        With a leading axis of resamples: Gram (B, C, C), row sums (B, C); categories in sorted order.
    """
    order, blocks = category_blocks(categories)
    starts = np.array([block.start for block in blocks])
    shares = weights[:, order]
    shares = shares / np.repeat(np.add.reduceat(shares, starts, axis=1), np.diff([*starts, order.size]), axis=1)
    gram = np.empty((len(weights), len(blocks), len(blocks)))
    for c, block in enumerate(blocks):
        rows = geometry.gram[np.ix_(order[block], order[block.start :])]
        entries = (shares[:, block] @ rows) * shares[:, block.start :]
        gram[:, c, c:] = np.add.reduceat(entries, starts[c:] - block.start, axis=1)
        gram[:, c:, c] = gram[:, c, c:]
    return with_gram(geometry, gram, np.add.reduceat(shares * geometry.row_sums[order], starts, axis=1))


def category_blocks(categories: np.ndarray) -> tuple[np.ndarray, list[slice]]:
    """Return an order of the stimuli in which categories are contiguous, and the slice of each category."""
    categories = np.asarray(categories)
    order = np.argsort(categories, kind="stable")
    _, starts = np.unique(categories[order], return_index=True)
    ends = [*starts[1:], categories.size]
    return order, [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _block_sums(
    rows: Sequence[np.ndarray],
    representatives: Sequence[int | None],
    row_weights: np.ndarray,
    column_weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the contribution of one category's rows to the sums of weighted correlations.

    Sums are over the entries that both networks define. Pairs with the same undefined entries share sums, and each
    distinct sum is computed once.

    Parameters
    ----------
    rows
        Per network (n_c, m), m >= n_c: from the category's stimuli to each other (upper triangle) and to stimuli of
        later categories; NaN where undefined.
    representatives
        Per network, the first network with the same undefined entries; None if all are defined.
    row_weights, column_weights
        (B, n_c) and (B, m).

    Returns
    -------
    within, between
        (6, K, B): sums of 1, x, y, x^2, y^2 and x y with weights w_i w_j, within the category and between it and later
        ones.
    """
    filled = [np.nan_to_num(row, nan=0.0) for row in rows]
    n_within = rows[0].shape[0]

    @cache
    def quadratic_forms(left_out: frozenset[int], factors: tuple[int, ...]) -> np.ndarray:
        matrix = np.triu(np.ones_like(rows[0]), 1)
        for network in left_out:
            matrix *= ~np.isnan(rows[network])
        for network in factors:
            matrix *= filled[network]
        entries = (row_weights @ matrix) * column_weights
        return np.stack([entries[:, :n_within].sum(axis=1), entries[:, n_within:].sum(axis=1)])

    pairs = list(combinations(range(len(rows)), 2))
    sums = np.empty((2, 6, len(pairs), row_weights.shape[0]))
    for k, (a, b) in enumerate(pairs):
        left_out = frozenset({representatives[a], representatives[b]} - {None})
        for term, factors in enumerate([(), (a,), (b,), (a, a), (b, b), (a, b)]):
            sums[:, term, k] = quadratic_forms(left_out, factors)
    return sums[0], sums[1]


def _upper_rows(vector: np.ndarray, n_stimuli: int, block: slice) -> np.ndarray:
    """Return rows `block` of an RDM from column `block.start` on (n_c, m), zero up to the diagonal."""
    rows = np.zeros((block.stop - block.start, n_stimuli - block.start))
    for row in range(rows.shape[0]):
        i = block.start + row
        start = i * n_stimuli - i * (i + 1) // 2
        rows[row, row + 1 :] = vector[start : start + n_stimuli - 1 - i]
    return rows


def _representatives(vectors: np.ndarray) -> list[int | None]:
    """Return for each vector the first one with the same undefined entries; None if all are defined."""
    first: dict[bytes, int] = {}
    representatives: list[int | None] = []
    for index, undefined in enumerate(np.isnan(vectors)):
        pattern = np.packbits(undefined).tobytes()
        representatives.append(first.setdefault(pattern, index) if undefined.any() else None)
    return representatives


def _reorder(vector: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return an RDM vector with its stimuli in another order."""
    if np.array_equal(order, np.arange(order.size)):
        return vector
    return squareform(squareform(vector, checks=False)[np.ix_(order, order)], checks=False)


def _standardise(vectors: np.ndarray) -> np.ndarray:
    """Return z-scores of each vector (N, P), zeros if constant, to avoid cancellation in sums."""
    centred = vectors - mean_along_first_axis(vectors.T)[:, None]
    deviation = np.sqrt(mean_along_first_axis((centred**2).T))[:, None]
    largest = np.max(np.abs(vectors), axis=1, keepdims=True, where=~np.isnan(vectors), initial=0.0)
    return centred / np.where(deviation > EPSILON * largest, deviation, np.inf)


def _correlation(
    n: np.ndarray, x: np.ndarray, y: np.ndarray, xx: np.ndarray, yy: np.ndarray, xy: np.ndarray
) -> np.ndarray:
    """Return Pearson correlations from sums of standardised entries; NaN where either side does not vary."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance_x, variance_y = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
        r = (xy / n - x / n * y / n) / np.sqrt(variance_x * variance_y)
        varies = (variance_x > EPSILON * xx / n) & (variance_y > EPSILON * yy / n)
    return np.where(varies, np.clip(r, -1, 1), np.nan)
