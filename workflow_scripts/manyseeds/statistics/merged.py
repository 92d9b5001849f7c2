"""Accuracies of networks between a trained network and the same one trained further: table `merged` (methods 11)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyseeds.kernels.merging import Merged
from manyseeds.kernels.predictions import Predictions, Strength
from manyseeds.study.distortions import NONE

Row = dict[str, Any]


def accuracies(
    merged: Sequence[Merged],
    predicted: Mapping[int, Predictions],
    labels: NDArray[np.integer],
    conditions: Sequence[Strength],
    distortion: str,
    n_strengths: int,
) -> list[Row]:
    """Return the rows of one variant, without its keys: accuracies without and with the distortion of its training.

    Parameters
    ----------
    merged
        The networks.
    predicted
        Predictions (conditions, images) by the number of the network.
    labels
        (images,) categories.
    conditions
        Images as they are, and the strengths of the distortion that are not at the floor. Accuracies with the
        distortion are means over these, and NaN if there are none.
    n_strengths
        Number of all strengths of the distortion.
    """
    places = {
        name: [place for place, each in enumerate(conditions) if each.distortion == name] for name in (NONE, distortion)
    }
    n_at_floor = {NONE: 0, distortion: n_strengths - len(places[distortion])}
    rows: list[Row] = []
    for number, each in enumerate(merged):
        correct = (predicted[number] == labels).mean(axis=1)
        for name, chosen in places.items():
            mean = float(correct[chosen].mean()) if chosen else float("nan")
            numbers = {"accuracy": mean, "n_at_floor": n_at_floor[name], "n_images": len(labels)}
            rows.append(each.keys | {"distortion": name} | numbers)
    return rows
