"""Images with their labels, as networks are trained on them and tested with them."""

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
    """Images [n, height, width, channels], preprocessed or pixels to be standardised, their labels int64 [n], and the
    number of categories.
    """

    inputs: Inputs
    labels: NDArray[np.int64]
    n_categories: int

    @classmethod
    def read(cls, inputs: Path, labels: Path, card: Path, preprocessing: Path) -> "Images":
        """Read images and labels from NPY files: preprocessed images into memory, while pixels (uint8) stay where they
        are, to be standardised as was fitted.

        Parameters
        ----------
        card
            The data set's, which names the categories and holds the digest of the pixels.
        preprocessing
            The fitted one; looked at for pixels only.
        """
        about = json.loads(Path(card).read_text())
        stored = np.load(inputs, mmap_mode="r")
        images = Pixels.open(stored, preprocessing, about["digest"]) if stored.dtype == np.uint8 else np.load(inputs)
        return cls(images, np.load(labels), len(about["categories"]))

    def subset(
        self, *, images: str = "all", seed: int | None = None, categories: Sequence[int] | None = None
    ) -> "Images":
        """Return the images that a condition leaves, labelled 0, 1, ... in the order of `categories`; parameters as in
        `training_sets.select`.
        """
        if images == "all" and categories is None:
            return self
        kept = subsets.select(self.labels, images=images, seed=seed, categories=categories)
        labels = subsets.relabelled(self.labels[kept], categories)
        return Images(self.inputs[kept], labels, self.n_categories if categories is None else len(categories))

    @cached_property
    def digest(self) -> str:
        """A digest of the images and labels themselves, whatever file they came from; of pixels, of their data set's
        digest and of how they are standardised.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.inputs.shape}{self.inputs.dtype}{self.n_categories}".encode())
        digest.update(fingerprint(self.inputs))
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()
