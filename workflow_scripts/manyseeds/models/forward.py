"""Forward passes: logits of images, and dropout after the layers that a study names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyseeds.data.feeding import to_device
from manyseeds.data.pixels import Inputs
from manyseeds.errors import StudyError

BATCH = 100
"""Images per forward pass: few enough for a CPU's cache, and fixed, because the last bit of a sum may depend on it."""


def as_batch(images: Tensor) -> Tensor:
    """View images [batch, height, width, channels] in torch's order [batch, channels, height, width].

    In memory, the channels stay last.
    """
    return images.permute(0, 3, 1, 2)


def predict(module: nn.Module, inputs: Inputs, device: torch.device) -> NDArray[np.float32]:
    """Return the float32 logits [n, categories] of images [n, height, width, channels], without dropout."""
    module.eval()
    with torch.inference_mode():
        logits = [
            module(as_batch(to_device(inputs[start : start + BATCH], device))).cpu().numpy()
            for start in range(0, len(inputs), BATCH)
        ]
    return np.concatenate(logits)


@contextmanager
def dropout(module: nn.Module, layers: Sequence[str], rate: float, masks: torch.Generator) -> Iterator[None]:
    """Apply inverted Bernoulli dropout to the outputs of the named layers inside this context.

    The masks are drawn from `masks`.

    Raises
    ------
    StudyError
        If the network does not have one of the layers.
    """

    def drop(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        kept = torch.empty_like(output).bernoulli_(1 - rate, generator=masks)
        return output * kept / (1 - rate)

    available = dict(module.named_modules())
    for layer in layers:
        if layer not in available:
            names = ", ".join(filter(None, available))
            raise StudyError(f"Config key dropout.after: the network has no layer {layer!r}; it has {names}.")
    handles = [available[layer].register_forward_hook(drop) for layer in layers] if rate > 0 else []
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
