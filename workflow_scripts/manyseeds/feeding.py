"""Images on their way to a device: float32, standardised there if they are stored as pixels."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyseeds.inputs import Inputs, Pixels


def to_device(inputs: Inputs, device: torch.device) -> Tensor:
    """Return images as float32 [n, height, width, channels] on a device, where pixels are standardised.

    In float64, as `Preprocessing.apply` does: the same bits as images that were preprocessed beforehand.
    """
    if not isinstance(inputs, Pixels):
        return torch.from_numpy(np.array(inputs)).to(device)
    pixels, mean, sd = (torch.from_numpy(array).to(device) for array in (inputs.read(), inputs.mean, inputs.sd))
    return ((pixels - mean) / sd).float()


def feeder(inputs: Inputs, device: torch.device) -> Callable[[NDArray[np.int64]], Tensor]:
    """Return a function that fetches the images of a minibatch, given their places, onto a device.

    Preprocessed images all lie there from the start; pixels are fetched from where they are stored.
    """
    if isinstance(inputs, Pixels):
        return lambda places: to_device(inputs[places], device)
    resident = torch.from_numpy(inputs).to(device)
    return lambda places: resident[torch.from_numpy(places).to(device)]
