"""Choice of the images that train and test a network: all images, or only those of its condition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.streams import generator

HALVES = ("a", "b")
"""The two halves of the training set; if a category has an odd number of images, `a` has one more."""


def select(
    labels: NDArray[np.int64], *, images: str = "all", seed: int | None = None, categories: Sequence[int] | None = None
) -> NDArray[np.int64]:
    """Return the positions, ascending, of the images that a condition keeps (methods 9).

    Parameters
    ----------
    labels
        Category of each image [n].
    images
        `all`, or one of `HALVES`: a random half of the images of each category.
    seed
        Root of the stream that cuts the halves, which is used for nothing else; the same in all instances.
    categories
        Numbers of the categories that are kept; None: all.
    """
    left = np.ones(len(labels), dtype=bool) if categories is None else np.isin(labels, categories)
    if images != "all":
        assert seed is not None  # the study's, as for all streams
        left &= _halves(labels, seed) == HALVES.index(images)
    return np.flatnonzero(left)


def _halves(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the half (0 or 1) of each image, drawn within each category, in ascending order."""
    draw = generator(seed, "training_sets/halves", 0)
    half = np.empty(len(labels), dtype=np.int64)
    for category in np.unique(labels):
        members = np.flatnonzero(labels == category)
        half[draw.permutation(members)] = np.arange(len(members)) >= (len(members) + 1) // 2
    return half


def check_categories(categories: Sequence[int] | None, names: Sequence[str]) -> None:
    """Check that the data have the categories that a condition names.

    Raises
    ------
    StudyError
        If the data do not have one of them; names the first.
    """
    stray = next((category for category in categories or () if category >= len(names)), None)
    if stray is not None:
        raise StudyError(
            f"Config key conditions: found category {stray}, expected numbers from 0 to {len(names) - 1} "
            f"({names[0]} to {names[-1]})."
        )


def relabelled(labels: NDArray[np.int64], categories: Sequence[int] | None) -> NDArray[np.int64]:
    """Return labels as places in the list of kept categories; None leaves them as they are."""
    if categories is None:
        return labels
    place = np.full(max(categories) + 1, -1)
    place[list(categories)] = np.arange(len(categories))
    return place[labels]
