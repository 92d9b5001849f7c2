"""The last layer compared again with other stimuli or other networks: how far consistency depends on these choices.

These are the observations of the table `robustness` (methods 5). One variation leaves out stimuli whose files are not
the original ones. The other keeps networks that the collapse rule rejects only because they never predict some
category. Mehrer et al. (2020) may have kept such networks.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from manyseeds.comparison.within_group import Comparison, compare_layer
from manyseeds.io.files import REJECTED
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import Geometry, restricted
from manyseeds.training.collapse import ACCEPTED, MISSING

LOSSLESS_STIMULI, WITH_MISSING_CATEGORY = "lossless_stimuli", "with_missing_category"
"""Values of the column `variation`."""

KINDS = ("exemplar", "centroid")
"""Kinds of RDM entries that are compared."""

MeasureRejected = Callable[[Mapping[int, Path], str], Mapping[int, Geometry]]
"""Returns the geometries of one layer of networks, given their weights by seed."""


def kept_without_rule(attempts: Mapping[int, Path]) -> dict[int, Path | None]:
    """Return the networks of a group as if no attempt had been rejected for a missing category, by seed.

    An attempt that was given up before its last epoch has no weights, and stays rejected.

    Parameters
    ----------
    attempts
        Table of attempts of each instance, beside its published weights.

    Returns
    -------
    dict
        Weights of the first attempt that was rejected for this rule alone; None: the weights of the last attempt.
        Seeds without any such network are left out.
    """
    kept: dict[int, Path | None] = {}
    for seed, path in attempts.items():
        outcomes = pd.read_parquet(path).sort_values("attempt").set_index("attempt")["outcome"]
        missing = [path.with_name(REJECTED.format(attempt)) for attempt in outcomes.index[outcomes == MISSING]]
        weights = next((file for file in missing if file.exists()), None)
        if weights or outcomes.iloc[-1] in (ACCEPTED, MISSING):
            kept[seed] = weights
    return kept


def compare_variations(
    files: Mapping[int, Path | str],
    accepted: list[int],
    kept: Mapping[int, Path | None],
    measure_rejected: MeasureRejected,
    stimuli: pd.DataFrame,
    measures: list[str],
    epoch: int,
) -> Comparison:
    """Compare the instances of a group in the last layer, once for each variation that changes anything.

    Parameters
    ----------
    files
        Geometry files at the last epoch, by seed, of all instances.
    accepted
        Seeds of the accepted instances.
    kept
        Result of `kept_without_rule`; empty if the training is not known.
    measure_rejected
        Measures the networks whose weights `kept` names.
    stimuli
        Table of stimuli.
    measures
        Names of the dissimilarity measures.
    epoch
        The last epoch.

    Returns
    -------
    Comparison
        Its table `consistency` has the further column `variation`.
    """
    places = geometry_files.layer_indices(next(iter(files.values())))
    layer = max(places, key=places.__getitem__)

    def load(seeds: list[int]) -> dict[int, Geometry]:
        return {seed: geometry_files.load_geometry(files[seed], layer) for seed in seeds}

    comparison, keys = Comparison(), {"epoch": epoch, "layer": layer, "layer_index": places[layer]}
    categories = stimuli["category"].to_numpy()
    lossless = stimuli["lossless"].fillna(True).to_numpy(dtype=bool)  # pyright: ignore[reportArgumentType] pandas-stubs
    if not lossless.all() and len(np.unique(categories[lossless])) > 1:
        fewer = {seed: restricted(geometry, lossless) for seed, geometry in load(accepted).items()}
        comparison.add(keys, _rows(LOSSLESS_STIMULI, fewer, categories[lossless], measures))
    rejected = {seed: weights for seed, weights in kept.items() if weights}
    if rejected or set(kept) - set(accepted):
        networks = load([seed for seed in kept if seed not in rejected])
        networks |= measure_rejected(rejected, layer) if rejected else {}
        comparison.add(keys, _rows(WITH_MISSING_CATEGORY, dict(sorted(networks.items())), categories, measures))
    return comparison


def _rows(
    variation: str, geometries: Mapping[int, Geometry], categories: ArrayLike, measures: list[str]
) -> dict[str, pd.DataFrame]:
    """Return the pairs of networks of one variation; none if there are fewer than two networks."""
    if len(geometries) < 2:
        return {}
    rows = compare_layer(geometries, categories, measures)["consistency"]
    return {"consistency": rows[rows["kind"].isin(KINDS)].assign(variation=variation)}
