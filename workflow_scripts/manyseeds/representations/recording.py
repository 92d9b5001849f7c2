"""Recording of networks: the geometry of analysed layers, from weights and stimuli (methods 4 and 7).

Activations are held in memory, a few layers at a time. They are written only if the study keeps them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from manyseeds.io import tensors
from manyseeds.io.files import write_parquet
from manyseeds.models import build
from manyseeds.models.spec import Network
from manyseeds.representations import activations, dropout_sampling
from manyseeds.representations.geometry import Geometry, measure_geometry
from manyseeds.representations.untrained import measure_layers


@dataclass(frozen=True)
class Recorder:
    """What records the networks of one group: they differ in their weights alone.

    Attributes
    ----------
    network, module
        Result of `activations.prepare`.
    stimuli
        Preprocessed images [n, height, width, channels].
    followed
        Names of the layers that are analysed before the last epoch.
    """

    network: Network
    module: nn.Module
    stimuli: NDArray[np.float32]
    device: torch.device
    followed: Sequence[str]

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The analysed layers, in order."""
        return build.analysed_layers(self.module, self.network)

    @property
    def places(self) -> dict[str, int]:
        """The place of each analysed layer."""
        return {layer: place for place, layer in enumerate(self.layers)}

    def load(self, weights: Path | str) -> None:
        """Read the weights of a network."""
        build.load(self.module, tensors.read(Path(weights))[0], source=str(weights))

    def record(
        self, name: str, *, is_last: bool, is_collapsed: bool, folder: Path | None = None
    ) -> dict[str, Geometry]:
        """Return the geometries of the loaded network by layer.

        Parameters
        ----------
        name
            Name of the network in errors.
        is_last
            Whether the weights are those of the last epoch, at which all layers are analysed.
        is_collapsed
            As in `geometry.measure_geometry`.
        folder
            Where activations and their index are written; None: nowhere.
        """
        layers = self.layers if is_last else activations.choose(self.layers, self.followed, "trajectory")
        if folder is None:
            options = {"device": self.device, "name": name, "is_collapsed": is_collapsed}
            return measure_layers(self.module, layers, self.stimuli, **options)
        index = activations.dump(self.module, layers, self.stimuli, folder, device=self.device)
        write_parquet(index, folder / "index.parquet")  # last: a folder with an index is complete
        return {layer: _measure_file(folder / f"{layer}.npy", is_collapsed) for layer in layers}

    def sample(
        self, dropout: dropout_sampling.Dropout, layers: Sequence[str], sample: int, *, is_collapsed: bool
    ) -> dict[str, Geometry]:
        """Return the geometries of some layers of the loaded network under the masks of one dropout sample."""
        chosen = activations.choose(self.layers, layers, "dropout")
        arrays = dropout_sampling.sample_activations(
            self.module, chosen, self.stimuli, dropout, sample, device=self.device
        )
        return {
            layer: measure_geometry(array, name=f"{layer}, sample {sample}", is_collapsed=is_collapsed)
            for layer, array in arrays.items()
        }


def _measure_file(path: Path, is_collapsed: bool) -> Geometry:
    return measure_geometry(np.load(path, mmap_mode="r"), name=str(path), is_collapsed=is_collapsed)
