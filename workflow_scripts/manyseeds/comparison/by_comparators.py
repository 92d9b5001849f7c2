"""Comparison of the instances of a group by several comparators, and the correspondence of layers (methods 5)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.comparison import comparators
from manyseeds.comparison.comparators import Similarities
from manyseeds.comparison.consistency import mean_along_first_axis
from manyseeds.errors import StudyError
from manyseeds.io.scratch import stack
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import Geometry
from manyseeds.representations.measures import rdm

Floats = NDArray[np.float64]

NOT_ACROSS_LAYERS = ("procrustes",)
"""Comparators that compare no two different layers: each such pair would need a singular value decomposition."""


TABLES = ("comparators", "correspondence")
"""Names of the tables to which comparisons lead."""


@dataclass(frozen=True)
class Variant:
    """A comparator, with a measure and a normalisation if it compares RDMs."""

    comparator: str
    measure: str | None
    normalisation: str | None


def variants(names: Sequence[str], measures: Sequence[str]) -> list[Variant]:
    """Return the named comparators: those of RDMs for each measure, without cocktail blank."""
    of_rdms = {name: name in comparators.OF_RDMS for name in names}
    return [
        Variant(name, measure, "none" if of_rdms[name] else None)
        for name in names
        for measure in (measures if of_rdms[name] else [None])
    ]


def chosen_layers(source: Path | str, wanted: Sequence[str] | None) -> dict[str, int]:
    """Return the places of the wanted layers (None: all) among those of a network's geometry file.

    Raises
    ------
    StudyError
        If the network has none of them.
    """
    places = geometry_files.layer_indices(source)
    chosen = {layer: place for layer, place in places.items() if wanted is None or layer in wanted}
    if not chosen:
        raise StudyError(
            f"Config key comparators.layers: found {', '.join(wanted or [])}, expected at least one layer of {source}: "
            f"{', '.join(places)}."
        )
    return chosen


def compare_epochs(
    files: Mapping[int, Mapping[int, Path | str]],
    wanted_layers: Sequence[str] | None,
    chosen: Sequence[Variant],
    report: Callable[[str], None],
) -> dict[str, pd.DataFrame]:
    """Compare the instances of a group at several epochs.

    Parameters
    ----------
    files
        Geometry files of the accepted instances by epoch, then by seed.
    wanted_layers, chosen, report
        As in `compare_by_comparators`, which has the result's rows.
    """
    found = [compare_by_comparators(files[epoch], epoch, wanted_layers, chosen, report) for epoch in sorted(files)]
    return {
        name: pd.concat([rows[name] for rows in found if len(rows[name])] or [pd.DataFrame()], ignore_index=True)
        for name in TABLES
    }


def compare_by_comparators(
    instances: Mapping[int, Path | str],
    epoch: int,
    wanted_layers: Sequence[str] | None,
    chosen: Sequence[Variant],
    report: Callable[[str], None],
) -> dict[str, pd.DataFrame]:
    """Compare the instances of a group at one epoch by several comparators.

    Parameters
    ----------
    instances
        Geometry files of the accepted instances by seed. Without two of them nothing is compared.
    wanted_layers
        As in `chosen_layers`.
    report
        Called with one line for each comparator.

    Returns
    -------
    dict
        Rows of `comparators`, and of `correspondence` for each pair of networks, without the keys of the group. There
        `share` is the mean of both directions.
    """
    rows: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    if len(instances) < 2:
        return {name: pd.DataFrame() for name in rows}
    seeds = sorted(instances)
    layers = chosen_layers(instances[seeds[0]], wanted_layers)
    found = {}
    for variant, similarities in _similarities([instances[seed] for seed in seeds], list(layers), chosen):
        found[variant] = similarities
        report(f"epoch {epoch}, {' '.join(filter(None, vars(variant).values()))}: {len(seeds)} networks")
    for variant in chosen:
        keys = {"epoch": epoch, **vars(variant)}
        rows["comparators"].append(_pair_rows(found[variant], layers, seeds, variant.comparator).assign(**keys))
        if variant.comparator not in NOT_ACROSS_LAYERS:
            shares = correspondence(found[variant].values, len(layers))
            rows["correspondence"].append(_share_rows(shares, layers, seeds).assign(**keys))
    return {name: pd.concat(frames, ignore_index=True) if frames else pd.DataFrame() for name, frames in rows.items()}


def _similarities(
    files: Sequence[Path | str], layers: Sequence[str], chosen: Sequence[Variant]
) -> Iterator[tuple[Variant, Similarities]]:
    """Yield the similarities of all layers of all networks (L N, L N), sorted by layer, then by network.

    Comparators that take the same vectors follow one another: vectors are computed once, and memory holds one kind.
    """
    n_points, groups = len(layers) * len(files), np.repeat(np.arange(len(layers)), len(files)).tolist()
    for source, members in groupby(sorted(chosen, key=_source), key=_source):
        if source[0] == RDMS:
            vectors = stack((rdm(geometry, source[1]) for geometry in _geometries(files, layers)), n_points)
            yield from ((variant, comparators.of_rdms(vectors, variant.comparator)) for variant in members)
        else:
            patterns = comparators.patterns_of(_geometries(files, layers), n_points, source[1])
            yield from ((variant, comparators.of_patterns(patterns, variant.comparator, groups)) for variant in members)


RDMS, PATTERNS = "rdm", "patterns"
"""What a comparator takes."""


def _source(variant: Variant) -> tuple[str, str]:
    """Return what a comparator takes: the RDMs of a measure, or patterns with the comparator that standardises them."""
    if variant.measure is not None:
        return RDMS, variant.measure
    return PATTERNS, variant.comparator if variant.comparator == "cka_correlation" else ""


def _geometries(files: Sequence[Path | str], layers: Sequence[str]) -> Iterator[Geometry]:
    """Yield geometries by layer, then by network. Each is read when it is needed, since all take much memory."""
    return (geometry_files.load_geometry(file, layer) for layer in layers for file in files)


def correspondence(similarity: Floats, n_layers: int) -> Floats:
    """Return whether the most similar layer of the other network is the same layer (K19's sanity check).

    Parameters
    ----------
    similarity
        (L N, L N) of L layers of N networks, sorted by layer, then by network.

    Returns
    -------
    ndarray
        (L, N, N) for layer l of network i: 1 if layer l of network j is the most similar one of j, 1/m if m layers are
        equally similar, else 0. NaN if the similarity of the same layers is undefined; the diagonal is meaningless.
    """
    by_layer = similarity.reshape(n_layers, -1, n_layers, similarity.shape[-1] // n_layers)
    to_layers = np.moveaxis(by_layer, 2, -1)  # (layer, network, other network, other layer)
    highest = np.max(to_layers, axis=-1, where=~np.isnan(to_layers), initial=-np.inf)
    same = np.stack([to_layers[layer, :, :, layer] for layer in range(n_layers)])
    n_highest = (to_layers == highest[..., None]).sum(axis=-1)
    share = np.where(same == highest, 1 / np.maximum(n_highest, 1), 0.0)
    return np.where(np.isnan(same), np.nan, share)


def _pair_rows(found: Similarities, layers: Mapping[str, int], seeds: Sequence[int], comparator: str) -> pd.DataFrame:
    """Return one row per layer and pair of networks."""
    i, j = np.triu_indices(len(seeds), 1)
    frames = []
    for number, (layer, place) in enumerate(layers.items()):
        at = number * len(seeds)
        values = found.values[at + i, at + j]
        keys = {"layer": layer, "layer_index": place, "seed_a": np.array(seeds)[i], "seed_b": np.array(seeds)[j]}
        angle = comparators.angle(values) if comparator == "procrustes" else np.nan
        frames.append(
            pd.DataFrame({**keys, "value": values, "angle": angle, "n_stimuli": found.n_stimuli[at + i, at + j]})
        )
    return pd.concat(frames, ignore_index=True)


def _share_rows(shares: Floats, layers: Mapping[str, int], seeds: Sequence[int]) -> pd.DataFrame:
    """Return one row per layer and pair of networks: the mean of both directions. A null layer is all layers."""
    i, j = np.triu_indices(len(seeds), 1)
    both = (shares[:, i, j] + shares[:, j, i]) / 2
    pair = {"seed_a": np.array(seeds)[i], "seed_b": np.array(seeds)[j]}
    frames = [
        pd.DataFrame({"layer": layer, "layer_index": place, **pair, "share": values})
        for (layer, place), values in zip(layers.items(), both, strict=True)
    ]
    mean = pd.DataFrame({"layer": None, "layer_index": np.nan, **pair, "share": mean_along_first_axis(both)})
    return pd.concat([*frames, mean], ignore_index=True).assign(chance=1 / len(layers))
