"""Which images of a data set a network trains on and is tested with: all, or those that its condition leaves."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.streams import generator

HALVES = ("a", "b")
"""The two halves of the training set; of a category with an odd number of images, `a` has one more."""


def select(
    labels: NDArray[np.int64], *, images: str = "all", seed: int | None = None, categories: Sequence[int] | None = None
) -> NDArray[np.int64]:
    """Return the positions, ascending, of the images that a condition leaves (methods 9).

    Parameters
    ----------
    labels
        Category of each image [n].
    images
        `all`, or one of `HALVES`: a random half of the images of each category.
    seed
        Root of the stream that cuts the halves, which no other stream shares; the same in all instances.
    categories
        Numbers of the categories that are left; None: all.
    """
    left = np.ones(len(labels), dtype=bool) if categories is None else np.isin(labels, categories)
    if images != "all":
        left &= _halves(labels, seed) == HALVES.index(images)
    return np.flatnonzero(left)


def _halves(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return for each image which half it belongs to: stratified, drawn category by category in ascending order."""
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
        At the first that they do not have.
    """
    stray = next((category for category in categories or () if category >= len(names)), None)
    if stray is not None:
        raise StudyError(
            f"Config key conditions: found category {stray}, expected numbers from 0 to {len(names) - 1}, "
            f"those of {names[0]} to {names[-1]}."
        )


def relabelled(labels: NDArray[np.int64], categories: Sequence[int] | None) -> NDArray[np.int64]:
    """Return the labels of images of some categories as places in the list of these; None: as they are."""
    if categories is None:
        return labels
    place = np.full(max(categories) + 1, -1)
    place[list(categories)] = np.arange(len(categories))
    return place[labels]
