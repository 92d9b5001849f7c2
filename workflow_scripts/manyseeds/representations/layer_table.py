"""Rows of the table `layers`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd


def describe_layers(path: Path | str) -> list[dict[str, str | int]]:
    """Return the rows of the table `layers` for a geometry file, without the keys of its instance."""
    rows = []
    with np.load(path) as file:
        for layer, place in zip(file["layers"].tolist(), file["layer_indices"].tolist(), strict=True):
            rows.append(
                {
                    "layer": layer,
                    "layer_index": place,
                    "n_units": int(file[f"{layer}/n_units"]),
                    "n_silent_units": int(file[f"{layer}/n_silent_units"]),
                    "n_silent_stimuli": int(file[f"{layer}/zero_norm"].sum()),
                    "n_constant_stimuli": int(file[f"{layer}/zero_variance"].sum()),
                }
            )
    return rows


def index_of(units: Mapping[str, int]) -> pd.DataFrame:
    """Return the index of a folder of activations: layer, layer_index and n_units, one row per layer.

    Parameters
    ----------
    units
        Number of units by layer, in order of the layers.
    """
    return pd.DataFrame({"layer": list(units), "layer_index": range(len(units)), "n_units": list(units.values())})
