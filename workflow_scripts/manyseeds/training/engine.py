"""The training engine: instances side by side on one device, each with exactly the bits that it has alone.

See methods 3; `reference` is the same as a plain loop. An interrupted training continues with the bits it would
have had: its state (weights, momentum, place in the epoch) lies in a `Store`, and everything random is addressed, not
saved (`streams`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from manyseeds.data.images import Images
from manyseeds.devices import make_deterministic
from manyseeds.models.spec import Weights
from manyseeds.training.attempts import Assignment, Attempt, Report
from manyseeds.training.cohorts import Cohort
from manyseeds.training.collapse import ACCEPTED, DEAD, NOT_FINITE
from manyseeds.training.evaluation import evaluate
from manyseeds.training.graphs import undone
from manyseeds.training.interruption import Interruption
from manyseeds.training.platforms import Platform
from manyseeds.training.recipes import Task
from manyseeds.training.stores import Store, locked, metadata_of, of_task

AT_ONCE = (NOT_FINITE, DEAD)
"""Outcomes that no further training can change: attempts end with them at the end of any epoch."""

SHARE_OF_MEMORY = 0.8
"""A cohort may fill this share of what is free on a GPU."""


def train(
    assignments: Sequence[Assignment],
    images: Images,
    *,
    device: torch.device,
    cohort_size: int | str = 1,
    cuda_graphs: bool = True,
    save_every: float,
    report: Report,
    announce: Report = lambda line: None,
) -> None:
    """Train instances until each store holds its result: an accepted attempt, or the last of `max_attempts` rejected
    ones.

    Parameters
    ----------
    assignments
        Instances of one condition, or none: their recipe is the same.
    images
        Those that all of them are trained on.
    cohort_size
        How many train side by side, or ``auto``; no bit depends on it.
    cuda_graphs
        Whether steps are captured on a GPU; no bit depends on it.
    save_every
        Seconds between two saved states: what a kill loses at most.
    report
        Called with one sentence of progress after each epoch.
    announce
        Called with one sentence when an attempt is rejected.

    Raises
    ------
    Interrupted
        After SIGTERM or SIGINT, all states saved.
    """
    if not assignments:
        return
    make_deterministic(assignments[0].task.recipe.precision)
    size = fitting(assignments, images, device) if cohort_size == "auto" else int(cohort_size)
    spared: set[tuple[str, int, int]] = set()
    with Interruption() as interruption:
        while unfinished := [each for each in assignments if not each.store.finished(each.task.max_attempts)]:
            with _locked(unfinished[:size], interruption, report) as cohort:
                if cohort:
                    _train_attempts(
                        cohort,
                        images,
                        device,
                        spared,
                        cuda_graphs=cuda_graphs,
                        save_every=save_every,
                        interruption=interruption,
                        report=report,
                        announce=announce,
                    )


@contextmanager
def _locked(
    assignments: Sequence[Assignment], interruption: Interruption, report: Report
) -> Iterator[list[Assignment]]:
    """Hold the locks of some stores, and yield those that nobody else has finished in the meantime."""
    with ExitStack() as stack:
        for each in sorted(assignments, key=lambda each: each.key):  # all lock in one order: nobody waits in a circle
            stack.enter_context(locked(each.store, report, meanwhile=lambda: interruption.heed("while it waited")))
        yield [each for each in assignments if not each.store.finished(each.task.max_attempts)]


def _train_attempts(
    assignments: Sequence[Assignment],
    images: Images,
    device: torch.device,
    spared: set[tuple[str, int, int]],
    *,
    cuda_graphs: bool,
    save_every: float,
    interruption: Interruption,
    report: Report,
    announce: Report,
) -> None:
    """Train the next attempt at each of some instances, and record what became of it.

    Where some end before the others, only these are recorded: new attempts can begin beside the others.

    `spared` are key, attempt and epoch of judgements that an attempt has passed, which it need not pass again.
    """
    attempts = [Attempt(each, images, device) for each in assignments]
    cohort = Cohort(
        attempts,
        images,
        device,
        cuda_graphs=cuda_graphs,
        save_every=save_every,
        interruption=interruption,
        report=report,
    )

    def judge(epoch: int) -> bool:
        """Judge those whose turn it is; return whether one of them was given up before its end."""
        given_up = False
        for attempt in [each for each in attempts if each.is_to_be_judged(epoch)]:
            judgement = (attempt.assignment.key, attempt.place.attempt, attempt.place.epoch)
            if judgement not in spared:
                passed = _judge(attempt, images, report, announce)
                given_up |= not passed and not attempt.done
                if passed:
                    spared.add(judgement)
            attempt.is_cleared = judgement in spared
            interruption.heed("between two instances")
        return given_up

    cohort.begin()
    last_epoch = cohort.recipe.epochs
    if any(attempt.done for attempt in attempts):  # stopped before they were judged
        judge(last_epoch)
        return
    for epoch in sorted({*attempts[0].task.collapse.judge_after, last_epoch}):
        while True:
            cohort.run(epoch)
            is_there = not any(attempt.is_suspect for attempt in attempts)
            if judge(epoch):
                return
            if is_there:
                break


def _judge(attempt: Attempt, images: Images, report: Report, announce: Report) -> bool:
    """Return whether an attempt passes the collapse rule; record what became of it if this is its end.

    Before the end of its last epoch an attempt that has not been asked for by `judge_after` can only be lost or dead.
    """
    make_deterministic("fp32")  # as checkpoints are evaluated
    place, rule = attempt.place, attempt.task.collapse
    evaluation = evaluate(attempt.module, images, attempt.device)
    outcome, reason = rule.judge(evaluation, is_lost=attempt.is_lost, seems_dead=attempt.seems_dead)
    if not attempt.done:
        is_due = place.step == 0 and place.epoch in rule.judge_after
        if outcome == ACCEPTED or not (is_due or outcome in AT_ONCE):
            return True
        reason = f"given up after {place.epoch} of {attempt.recipe.epochs} epochs: {reason}"
    record = {
        "attempt": place.attempt,
        "outcome": outcome,
        "reason": reason,
        "loss": evaluation.loss,
        "train_accuracy": evaluation.accuracy,
        "n_categories_predicted": evaluation.n_categories_predicted,
    }
    attempt.store.append(record, place.history)
    sentence = f"{attempt.task.name} attempt {place.attempt}: {outcome}" + (f" ({reason})" if reason else "")
    report(sentence)
    if outcome != ACCEPTED:
        announce(sentence)
    return outcome == ACCEPTED


def fitting(assignments: Sequence[Assignment], images: Images, device: torch.device) -> int:
    """Return how many instances train side by side: on a GPU as many as its memory holds; on a CPU one, since a core
    gains nothing from more.
    """
    if device.type == "cpu":
        return 1
    data = 0 if images.inputs.dtype == np.uint8 else images.inputs.nbytes  # resident beside them all
    free = SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0] - data
    return min(len(assignments), max(1, int(free // bytes_needed(assignments[0], images, device))))


def bytes_needed(assignment: Assignment, images: Images, device: torch.device) -> int:
    """Return the most memory of a GPU that one attempt at an instance takes, as seen in one step."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    attempt = Attempt(assignment, images, device)
    size = assignment.task.recipe.batch_size
    batch = torch.zeros((size, *images.inputs.shape[1:]), device=device)
    with undone(attempt), attempt.training():
        attempt.step(batch, torch.zeros(size, dtype=torch.int64, device=device))
    return torch.cuda.max_memory_allocated(device) - before


