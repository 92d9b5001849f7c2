"""One step of training: from a minibatch to its loss."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from manyseeds.models.forward import as_batch


def loss_and_logits(module: nn.Module, images: Tensor, labels: Tensor, precision: str) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy of a minibatch, and its logits [batch, categories] in float32.

    Parameters
    ----------
    images
        [batch, height, width, channels].
    labels
        [batch].
    precision
        ``bf16``: layers that torch's autocast covers compute in bfloat16, from float32 weights.
    """
    with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
        logits = module(as_batch(images))
    logits = logits.float()
    return functional.cross_entropy(logits, labels), logits
