"""The training engine: instances side by side on one device, each with the bits that it has alone.

See methods 3; `reference` does the same in a plain loop. Interruptions do not change the weights. The state of a
training (weights, momentum, progress) lies in a `Store`. Random draws are addressed, so no generator is saved
(`streams`).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from manyseeds.data.images import Images
from manyseeds.data.pixels import Pixels
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
"""Outcomes that further training cannot change. They can end an attempt after any epoch."""

SHARE_OF_MEMORY = 0.8
"""Largest share of a GPU's free memory that a cohort may fill."""


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
    """Train instances until each store holds a result.

    A result is an accepted attempt, or the last of `max_attempts` rejected ones.

    Parameters
    ----------
    assignments
        Instances of one condition, with the same recipe. The list may be empty.
    images
        Training images of all instances.
    cohort_size
        Number of instances that train side by side, or ``auto``. It does not change the weights.
    cuda_graphs
        Whether steps are captured on a GPU. It does not change the weights.
    save_every
        Seconds between two saved states. A killed training loses at most this time.
    report
        Called with one sentence of progress after each epoch.
    announce
        Called with one sentence when an attempt is rejected.

    Raises
    ------
    Interrupted
        After SIGTERM or SIGINT, once all states are saved.
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
    """Hold the locks of the stores, and yield the assignments that are still unfinished."""
    with ExitStack() as stack:
        for each in sorted(assignments, key=lambda each: each.key):  # one order of locking avoids deadlocks
            stack.enter_context(
                locked(each.store, report, meanwhile=lambda: interruption.heed("while waiting for a lock"))
            )
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
    """Train the next attempt at each instance, and record its outcome.

    If some attempts end before the others, only these are recorded. The others then continue beside new attempts.

    `spared` holds key, attempt and epoch of each judgement that was passed, so that it is not repeated.
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
        """Judge the attempts that are due; return whether one of them was given up before its end."""
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
    if any(attempt.done for attempt in attempts):  # interrupted before they were judged
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
    """Return whether an attempt passes the collapse rule; record its outcome if the attempt ends.

    After an epoch that is neither the last nor in `judge_after`, only outcomes of `AT_ONCE` end an attempt.
    """
    make_deterministic("fp32")  # the precision in which checkpoints are evaluated
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
    attempt.store.check_begun(attempt.task.name)
    attempt.store.append(record, place.history)
    sentence = f"{attempt.task.name} attempt {place.attempt}: {outcome}" + (f" ({reason})" if reason else "")
    report(sentence)
    if outcome != ACCEPTED:
        announce(sentence)
    return outcome == ACCEPTED


def fitting(assignments: Sequence[Assignment], images: Images, device: torch.device) -> int:
    """Return the number of instances that train side by side.

    A GPU takes as many as its memory holds. A CPU takes one, because a core gains nothing from more.
    """
    if device.type == "cpu":
        return 1
    data = 0 if isinstance(images.inputs, Pixels) else images.inputs.nbytes  # in memory beside all networks
    free = SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0] - data
    return min(len(assignments), max(1, int(free // bytes_needed(assignments[0], images, device))))


def bytes_needed(assignment: Assignment, images: Images, device: torch.device) -> int:
    """Return the largest GPU memory in bytes that one attempt at an instance takes, measured in one step."""
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
    """Return the training of an instance, or None if it is finished on any platform.

    An unfinished training of another platform is not continued: its weights would be those of neither platform.

    Parameters
    ----------
    stores
        Folder of the stores of all trainings.
    code
        Digest of the code.
    published
        File of the instance's published weights of the last epoch, which need not exist.

    Raises
    ------
    StudyError
        If the task's perturbation does not fit its network.
    """
    if task.perturb is not None:
        task.perturb.check(initial, task.name)
    digest, key = task.digest(initial, images.digest, code), task.key(initial, images.digest, code, platform)
    if published is not None and (metadata := metadata_of(published)):
        trained_on = Platform.from_metadata(metadata)
        if metadata.get("key") == task.key(initial, images.digest, code, trained_on):
            report(f"{task.name}: weights exist already, trained on {trained_on}")
            return None
    for other in (begun := of_task(stores, digest)):
        if other.finished(task.max_attempts):
            report(f"{task.name}: trained already, on {Platform.from_metadata(other.origin)}")
            return None
    for other in begun:
        if other.folder.name != key:
            report(
                f"{task.name}: begun on {Platform.from_metadata(other.origin)}, but this is {platform}. A training is "
                "not continued on another platform, so it begins again here."
            )
    task = replace(task, recipe=task.recipe.on(platform))
    return Assignment(task, initial, Store(stores / key), key, digest, platform)
