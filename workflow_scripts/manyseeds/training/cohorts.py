"""Cohorts: attempts that train side by side and share their minibatches."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor

from manyseeds.data.feeding import Source
from manyseeds.data.images import Images
from manyseeds.devices import make_deterministic
from manyseeds.training.attempts import Attempt, Report
from manyseeds.training.graphs import Captured, Eager
from manyseeds.training.interruption import Interruption
from manyseeds.training.minibatches import Feed, n_steps
from manyseeds.training.recipes import Recipe


class Cohort:
    """Attempts that train side by side; each minibatch is fetched once for all that share it.

    All attempts have the same recipe. Their progress may differ: the attempts furthest behind train first.
    """

    def __init__(
        self,
        attempts: Sequence[Attempt],
        images: Images,
        device: torch.device,
        *,
        cuda_graphs: bool = True,
        save_every: float,
        interruption: Interruption,
        report: Report,
    ) -> None:
        self.attempts, self.save_every, self.interruption, self.report = attempts, save_every, interruption, report
        self.device, self.recipe = device, _common_recipe(attempts)
        self.n_steps = n_steps(attempts[0].task, len(images.labels))
        source, labels = Source(images.inputs, device), torch.from_numpy(images.labels).to(device)
        self.feeds: dict[tuple, Feed] = {}
        for attempt in attempts:
            self.feeds.setdefault(attempt.feed, Feed(attempt.task, attempt.place.attempt, source, labels))
        captured = cuda_graphs and device.type == "cuda"
        self.steps = {attempt: Captured(attempt, report) if captured else Eager(attempt) for attempt in attempts}
        self.since = self.saved = time.monotonic()

    def begin(self) -> None:
        """Continue each attempt from its saved state, if it has one."""
        for attempt in self.attempts:
            attempt.begin(self.report)

    def run(self, until: int) -> None:
        """Train all attempts until they have completed `until` epochs, or one of them is suspect.

        Raises
        ------
        Interrupted
            After a signal, once all states are saved.
        """
        make_deterministic(self.recipe.precision)
        with ExitStack() as stack:
            for attempt in self.attempts:
                stack.enter_context(attempt.training())
            while not any(attempt.is_suspect for attempt in self.attempts):
                if not self.advance(until):
                    break
        self._save(self.attempts)  # the evaluation that follows can take long

    def advance(self, until: int) -> bool:
        """Advance the attempts furthest behind; return False if all have completed `until` epochs.

        They stop at the end of their epoch, or at the step where another attempt waits.
        """
        unfinished = [attempt for attempt in self.attempts if attempt.place.epoch < until]
        if not unfinished:
            return False
        epoch, step = min((attempt.place.epoch, attempt.place.step) for attempt in unfinished)
        in_epoch = [attempt for attempt in unfinished if attempt.place.epoch == epoch]
        behind = [attempt for attempt in in_epoch if attempt.place.step == step]
        end = min((attempt.place.step for attempt in in_epoch if attempt.place.step > step), default=self.n_steps)
        self._elapsed()
        for attempt in behind:
            attempt.perturb(self.report)
        for minibatches in self._minibatches(behind, epoch, step, end):
            for attempt in behind:
                self.steps[attempt].launch(*minibatches[attempt.feed])
            for attempt in behind:
                self.steps[attempt].join()
                attempt.place.step += 1
            if self.interruption.signal or time.monotonic() - self.saved >= self.save_every:
                self._save(behind)
        self._share_seconds(behind)
        if end == self.n_steps:
            for attempt in behind:
                attempt.finish_epoch()
            self._report_epoch(behind)
        return True

    def _minibatches(
        self, attempts: Sequence[Attempt], epoch: int, first: int, end: int
    ) -> Iterator[dict[tuple, tuple[Tensor, Tensor]]]:
        """Yield the minibatches of each step, by feed."""
        addresses = list(dict.fromkeys(attempt.feed for attempt in attempts))
        feeds = [self.feeds[address].steps(epoch, first) for address in addresses]
        for _ in range(first, end):
            yield dict(zip(addresses, (next(feed) for feed in feeds), strict=True))

    def _save(self, training: Sequence[Attempt]) -> None:
        self._share_seconds(training)
        for attempt in training:
            attempt.save()
        self.saved = time.monotonic()
        self.interruption.heed(f"at epoch {training[0].place.epoch}, step {training[0].place.step}")

    def _share_seconds(self, training: Sequence[Attempt]) -> None:
        """Credit each attempt in training with an equal share of the time since the last call."""
        share = self._elapsed() / len(training)
        for attempt in training:
            attempt.place.seconds += share

    def _elapsed(self) -> float:
        if self.device.type == "cuda":  # steps are only launched until then
            torch.cuda.synchronize(self.device)
        now = time.monotonic()
        elapsed, self.since = now - self.since, now
        return elapsed

    def _report_epoch(self, training: Sequence[Attempt]) -> None:
        rows = [attempt.place.history[-1] for attempt in training]
        past = [row["seconds"] for attempt in training for row in attempt.place.history]
        left = np.mean(past) * sum(self.recipe.epochs - row["epoch"] for row in rows)
        first, *others = training
        whose = f"{first.task.name} attempt {first.place.attempt}" + (f" and {len(others)} others" if others else "")
        self.report(
            f"{whose}: epoch {rows[0]['epoch']}/{self.recipe.epochs}, loss {_span(rows, 'loss')}, "
            f"accuracy {_span(rows, 'accuracy')}, {sum(row['seconds'] for row in rows):.1f} s, "
            f"about {left / 60:.1f} min left"
        )


def _span(rows: Sequence[Mapping], column: str) -> str:
    low, high = (f"{extreme(row[column] for row in rows):.4f}" for extreme in (min, max))
    return low if low == high else f"{low} to {high}"


def _common_recipe(attempts: Sequence[Attempt]) -> Recipe:
    recipes = {attempt.recipe for attempt in attempts}
    if len(recipes) != 1:
        raise ValueError(f"Expected one recipe for all attempts of a cohort, found {len(recipes)}.")
    return recipes.pop()