def assign(
    task: Task,
    initial: Weights,
    images: Images,
    platform: Platform,
    *,
    stores: Path,
    code: str,
    published: Path | None = None,
    report: Report,
) -> Assignment | None:
    """Return the training of an instance, or None if it is finished, on this platform or another one.

    Only an unfinished training of another platform is not continued: it would end in other bits than either has.

    Parameters
    ----------
    stores
        Folder of the stores of all trainings.
    code
        Digest of the code.
    published
        Weights of the last epoch, where the instance's are published.
    """
    digest, key = task.digest(initial, images.digest, code), task.key(initial, images.digest, code, platform)
    if published is not None and (metadata := metadata_of(published)):
        trained_on = Platform.from_metadata(metadata)
        if metadata.get("key") == task.key(initial, images.digest, code, trained_on):
            report(f"{task.name}: weights are there already, trained on {trained_on}")
            return None
    for other in (begun := of_task(stores, digest)):
        if other.finished(task.max_attempts):
            report(f"{task.name}: trained already, on {Platform.from_metadata(other.origin)}")
            return None
    for other in begun:
        if other.folder.name != key:
            report(
                f"{task.name}: begun on {Platform.from_metadata(other.origin)}, this is {platform}. Its bits would be "
                "those of neither, so it is not continued: the training begins again here."
            )
    task = replace(task, recipe=task.recipe.on(platform))
    return Assignment(task, initial, Store(stores / key), key, digest, platform)
