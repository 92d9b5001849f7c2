"""Agreement of a group of networks with RDMs from outside, layer by layer (methods 13)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyseeds.comparison.outside import Compared, Outside, noise_ceiling, numbers_of, vectors_of
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import Geometry
from manyseeds.statistics import stimulus_resampling
from manyseeds.statistics.outside_resampling import compare_outside


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes
    ----------
    measures
        Dissimilarity measures of the networks' RDMs.
    comparisons
        Names in `outside.COMPARISONS`.
    layers
        Names of layers; None: all. Layers that a network does not have are left out.
    n_resamples, seed
        Of the stimuli.
    """

    measures: Sequence[str]
    comparisons: Sequence[str]
    layers: Sequence[str] | None
    n_resamples: int
    seed: int

    def weights(self, categories: NDArray) -> NDArray[np.float64]:
        """Return draws (B, m) of stimuli within categories; none if a category has a single one."""
        return stimulus_resampling.draws(categories, self.n_resamples, self.seed)


def compare_group(
    files: Sequence[Path | str],
    outsides: Sequence[Outside],
    categories: NDArray,
    plan: Plan,
    report: Callable[[str], None] = lambda _: None,
) -> list[Compared]:
    """Compare the RDMs of networks with each RDM from outside.

    Parameters
    ----------
    files
        Geometries of the networks; without any, nothing is compared.
    categories
        (n,) category of each stimulus.
    """
    of_layers = geometry_files.layer_indices(files[0]) if files else {}
    weights = [plan.weights(categories[theirs.places]) for theirs in outsides]
    for theirs, drawn in zip(outsides, weights, strict=True):
        if plan.n_resamples and not len(drawn):
            report(f"{theirs.name}: stimuli are not resampled, because a category has a single one.")
    found = []
    for layer, place in of_layers.items():
        if plan.layers is not None and layer not in plan.layers:
            continue
        geometries = [geometry_files.load_geometry(file, layer) for file in files]
        for measure in plan.measures:
            keys = {"layer": layer, "layer_index": place, "measure": measure, "normalisation": "none"}
            found += _compare_layer(geometries, list(zip(outsides, weights, strict=True)), plan.comparisons, keys)
        report(f"{layer}: {len(files)} networks, {len(outsides)} RDMs from outside")
    return found


def _compare_layer(
    geometries: Sequence[Geometry],
    outsides: Sequence[tuple[Outside, NDArray[np.float64]]],
    comparisons: Sequence[str],
    keys: dict[str, Any],
) -> list[Compared]:
    """Compare one layer by one measure. RDMs of the same stimuli are ranked once."""
    known, found = {}, []
    for theirs, weights in outsides:
        stimuli = theirs.places.tobytes()
        if stimuli not in known:
            networks = vectors_of(geometries, keys["measure"], theirs.places)
            known[stimuli] = networks, numbers_of(networks)
        networks, numbers = known[stimuli]
        for comparison in theirs.comparisons(comparisons):
            names = {"file": theirs.name, "kind": theirs.kind, "comparison": comparison}
            found.append(compare_outside(networks, theirs, names | keys, weights, numbers))
    return found


def ceilings_of(outsides: Sequence[Outside], comparisons: Sequence[str]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the noise ceiling of each RDM from outside, by its name and comparison."""
    return {
        (theirs.name, comparison): noise_ceiling(theirs.vectors, comparison)
        for theirs in outsides
        for comparison in theirs.comparisons(comparisons)
    }
