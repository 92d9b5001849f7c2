"""scikit-learn's digits: 1797 real images of handwritten digits, which come with a dependency.

Alpaydin & Kaynak (1998), Optical recognition of handwritten digits, UCI Machine Learning Repository (its test set).
"""

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyseeds.data.dataset import Dataset, Split
from manyseeds.errors import StudyError

if TYPE_CHECKING:
    from sklearn.utils import Bunch

# Each pixel of the 8 x 8 originals counts the ink in a 4 x 4 block of a 32 x 32 bitmap: 0 to 16.
FULL_INK = 16

DEFAULT_HELD_OUT = 100
"""Images of each digit held out for testing if the stimuli come from elsewhere."""


def load_digits(image_size: int, per_category: int) -> Dataset:
    """Load the digits as grey images; the first `per_category` of each digit are the test split.

    The 8 x 8 originals are enlarged by bilinear interpolation in float, then rounded to integers from 0 to 255. They
    have one channel.

    Parameters
    ----------
    per_category
        Images of each digit held out; the rest is the training split.
    image_size
        Height and width of the enlarged images, in pixels.

    Returns
    -------
    Dataset
        Images of shape (image_size, image_size, 1), both splits in file order.

    Raises
    ------
    StudyError
        If a digit has too few images to hold out `per_category` and still leave one to train on.
    """
    import sklearn
    from sklearn.datasets import load_digits as load_originals

    originals = cast("Bunch", load_originals())  # scikit-learn does not say when it returns a tuple
    labels = originals.target.astype(np.int64)
    categories = tuple(str(name) for name in originals.target_names)
    held_out = _first_of_each_category(labels, categories, per_category)
    images = np.stack([_enlarge(image, image_size) for image in originals.images])

    def split(positions: NDArray) -> Split:
        return Split(
            blocks=lambda: iter([images[positions]]),
            labels=labels[positions],
            source=["sklearn.datasets.load_digits"] * len(positions),
            source_index=positions,
            lossless=[True] * len(positions),
        )

    return Dataset(
        name="digits",
        categories=categories,
        image_shape=images.shape[1:],
        train=split(np.flatnonzero(~held_out)),
        test=split(np.flatnonzero(held_out)),
        notes=(
            f"Read from scikit-learn {sklearn.__version__}; 8 x 8 originals enlarged to {image_size} x {image_size} by "
            f"bilinear interpolation; the first {per_category} of each digit are the test split, the rest train.",
        ),
    )


def _enlarge(image: NDArray, image_size: int) -> NDArray:
    """Return an 8 x 8 image of ink counts as grey values, uint8 (image_size, image_size, 1)."""
    enlarged = Image.fromarray(image.astype(np.float32)).resize((image_size, image_size), Image.Resampling.BILINEAR)
    return np.rint(np.asarray(enlarged) * (255 / FULL_INK)).astype(np.uint8)[..., np.newaxis]


def _first_of_each_category(labels: NDArray, categories: tuple[str, ...], per_category: int) -> NDArray:
    """Return a mask (n,) of the first `per_category` images of each category."""
    first = np.zeros(len(labels), dtype=bool)
    for category, name in enumerate(categories):
        positions = np.flatnonzero(labels == category)
        if per_category >= len(positions):
            raise StudyError(
                f"stimuli.per_category is {per_category}, but category {name!r} of digits has {len(positions)} images; "
                f"expected at most {len(positions) - 1}, so that at least one image is left to train on."
            )
        first[positions[:per_category]] = True
    return first
