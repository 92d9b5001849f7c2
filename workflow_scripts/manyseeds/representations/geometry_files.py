"""Geometries in NPZ files.

A file holds one half of a symmetric matrix for each layer: the squared distances of all pairs of stimuli. With the
squared norms they give the Gram matrix, which takes twice as much room.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from manyseeds.io.files import atomic_path
from manyseeds.representations.geometry import Geometry, gram_from_distances


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


STORED = (
    "squared_distances",
    "squared_norms",
    "row_sums",
    "n_units",
    "zero_norm",
    "zero_variance",
    "n_silent_units",
)
"""Fields of a raw geometry in a file. `raw_scale` is the mean of the squared norms."""

OLDER = ("gram",)
"""A field of older files, which do not have `squared_norms`."""


def load_geometry(path: Path | str, layer: str) -> Geometry:
    """Read the geometry of one layer from a file of `save_geometries`.

    Older files hold the Gram matrix instead of the squared norms.
    """
    with np.load(path) as file:
        stored = {name: file[f"{layer}/{name}"] for name in (*STORED, *OLDER) if f"{layer}/{name}" in file.files}
    gram, distances = stored.get("gram"), stored["squared_distances"]
    if gram is None:
        gram = gram_from_distances(stored["squared_norms"], distances, stored["zero_norm"])
    return Geometry(
        gram=gram,
        row_sums=stored["row_sums"],
        n_units=int(stored["n_units"]),
        zero_norm=stored["zero_norm"],
        zero_variance=stored["zero_variance"],
        n_silent_units=int(stored["n_silent_units"]),
        raw_scale=float(np.diagonal(gram).mean()),
        squared_distances=distances,
    )


def layer_indices(path: Path | str) -> dict[str, int]:
    """Return the place of each layer in its network, for the layers in a file, in order."""
    with np.load(path) as file:
        return dict(zip(file["layers"].tolist(), file["layer_indices"].tolist(), strict=True))


def stored_layers(path: Path | str) -> list[str]:
    """Return the layers in a file, in order."""
    return list(layer_indices(path))
