"""Training steps on a GPU, captured as CUDA graphs.

A replay is one call instead of hundreds of launches. Graphs of several instances run on the device side by side.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from manyseeds.errors import StudyError
from manyseeds.models.seeding import states_of_others

if TYPE_CHECKING:
    from manyseeds.training.attempts import Attempt

WARM_UP = 3
"""Number of steps before a capture, undone afterwards. Libraries set themselves up in them, outside the capture."""


class Eager:
    """Steps that run one operation after another."""

    def __init__(self, attempt: "Attempt") -> None:
        self.attempt = attempt

    def launch(self, images: Tensor, labels: Tensor) -> None:
        """Take a step."""
        self.attempt.seed()
        self.attempt.step(images, labels)

    def join(self) -> None:
        """Do nothing: the step is done."""


class Captured:
    """Steps replayed from graphs, on their own stream.

    A graph is valid for one learning rate and one size of minibatch, which must always lie in the same memory.
    Networks with their own dropout draw from torch's generator and share the current stream: a device has only one
    such generator, and cuBLAS has one workspace per stream. A network whose steps wait for the device cannot be
    captured, nor one that draws random numbers with numpy: a graph would repeat the same ones. Its steps run one
    operation after another, with the same bits.
    """

    def __init__(self, attempt: "Attempt", report: Callable[[str], None]) -> None:
        self.attempt, self.report = attempt, report
        self.graphs: dict[int, torch.cuda.CUDAGraph | None] = {}
        self.learning_rate: float | None = None
        self.pool = torch.cuda.graph_pool_handle()
        self.capturing = torch.cuda.Stream(attempt.device)
        current = torch.cuda.current_stream(attempt.device)
        self.stream = current if attempt.draws_itself else torch.cuda.Stream(attempt.device)

    def launch(self, images: Tensor, labels: Tensor) -> None:
        """Start a step; it is done once `join` was called and the current stream has caught up."""
        if self.learning_rate != self.attempt.learning_rate():
            self.graphs.clear()
            self.pool = torch.cuda.graph_pool_handle()  # a pool whose graphs are all deleted cannot be used again
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
        """Make the current stream wait for the step."""
        torch.cuda.current_stream(self.attempt.device).wait_stream(self.stream)

    def _capture(self, images: Tensor, labels: Tensor) -> torch.cuda.CUDAGraph | None:
        """Capture a step; return None if the network waits for the device, or draws numbers outside torch.

        Raises
        ------
        StudyError
            If the device's memory is too small, or the step cannot be captured for another reason.
        """
        try:
            obstacle = self._warm_up(images, labels)
            if obstacle is None:
                return self._record(images, labels)
        except torch.OutOfMemoryError as problem:
            raise StudyError(
                "The GPU's memory is too small for so many networks side by side; set the config key "
                "training.cohort_size to a smaller number."
            ) from problem
        self.report(f"CUDA graphs are not used: a step of this network {obstacle}.")
        return None

    def _warm_up(self, images: Tensor, labels: Tensor) -> str | None:
        """Take some steps and undo them; return what they do that no graph can repeat, or None if nothing."""
        before = states_of_others()
        torch.cuda.synchronize(self.attempt.device)
        with torch.cuda.stream(self.capturing), undone(self.attempt):
            for _ in range(WARM_UP):
                self.attempt.step(images, labels)
            # Checked before the capture: a failed capture makes torch's generators and memory unusable.
            waits = self._waits(images, labels)
        torch.cuda.synchronize(self.attempt.device)  # undone before another stream takes the first step
        if states_of_others() != before:
            return "draws random numbers with numpy or random"
        return waits and f"waits for the device ({waits})"

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
        """Take a step that torch forbids to wait for the device; return torch's error, or None."""
        mode = torch.cuda.get_sync_debug_mode()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Synchronization debug mode is a prototype")
                torch.cuda.set_sync_debug_mode("error")
            self.attempt.step(images, labels)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            return str(problem)
        finally:
            torch.cuda.set_sync_debug_mode(mode)
        return None


@contextmanager
def undone(attempt: "Attempt") -> Iterator[None]:
    """Undo the attempt's steps in this context: restore every changed tensor at its end."""
    before = [tensor.clone() for tensor in attempt.tensors()]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, kept in zip(attempt.tensors(), before, strict=True):
                tensor.copy_(kept)
