"""Images as networks take them: preprocessed beforehand, or stored as pixels and standardised batch by batch.

Standardising channels is cheap, and float32 copies of a large set are not: ImageNet at 224 x 224 is 193 GB of pixels
and would be 771 GB of inputs. So its pixels are memory-mapped, and only a batch at a time is read and standardised.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file


@dataclass(frozen=True, eq=False)
class Pixels:
    """Some of the images of a packed data set, as pixels; stands wherever an array of preprocessed images may stand.

    It has an array's shape and length and is indexed along its first axis; only `read` touches the file.

    Attributes
    ----------
    stored
        Uint8 [all images, height, width, channels], memory-mapped.
    positions
        Int64 [n], which of the images these are, in order.
    mean, sd
        Float64 [channels], in pixel values.
    source
        Digest of the data set: what tells the stored images from others, so that nobody needs to read them all.
    """

    stored: NDArray[np.uint8]
    positions: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    source: str

    @classmethod
    def open(cls, stored: NDArray[np.uint8], preprocessing: Path, source: str) -> "Pixels":
        """Return all stored images, to be standardised by the mean and SD of a fitted preprocessing."""
        fitted = load_file(preprocessing)
        return cls(stored, np.arange(len(stored)), fitted["mean"], fitted["sd"], source)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, height, width, channels."""
        return (len(self), *self.stored.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored values."""
        return self.stored.dtype

    def __getitem__(self, chosen: slice | NDArray) -> "Pixels":
        return replace(self, positions=self.positions[chosen])

    def read(self) -> NDArray[np.uint8]:
        """Read the images [n, height, width, channels]."""
        return self.stored[self.positions]


Inputs = NDArray[np.float32] | Pixels
"""Images [n, height, width, channels]: preprocessed, or pixels still to be standardised."""


def fingerprint(inputs: Inputs) -> memoryview | bytes:
    """Return what tells images from others: the bytes of preprocessed ones; of pixels, what determines these bytes."""
    if not isinstance(inputs, Pixels):
        return np.ascontiguousarray(inputs).data
    places = hashlib.blake2b(np.ascontiguousarray(inputs.positions).data, digest_size=16).digest()
    return b"".join((inputs.source.encode(), inputs.mean.tobytes(), inputs.sd.tobytes(), places))
