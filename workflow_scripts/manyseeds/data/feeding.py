"""Transfer of images to a device: as float32, standardised there if they are stored as pixels."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyseeds.data.pixels import Inputs, Pixels


def to_device(inputs: Inputs, device: torch.device) -> Tensor:
    """Return images as float32 [n, height, width, channels] on a device, where pixels are standardised.

    They are standardised in float64, as in `Preprocessing.apply`, so they have the same bits as images that were
    preprocessed beforehand.
    """
    if not isinstance(inputs, Pixels):
        return torch.from_numpy(np.array(inputs)).to(device)
    return _standardised(inputs.read(), inputs, device)


def _standardised(pixels: NDArray[np.uint8], inputs: Pixels, device: torch.device) -> Tensor:
    values, mean, sd = (torch.from_numpy(array).to(device) for array in (pixels, inputs.mean, inputs.sd))
    return ((values - mean) / sd).float()


def on_device(places: Sequence[NDArray[np.int64]], device: torch.device) -> tuple[Tensor, ...]:
    """Return the places of each minibatch on a device.

    All places are copied at once, because each copy waits for all pending work of the device.
    """
    return torch.from_numpy(np.concatenate(places)).to(device).split([len(batch) for batch in places])


class Source:
    """Images from which minibatches are taken.

    Preprocessed images are all on the device from the start. Pixels are read from their file: each minibatch is read
    while the one before it is used.
    """

    def __init__(self, inputs: Inputs, device: torch.device) -> None:
        self.inputs, self.device = inputs, device
        self.resident = None if isinstance(inputs, Pixels) else torch.from_numpy(inputs).to(device)

    def minibatches(self, places: Sequence[NDArray[np.int64]]) -> Iterator[Tensor]:
        """Yield the images [batch, height, width, channels] of minibatches, given the places of each."""
        if self.resident is not None:
            for batch in on_device(places, self.device):
                yield self.resident[batch]
            return
        pixels = self.inputs
        assert isinstance(pixels, Pixels)  # all other inputs are resident
        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = None
            for batch in places:
                behind, ahead = ahead, reader.submit(pixels[batch].read)
                if behind is not None:
                    yield _standardised(behind.result(), pixels, self.device)
            if ahead is not None:
                yield _standardised(ahead.result(), pixels, self.device)
