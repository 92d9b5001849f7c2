"""Minibatches: their order, their augmentation, and their transfer to a device."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from manyseeds import streams
from manyseeds.data.feeding import Source, on_device
from manyseeds.training.recipes import Task


def minibatches(task: Task, n_images: int, *, attempt: int, epoch: int) -> list[NDArray[np.int64]]:
    """Return the image indices of each minibatch of an epoch: one permutation; the last may be short."""
    order = streams.generator(**task.address("order", attempt), epoch=epoch).permutation(n_images)
    size = task.recipe.batch_size
    return [order[start : start + size] for start in range(0, n_images, size)]


def n_steps(task: Task, n_images: int) -> int:
    """Return the number of minibatches of an epoch."""
    return -(-n_images // task.recipe.batch_size)


def draw_crops(task: Task, n_images: int, height: int, *, attempt: int, epoch: int) -> NDArray[np.uint16]:
    """Draw the crops of training images in an epoch, and which are mirrored (methods 2 and 3).

    One draw serves all images, in the order of the training set. An image therefore has the same crop in any order of
    minibatches.

    Parameters
    ----------
    height
        Height of the images in pixels. Shifts are up to an eighth of it.

    Returns
    -------
    ndarray
        (3, n_images): top row and left column of the crop in the padded image, uniform and independent. Last, 1 if the
        image is mirrored and 0 if not, with probability 0.5 each.
    """
    draw = streams.generator(**task.address("augment", attempt), epoch=epoch)
    corners = draw.integers(0, 2 * _margin(height) + 1, size=(2, n_images), dtype=np.uint16)
    return np.concatenate([corners, draw.integers(0, 2, size=(1, n_images), dtype=np.uint16)])


def crop_and_flip(images: Tensor, crops: NDArray[np.uint16]) -> Tensor:
    """Shift and mirror images.

    Each image moves by up to an eighth of its height (4 of 32 pixels), and zeros fill the edge.

    Parameters
    ----------
    images
        [batch, height, width, channels].
    crops
        (3, batch), the columns of these images in `draw_crops`.
    """
    n, height, width, _ = images.shape
    margin = _margin(height)
    padded = functional.pad(images, (0, 0, margin, margin, margin, margin))
    tops, lefts, mirrored = crops
    rows = tops[:, None] + np.arange(height)
    columns = lefts[:, None] + np.arange(width)
    columns = np.where(mirrored[:, None] > 0, columns[:, ::-1], columns)
    rows, columns = (torch.from_numpy(index).to(images.device) for index in (rows, columns))
    which = torch.arange(n, device=images.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def _margin(height: int) -> int:
    """Return the largest shift of an image in pixels."""
    return height // 8


class Feed:
    """The minibatches of one order and augmentation, step by step.

    Instances share a feed, unless their condition varies order or augmentation.
    """

    def __init__(self, task: Task, attempt: int, source: Source, labels: Tensor) -> None:
        """Make the feed of one attempt at a task, and of all attempts with the same `address`.

        Parameters
        ----------
        source
            Source of all images.
        labels
            Labels of all images, on the device.
        """
        self.task, self.attempt, self.source, self.labels = task, attempt, source, labels
        self._held: tuple[Tensor, Tensor] | None = None

    @staticmethod
    def address(task: Task, attempt: int) -> tuple:
        """Return what determines the minibatches of an attempt; attempts with equal addresses share a feed."""
        purposes = ["order"] + (["augment"] if task.recipe.augmentation != "none" else [])
        return task.recipe.batch_size, *(tuple(task.address(purpose, attempt).items()) for purpose in purposes)

    def steps(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and labels of the steps of an epoch, from step `first` on.

        Images are [batch, height, width, channels], labels [batch]. On a GPU they always lie in the same memory, where
        captured graphs read them, so each minibatch is valid only until the next one.
        """
        task, attempt = self.task, self.attempt
        batches = minibatches(task, len(self.labels), attempt=attempt, epoch=epoch)[first:]
        labels = (self.labels[batch] for batch in on_device(batches, self.labels.device))
        for images, answers in zip(self._images(batches, epoch), labels, strict=True):
            yield self._in_place(images, answers)

    def _images(self, batches: Sequence[NDArray[np.int64]], epoch: int) -> Iterator[Tensor]:
        """Yield the images of minibatches, augmented by draws for all images of the epoch."""
        if self.task.recipe.augmentation != "crop_flip":
            yield from self.source.minibatches(batches)
            return
        height = self.source.inputs.shape[1]
        crops = draw_crops(self.task, len(self.labels), height, attempt=self.attempt, epoch=epoch)
        for batch, images in zip(batches, self.source.minibatches(batches), strict=True):
            yield crop_and_flip(images, crops[:, batch])

    def _in_place(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if images.device.type == "cpu":
            return images, labels
        if self._held is None:
            size = self.task.recipe.batch_size
            self._held = images.new_empty((size, *images.shape[1:])), labels.new_empty(size)
        held_images, held_labels = (held[: len(labels)] for held in self._held)
        return held_images.copy_(images), held_labels.copy_(labels)
