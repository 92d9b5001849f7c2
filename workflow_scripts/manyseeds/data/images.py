"""Images with their labels, for training and testing networks."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyseeds.data import subsets
from manyseeds.data.pixels import Inputs, Pixels, fingerprint


@dataclass(frozen=True, eq=False)
class Images:
    """Images [n, height, width, channels], their labels int64 [n], and the number of categories.

    The images are preprocessed, or are pixels still to be standardised.
    """

    inputs: Inputs
    labels: NDArray[np.int64]
    n_categories: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.inputs.shape[1:]
        return height, width, channels

    @classmethod
    def read(cls, inputs: Path, labels: Path, card: Path, preprocessing: Path) -> "Images":
        """Read images and labels from NPY files.

        Preprocessed images are read into memory. Pixels (uint8) stay in their file, to be standardised later.

        Parameters
        ----------
        card
            The data set's card, which names the categories and holds the digest of the pixels.
        preprocessing
            The fitted preprocessing; read for pixels only.
        """
        about = json.loads(Path(card).read_text())
        stored = np.load(inputs, mmap_mode="r")
        images = Pixels.open(stored, preprocessing, about["digest"]) if stored.dtype == np.uint8 else np.load(inputs)
        return cls(images, np.load(labels), len(about["categories"]))

    def subset(
        self, *, images: str = "all", seed: int | None = None, categories: Sequence[int] | None = None
    ) -> "Images":
        """Return the images that a condition keeps, labelled 0, 1, ... in the order of `categories`.

        The parameters are those of `subsets.select`.
        """
        if images == "all" and categories is None:
            return self
        kept = subsets.select(self.labels, images=images, seed=seed, categories=categories)
        labels = subsets.relabelled(self.labels[kept], categories)
        return Images(self.inputs[kept], labels, self.n_categories if categories is None else len(categories))

    @cached_property
    def digest(self) -> str:
        """Digest of the images and labels themselves, whatever file they came from.

        For pixels, it covers the data set's digest, their places in it, the mean and the SD instead of the images.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.inputs.shape}{self.inputs.dtype}{self.n_categories}".encode())
        digest.update(fingerprint(self.inputs))
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()
