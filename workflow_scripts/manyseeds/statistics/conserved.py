"""What instances have in common: tables of conserved shares, agreement, and dimensions (methods 12)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import gamma, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.spatial.distance import squareform

from manyseeds.comparison import conserved
from manyseeds.comparison.conserved import Halves
from manyseeds.comparison.consistency import has_categories, pairwise_r
from manyseeds.representations.geometry import squared_distances
from manyseeds.representations.geometry_files import layer_indices, load_geometry
from manyseeds.representations.measures import rdm
from manyseeds.statistics.resampling import QUANTILES, jackknife_ends
from manyseeds.streams import generator

Floats = NDArray[np.float64]
Row = dict[str, Any]

LISTED = 200
"""Number of pairs of stimuli that are listed at each end, half of them chosen in each half of the networks."""

PAIR_SPLITS = 10
"""Largest number of splits for the reliability of pairs of stimuli, which are many."""

DIMENSION_SPLITS = 10
"""Largest number of splits for conserved dimensions, which need eigenvectors."""

TABLES = (
    "conserved",
    "stimulus_agreement",
    "category_agreement",
    "pair_agreement",
    "agreement_reliability",
    "conserved_dimensions",
)


@dataclass(frozen=True)
class Plan:
    """What is asked: the config's `conserved`, without conditions, layers and measures.

    Attributes
    ----------
    splits
        Largest number of splits of the networks, and number of splits of the stimuli.
    min_reliability
        Smallest reliability for a list of pairs of stimuli.
    dimensions
        Largest number of dimensions.
    seed
        Root of the draws.
    """

    splits: int
    min_reliability: float
    dimensions: int
    seed: int

    def halves(self, n_networks: int, most: int | None = None) -> list[Halves]:
        """Return splits of networks into halves, the same for all layers and measures."""
        draw = generator(self.seed, "conserved/networks", n_networks)
        found = conserved.halves_of(n_networks, self.splits, draw)
        return found if most is None else found[:most]

    def stimuli(self) -> np.random.Generator:
        """Return the generator of the halves of the stimuli, the same for all layers and measures."""
        return generator(self.seed, "conserved/stimuli", 0)


# Shares and ceilings, from the correlations of RDMs


def ceilings(r: Floats) -> dict[str, float]:
    """Return shares and noise ceilings of N networks from the correlations (N, N) of their RDMs.

    All follow from these: the correlation of a network with the mean of the others, and that with the mean of all
    (Nili et al. 2014), take inner products of standardised RDMs.
    """
    n, first, second = len(r), *np.triu_indices(len(r), 1)
    share, rows, total = r[first, second].mean(), r.sum(axis=1), r.sum()
    of_others = np.sqrt(np.maximum(total - 2 * rows + 1, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "share": share,
            "consistency": (r[first, second] ** 2).mean(),
            "lower": float(np.mean((rows - 1) / of_others)),
            "upper": float(np.mean(rows) / np.sqrt(total)),
            "predicted_lower": float(share * sqrt(n - 1) / np.sqrt(1 + (n - 2) * share)),
            "predicted_upper": float(np.sqrt((1 + (n - 1) * share) / n)),
            "limit": float(np.sqrt(share)),
        }


def shares(r: Floats) -> Iterator[Row]:
    """Yield the rows of the table `conserved` that follow from the correlations (N, N) of RDMs, with jackknife."""
    n = len(r)
    whole = ceilings(r)
    without = [ceilings(np.delete(np.delete(r, each, 0), each, 1)) for each in range(n)] if n > 2 else []
    for quantity, value in whole.items():
        scale = "logit" if quantity == "consistency" else "z"  # all others are correlations
        low, high = jackknife_ends(float(value), np.array([each[quantity] for each in without]), scale=scale)
        yield {"quantity": quantity, "value": value, "ci_low": low, "ci_high": high}
    eigenvalues = np.linalg.eigvalsh(r)[::-1] if np.isfinite(r).all() else np.full(n, np.nan)
    yield _row("predicted_eigenvalue_1", (1 + (n - 1) * whole["share"]) / n)
    for place, value in enumerate(eigenvalues, start=1):
        yield _row(f"eigenvalue_{place}", float(value) / n)


def _row(quantity: str, value: float) -> Row:
    return {"quantity": quantity, "value": value, "ci_low": np.nan, "ci_high": np.nan}


def chance_of_groups(n_networks: int) -> float:
    """Return the mean |cosine| of two random unit vectors in N - 1 dimensions."""
    m = n_networks - 1
    return gamma(m / 2) / (sqrt(pi) * gamma((m + 1) / 2))


# Agreement


def agreement_tables(vectors: Floats, categories: ArrayLike, stimuli: Sequence[object], plan: Plan) -> dict[str, Any]:
    """Return the rows of one layer and measure, by table.

    Parameters
    ----------
    vectors
        (N, P) RDM vectors of at least two networks.
    categories, stimuli
        (n,) category and name of each stimulus.

    Returns
    -------
    dict
        Rows of `conserved`, `stimulus_agreement`, `category_agreement`, `pair_agreement` and `agreement_reliability`,
        without keys.
    """
    matrices = np.stack([squareform(vector, checks=False) for vector in vectors])
    n_entries, defined = vectors.shape[1], ~np.isnan(vectors).any(axis=0)
    r = pairwise_r(vectors[:, defined])[0] if defined.any() else np.full((len(vectors),) * 2, np.nan)
    counts = {"n_entries": n_entries, "n_undefined": n_entries - int(defined.sum())}
    rows = [*shares(r), *_groups(matrices, categories, plan)]
    splits = plan.halves(len(vectors))
    of_stimuli, reliability = _stimuli(matrices, categories, stimuli, splits)
    of_pairs, of_pair_lists = _pairs(vectors, stimuli, splits, plan)
    return {
        "conserved": pd.DataFrame(rows).assign(**counts),
        "stimulus_agreement": of_stimuli,
        "category_agreement": pd.DataFrame(_categories(matrices, categories)),
        "pair_agreement": of_pair_lists,
        "agreement_reliability": pd.DataFrame([*reliability, of_pairs]),
    }


def _groups(matrices: Floats, categories: ArrayLike, plan: Plan) -> Iterator[Row]:
    """Yield whether a second component replicates between halves of the stimuli, and the value by chance."""
    n = len(matrices)
    if n >= conserved.FEWEST_FOR_GROUPS:
        value = conserved.replication_of_groups(matrices, categories, plan.splits, plan.stimuli())
        yield _row("second_eigenvector", value)
        yield _row("second_eigenvector_chance", chance_of_groups(n))


def _stimuli(
    matrices: Floats, categories: ArrayLike, stimuli: Sequence[object], splits: Sequence[Halves]
) -> tuple[pd.DataFrame, list[Row]]:
    """Return the agreement of each stimulus among all stimuli and within its category, and its reliability."""
    categories, n = np.asarray(categories), len(matrices)
    same = categories[:, None] == categories
    scopes = {"all": np.ones_like(same)} | ({"same_category": same} if has_categories(categories) else {})
    frames, reliabilities = [], []
    for scope, allowed in scopes.items():
        r = conserved.row_correlations(matrices, allowed.copy())
        of_halves = [
            tuple(conserved.mean_over_pairs(r, conserved.pairs_within(half, n)) for half in halves) for halves in splits
        ]
        nothing = np.full(len(categories), np.nan)
        first, second = of_halves[0] if of_halves else (nothing, nothing)
        values = {"agreement": conserved.mean_over_pairs(r), "agreement_a": first, "agreement_b": second}
        named = {"stimulus": list(stimuli), "position": range(len(categories)), "category": categories, "scope": scope}
        frames.append(pd.DataFrame(named | values))
        found = [conserved.spearman_brown(*halves) for halves in of_halves]
        reliabilities.append(_reliability(f"stimuli_{scope}", found))
    return pd.concat(frames, ignore_index=True), reliabilities


def _reliability(what: str, found: Sequence[float]) -> Row:
    return {"what": what, "reliability": float(np.mean(found)) if found else np.nan, "n_splits": len(found)}


def _categories(matrices: Floats, categories: ArrayLike) -> Iterator[Row]:
    """Yield the agreement of each block of categories, with the jackknife over networks."""
    if not has_categories(categories):
        return
    n = len(matrices)
    without = [conserved.pairs_within([each for each in range(n) if each != left], n) for left in range(n)]
    for one, other, r in conserved.block_correlations(matrices, categories):
        left = np.array([float(r[pairs].mean()) for pairs in without] if n > 2 else [], np.float64)
        low, high = jackknife_ends(float(r.mean()), left)
        yield {"category_a": one, "category_b": other, "agreement": r.mean(), "ci_low": low, "ci_high": high}


LISTS = ("most", "least")


def _pairs(
    vectors: Floats, stimuli: Sequence[object], splits: Sequence[Halves], plan: Plan
) -> tuple[Row, pd.DataFrame]:
    """Return the reliability of pairs of stimuli, and lists of the pairs that agree most and least.

    Lists are chosen in one half of the networks, with the spread in both halves; then the reverse. Without enough
    reliability there are none.
    """
    z = conserved.standardised(vectors)
    spreads = [tuple(conserved.spread_over(z, half) for half in halves) for halves in splits[:PAIR_SPLITS]]
    reliability = _reliability("pairs", [conserved.spearman_brown(*halves) for halves in spreads])
    columns = ["list", "chosen_in", "stimulus_a", "stimulus_b", "sd_a", "sd_b", "mean"]
    if not spreads or not reliability["reliability"] >= plan.min_reliability:
        return reliability, pd.DataFrame(columns=columns)
    first, second = np.triu_indices(len(stimuli), 1)
    names, means, frames = np.array(list(map(str, stimuli)), object), z.mean(axis=0), []
    for place, half in enumerate("ab"):
        for name, chosen in zip(LISTS, conserved.held_out_extremes(spreads[0][place], LISTED // 2), strict=True):
            ends = {"stimulus_a": names[first[chosen]], "stimulus_b": names[second[chosen]]}
            values = {"sd_a": spreads[0][0][chosen], "sd_b": spreads[0][1][chosen], "mean": means[chosen]}
            frames.append(pd.DataFrame({"list": name, "chosen_in": half} | ends | values))
    return reliability, pd.concat(frames, ignore_index=True)[columns]


# Dimensions


def dimension_rows(distances: Sequence[Floats], categories: ArrayLike, plan: Plan) -> pd.DataFrame:
    """Return the rows of the table `conserved_dimensions` of one layer, without keys; empty below four networks."""
    splits = plan.halves(len(distances), DIMENSION_SPLITS)
    found = conserved.conserved_dimensions(distances, categories, splits, plan.dimensions)
    if found is None:
        return pd.DataFrame()
    ratio = found.cross / found.own
    n, n_dimensions = ratio.shape
    half = special.stdtrit(n - 1, QUANTILES[1]) * ratio.std(axis=0, ddof=1) / np.sqrt(n)
    numbers = np.arange(1, n_dimensions + 1)
    return pd.DataFrame(
        {
            "q": numbers,
            "cross": found.cross.mean(axis=0),
            "own": found.own.mean(axis=0),
            "ratio": ratio.mean(axis=0),
            "ci_low": ratio.mean(axis=0) - half,
            "ci_high": ratio.mean(axis=0) + half,
            "chance": numbers / (len(distances[0]) - 1),
            "category": found.category if has_categories(categories) else np.nan,
        }
    )


# A group


def of_group(
    files: Sequence[Path | str],
    stimuli: pd.DataFrame,
    predictions: pd.DataFrame | None,
    measures: Sequence[str],
    layers: Sequence[str] | None,
    plan: Plan,
    report: Callable[[str], None],
) -> dict[str, pd.DataFrame]:
    """Return all tables of a group, by name, without its keys; empty for fewer than two networks.

    Parameters
    ----------
    files
        Geometry file of each network.
    stimuli
        Columns stimulus and category, in order; also category_name, if there are names.
    predictions
        Rows of `comparison.divergence.predicted_categories`, with the column correct; None if networks are not known.
    measures, layers
        What is analysed; None: all layers.
    report
        Called with one line for each layer.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for layer, place in layer_indices(files[0]).items() if len(files) > 1 else ():
        if layers is not None and layer not in layers:
            continue
        keys = {"layer": layer, "layer_index": place}
        for name, rows in _of_layer(files, layer, stimuli, measures, plan).items():
            parts[name].append(rows.assign(**keys))
        report(f"{layer}: {len(files)} networks")
    found = {
        name: pd.concat([rows for rows in frames if len(rows)] or [pd.DataFrame()], ignore_index=True)
        for name, frames in parts.items()
    }
    if len(found["stimulus_agreement"]):
        correct = _correct_shares(len(stimuli), predictions)
        positions = found["stimulus_agreement"]["position"].to_numpy(int)
        found["stimulus_agreement"]["correct_share"] = correct[positions]
    return found


