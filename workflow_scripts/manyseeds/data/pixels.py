"""Inputs of networks: images preprocessed beforehand, or pixels standardised batch by batch.

Standardising channels is cheap, but float32 copies of a large set are not: ImageNet at 224 x 224 is 193 GB of pixels
and would be 771 GB of inputs. Its pixels are therefore memory-mapped, and read and standardised one batch at a time.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file


@dataclass(frozen=True, eq=False)
class Pixels:
    """Some of the images of a packed data set as pixels, usable like an array of preprocessed images.

    Like an array it has a shape and a length, and is indexed along its first axis. Only `read` reads the file.

    Attributes
    ----------
    stored
        Uint8 [all images, height, width, channels], memory-mapped.
    positions
        Int64 [n], the places of these images among all, in order.
    mean, sd
        Float64 [channels], in pixel values.
    source
        Digest of the data set, which identifies the stored images without reading them.
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
    """Return bytes that identify images.

    These are the bytes of preprocessed images. For pixels, they are the values that determine such bytes.
    """
    if not isinstance(inputs, Pixels):
        return np.ascontiguousarray(inputs).data
    places = hashlib.blake2b(np.ascontiguousarray(inputs.positions).data, digest_size=16).digest()
    return b"".join((inputs.source.encode(), inputs.mean.tobytes(), inputs.sd.tobytes(), places))
