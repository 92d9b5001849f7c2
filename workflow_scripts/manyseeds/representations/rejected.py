"""The geometry of networks that were rejected, from the weights that are kept beside those of the accepted attempt."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from manyseeds.devices import claim_device
from manyseeds.io import tensors
from manyseeds.models import build
from manyseeds.representations import activations
from manyseeds.representations.geometry import Geometry
from manyseeds.representations.untrained import measure_layers


def measure_rejected(
    files: Mapping[int, Path],
    layer: str,
    *,
    network: Mapping[str, Any],
    categories: Sequence[int] | None,
    stimuli: Path,
    card: Path,
    report: Callable[[str], None],
) -> dict[int, Geometry]:
    """Return the geometries of one layer of rejected networks, by seed.

    Parameters
    ----------
    files
        Weights by seed.
    network, categories, card
        As in `activations.prepare`.
    stimuli
        File of the preprocessed images [n, height, width, channels].
    report
        Called with one line for each network.
    """
    inputs = np.load(stimuli, mmap_mode="r")
    described, module = activations.prepare(network, inputs.shape[1:], card, categories)
    device = claim_device(report)
    geometries = {}
    for seed, path in files.items():
        build.load(module, tensors.read(path)[0], source=str(path))
        layers = {layer: build.analysed_layers(module, described)[layer]}
        geometries |= {seed: measure_layers(module, layers, inputs, device=device, name=str(path))[layer]}
        report(f"seed {seed}: {layer} of {path.name}")
    return geometries