def _of_layer(
    files: Sequence[Path | str], layer: str, stimuli: pd.DataFrame, measures: Sequence[str], plan: Plan
) -> dict[str, pd.DataFrame]:
    """Return the rows of one layer, by table."""
    categories = stimuli["category"].to_numpy()
    names = stimuli["category_name" if "category_name" in stimuli else "category"].astype(str).to_numpy()
    geometries = [load_geometry(file, layer) for file in files]
    distances = [squareform(squared_distances(geometry), checks=False) for geometry in geometries]
    to_centroids = np.mean([conserved.distances_to_centroids(each, categories) for each in distances], axis=0)
    parts: dict[str, list[pd.DataFrame]] = {}
    for measure in measures:
        vectors = np.stack([rdm(geometry, measure) for geometry in geometries])
        found = agreement_tables(vectors, names, stimuli["stimulus"].astype(str).tolist(), plan)
        found["stimulus_agreement"]["centroid_distance"] = np.tile(
            to_centroids, len(found["stimulus_agreement"]) // len(stimuli)
        )
        for name, rows in found.items():
            parts.setdefault(name, []).append(rows.assign(measure=measure, normalisation="none"))
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    return joined | {"conserved_dimensions": dimension_rows(distances, names, plan)}


def _correct_shares(n_stimuli: int, predictions: pd.DataFrame | None) -> Floats:
    """Return the share of networks (n,) that classify each stimulus correctly; NaN if that is not known."""
    if predictions is None:
        return np.full(n_stimuli, np.nan)
    return predictions.groupby("position")["correct"].mean().reindex(range(n_stimuli)).to_numpy(float)
