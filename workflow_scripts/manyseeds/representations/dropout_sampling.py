"""Dropout while stimuli are shown: activations under a mask that all stimuli and instances share.

See methods 7, and Mehrer et al. (2020), fig. 8b.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyseeds.representations.activations import collect, respond
from manyseeds.streams import generator

Masks = Mapping[str, NDArray[np.float32]]
"""Factors (units,) of a layer's output, by layer: 0 for a dropped unit, else 1 / (1 - rate)."""


@dataclass(frozen=True)
class Dropout:
    """Bernoulli dropout of a trained network.

    Attributes
    ----------
    rate
        Probability that a unit is dropped.
    after
        Layers that dropout follows.
    root_seed
        Root of the masks: the study's `seed`.
    """

    rate: float
    after: Sequence[str]
    root_seed: int


def draw_masks(n_units: Mapping[str, int], dropout: Dropout, sample: int) -> Masks:
    """Draw the masks of one dropout sample.

    Masks are the same for all instances and devices. A unit that is dropped at one rate is dropped at all higher rates.

    Parameters
    ----------
    n_units
        Number of units of each layer that dropout follows.
    sample
        Number of the sample, 1, 2, ...
    """
    draw = generator(dropout.root_seed, "dropout/rdm", sample)
    kept = {layer: draw.random(n_units[layer]) >= dropout.rate for layer in dropout.after}
    return {layer: (where / (1 - dropout.rate)).astype(np.float32) for layer, where in kept.items()}


@contextmanager
def masked(module: nn.Module, masks: Masks) -> Iterator[None]:
    """Multiply the outputs of layers by their masks while the context lasts."""

    def multiply_by(mask: NDArray[np.float32]):
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return output * torch.from_numpy(mask).to(output).view(output.shape[1:])

        return hook

    handles = [module.get_submodule(layer).register_forward_hook(multiply_by(mask)) for layer, mask in masks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def sample_activations(
    module: nn.Module,
    layers: Mapping[str, nn.Module],
    stimuli: NDArray[np.float32],
    dropout: Dropout,
    sample: int,
    *,
    device: torch.device,
) -> dict[str, NDArray[np.float32]]:
    """Return activations [n, units] by layer, under the masks of one dropout sample.

    Parameters
    ----------
    layers
        The modules to record, by layer name. If dropout follows a layer, its output is recorded after dropout.
    stimuli
        Preprocessed images [n, height, width, channels].
    sample
        Number of the sample, 1, 2, ...
    """
    dropped = {layer: module.get_submodule(layer) for layer in dropout.after}
    ((_, responses),) = respond(module, dropped, stimuli[:1], device)
    masks = draw_masks({layer: units.shape[1] for layer, units in responses.items()}, dropout, sample)
    with masked(module, masks):
        return collect(module, layers, stimuli, device)
