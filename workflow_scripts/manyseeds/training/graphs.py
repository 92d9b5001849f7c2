"""Steps of a training on a GPU, captured as CUDA graphs: a replay is one call in the place of hundreds of launches, and
the graphs of several instances fill the device side by side.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from manyseeds.errors import StudyError

WARM_UP = 3
"""Steps before a capture, undone afterwards: what libraries set up on first use cannot be captured."""


class Steps(Protocol):
    """One attempt at an instance, as far as its steps concern."""

    device: torch.device
    masks: torch.Generator
    draws_masks: bool
    draws_itself: bool

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Do one step of gradient descent on a minibatch."""

    def seed(self) -> None:
        """Put the generators where this step's dropout masks are drawn."""

    def learning_rate(self) -> float:
        """Return the learning rate of the epoch under way."""

    def tensors(self) -> list[Tensor]:
        """Return all tensors that a step changes."""


class Eager:
    """Steps taken one operation after another."""

    def __init__(self, attempt: Steps) -> None:
        self.attempt = attempt

    def launch(self, images: Tensor, labels: Tensor) -> None:
        """Take a step."""
        self.attempt.seed()
        self.attempt.step(images, labels)

    def join(self) -> None:
        """Wait for nothing: the step has been taken."""


class Captured:
    """Steps replayed from graphs, on a stream of their own.

    A graph holds for one size of minibatch, which must always lie in the same memory, and one learning rate. Networks
    that draw from torch's own generator (dropout of their own) share the current stream: there is but one such
    generator a device, and cuBLAS has one workspace a stream. A network whose steps wait for the device cannot be
    captured: it takes them one operation after another, with the same bits.
    """

    def __init__(self, attempt: Steps, report: Callable[[str], None]) -> None:
        self.attempt, self.report = attempt, report
        self.graphs: dict[int, torch.cuda.CUDAGraph | None] = {}
        self.learning_rate: float | None = None
        self.pool = torch.cuda.graph_pool_handle()
        self.capturing = torch.cuda.Stream(attempt.device)
        current = torch.cuda.current_stream(attempt.device)
        self.stream = current if attempt.draws_itself else torch.cuda.Stream(attempt.device)

    def launch(self, images: Tensor, labels: Tensor) -> None:
        """Begin a step; it is done when `join` has been called and the current stream has caught up."""
        if self.learning_rate != self.attempt.learning_rate():
            self.graphs.clear()
            self.pool = torch.cuda.graph_pool_handle()  # one that no graph is left of cannot be asked for again
            self.learning_rate = self.attempt.learning_rate()
        if len(labels) not in self.graphs:
            self.graphs[len(labels)] = self._capture(images, labels)
        graph = self.graphs[len(labels)]
        self.stream.wait_stream(torch.cuda.current_stream(self.attempt.device))
        with torch.cuda.stream(self.stream):
            self.attempt.seed()
            if graph is None:
                self.attempt.step(images, labels)
            else:
                graph.replay()

    def join(self) -> None:
        """Let the current stream wait for the step."""
        torch.cuda.current_stream(self.attempt.device).wait_stream(self.stream)

    def _capture(self, images: Tensor, labels: Tensor) -> torch.cuda.CUDAGraph | None:
        """Capture a step; None where its network waits for the device.

        Raises
        ------
        StudyError
            Where the device's memory is too small, or the step cannot be captured for another reason.
        """
        try:
            waits = self._warm_up(images, labels)
            if waits is None:
                return self._record(images, labels)
        except torch.OutOfMemoryError as problem:
            raise StudyError(
                "The memory of the GPU does not hold so many networks side by side; set the config key "
                "training.cohort_size to fewer."
            ) from problem
        self.report(f"Without CUDA graphs: a step of this network waits for the device ({waits}).")
        return None

    def _warm_up(self, images: Tensor, labels: Tensor) -> str | None:
        """Take some steps and undo them; return what in a step waits for the device, if anything does."""
        torch.cuda.synchronize(self.attempt.device)
        with torch.cuda.stream(self.capturing), undone(self.attempt):
            for _ in range(WARM_UP):
                self.attempt.step(images, labels)
            # Found out beforehand: a capture that fails leaves torch's generators and memory unfit for further work.
            waits = self._waits(images, labels)
        torch.cuda.synchronize(self.attempt.device)  # all is undone, before another stream takes the first step
        return waits

    def _record(self, images: Tensor, labels: Tensor) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        if self.attempt.draws_masks:
            graph.register_generator_state(self.attempt.masks)
        try:
            with torch.cuda.stream(self.capturing), torch.cuda.graph(graph, pool=self.pool, stream=self.capturing):
                self.attempt.step(images, labels)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            raise StudyError(
                f"A step of this network cannot be captured as a CUDA graph ({problem}); set the config key "
                "training.cuda_graphs to false."
            ) from problem
        torch.cuda.synchronize(self.attempt.device)
        return graph

    def _waits(self, images: Tensor, labels: Tensor) -> str | None:
        """Take a step in which torch refuses to wait for the device; return what it refused, if anything."""
        mode = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            self.attempt.step(images, labels)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            return str(problem)
        finally:
            torch.cuda.set_sync_debug_mode(mode)
        return None


@contextmanager
def undone(attempt: Steps) -> Iterator[None]:
    """Restore, when the context ends, every tensor that the attempt's steps changed in it."""
    before = [tensor.clone() for tensor in attempt.tensors()]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, kept in zip(attempt.tensors(), before, strict=True):
                tensor.copy_(kept)
