"""Evaluation of a network on its training images, for the collapse rule."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from manyseeds.data.images import Images
from manyseeds.models.forward import predict
from manyseeds.training.collapse import Evaluation


def evaluate(module: nn.Module, images: Images, device: torch.device) -> Evaluation:
    """Evaluate a network on images with dropout off."""
    logits = torch.from_numpy(predict(module, images.inputs, device)).double()
    predicted = logits.argmax(dim=1).numpy()
    return Evaluation(
        loss=functional.cross_entropy(logits, torch.from_numpy(images.labels)).item(),
        accuracy=float(np.mean(predicted == images.labels)),
        n_categories=images.n_categories,
        n_categories_predicted=len(np.unique(predicted)),
        is_constant=bool((logits == logits[:1]).all()),
    )
