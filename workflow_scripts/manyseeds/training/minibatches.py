"""Minibatches: their order, their augmentation, and their transfer to a device."""

from collections.abc import Iterator

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


def crop_and_flip(images: Tensor, draw: np.random.Generator) -> Tensor:
    """Shift and mirror images at random.

    Each image moves by up to an eighth of its height (4 of 32 pixels), and zeros fill the edge. Each is mirrored with
    probability 0.5.

    Parameters
    ----------
    images
        [batch, height, width, channels].
    draw
        Generator of the shifts and of the choice of mirrored images.
    """
    n, height, width, _ = images.shape
    margin = height // 8
    padded = functional.pad(images, (0, 0, margin, margin, margin, margin))
    tops, lefts = draw.integers(0, 2 * margin + 1, size=(2, n))
    rows = tops[:, None] + np.arange(height)
    columns = lefts[:, None] + np.arange(width)
    mirrored = draw.random(n) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    rows, columns = (torch.from_numpy(index).to(images.device) for index in (rows, columns))
    which = torch.arange(n, device=images.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


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
        for step, (images, answers) in enumerate(
            zip(self.source.minibatches(batches), labels, strict=True), start=first
        ):
            if task.recipe.augmentation == "crop_flip":
                draw = streams.generator(**task.address("augment", attempt), epoch=epoch, step=step)
                images = crop_and_flip(images, draw)
            yield self._in_place(images, answers)

    def _in_place(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if images.device.type == "cpu":
            return images, labels
        if self._held is None:
            size = self.task.recipe.batch_size
            self._held = images.new_empty((size, *images.shape[1:])), labels.new_empty(size)
        held_images, held_labels = (held[: len(labels)] for held in self._held)
        return held_images.copy_(images), held_labels.copy_(labels)
