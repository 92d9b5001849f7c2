"""Geometries in NPZ files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from manyseeds.io.files import atomic_path
from manyseeds.representations.geometry import Geometry


def save_geometries(
    path: Path | str, geometries: Mapping[str, Geometry], layer_indices: Mapping[str, int] | None = None
) -> None:
    """Write the geometries of some layers of one instance at one epoch to an NPZ file.

    Parameters
    ----------
    geometries
        By layer, in order.
    layer_indices
        Place of each layer in its network; None: as in `geometries`. Files of earlier epochs leave out some layers.
    """
    places = {layer: place for place, layer in enumerate(geometries)} if layer_indices is None else layer_indices
    arrays = {
        "layers": np.array(list(geometries)),
        "layer_indices": np.array([places[layer] for layer in geometries]),
    }
    for layer, geometry in geometries.items():
        for field in STORED:
            arrays[f"{layer}/{field}"] = getattr(geometry, field)
    with atomic_path(path) as partial:
        np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType] no array is named allow_pickle


STORED = ("gram", "squared_distances", "row_sums", "n_units", "zero_norm", "zero_variance", "n_silent_units")
"""Fields of a raw geometry in a file. `raw_scale` is the mean of the Gram matrix's diagonal."""


def load_geometry(path: Path | str, layer: str) -> Geometry:
    """Read the geometry of one layer from a file of `save_geometries`."""
    with np.load(path) as file:
        fields = {field: file[f"{layer}/{field}"] for field in STORED}
    n_units, n_silent_units = (int(fields.pop(field)) for field in ("n_units", "n_silent_units"))
    raw_scale = float(np.diagonal(fields["gram"]).mean())
    return Geometry(**fields, n_units=n_units, n_silent_units=n_silent_units, raw_scale=raw_scale)


def layer_indices(path: Path | str) -> dict[str, int]:
    """Return the place of each layer in its network, for the layers in a file, in order."""
    with np.load(path) as file:
        return dict(zip(file["layers"].tolist(), file["layer_indices"].tolist(), strict=True))


def stored_layers(path: Path | str) -> list[str]:
    """Return the layers in a file, in order."""
    return list(layer_indices(path))
