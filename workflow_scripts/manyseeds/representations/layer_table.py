"""Rows of the table `layers`."""

from pathlib import Path

import numpy as np


def describe_layers(path: Path | str) -> list[dict[str, str | int]]:
    """Return rows of the table `layers` for a file, without the keys of its instance."""
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
