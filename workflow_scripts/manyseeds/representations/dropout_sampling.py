"""Dropout while stimuli are shown: activations under one mask that all stimuli and all instances share (methods 7;
Mehrer et al. 2020, fig. 8b).
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
"""Factors (units,) of what a layer answers to any image, by layer: 0 where a unit is dropped, else 1 / (1 - rate)."""


@dataclass(frozen=True)
class Dropout:
    """Bernoulli dropout as a network was trained with it: its rate, the layers that it follows, and the study's `seed`,
    the root of the masks.
    """

    rate: float
    after: Sequence[str]
    root_seed: int


def draw_masks(n_units: Mapping[str, int], dropout: Dropout, sample: int) -> Masks:
    """Draw the masks of one dropout sample.

    They depend on no instance and no device, and a unit that is dropped at one rate is dropped at all higher ones too.

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
    """Multiply what layers answer to each image by their masks while the context lasts."""

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
    """Return the activations [n, units] of some layers, by layer, under the masks of one dropout sample.

    Parameters
    ----------
    layers
        The modules to be recorded, by layer name; of one that dropout follows, what dropout leaves of its answer.
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
