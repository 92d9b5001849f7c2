"""The training engine: instances side by side on one device, each with exactly the bits that it has alone.

See methods 3; `reference` is the same as a plain loop. An interrupted training continues with the bits it would
have had: its state (weights, momentum, place in the epoch) lies in a `Store`, and everything random is addressed, not
saved (`streams`).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyseeds import modules, networks, processors, streams, tensors
from manyseeds.compiled import compiled_loss_and_logits
from manyseeds.devices import make_deterministic
from manyseeds.feeding import Source
from manyseeds.graphs import Captured, Eager, undone
from manyseeds.inference import dropout, evaluate
from manyseeds.interruption import Interruption
from manyseeds.minibatches import Feed, n_steps
from manyseeds.networks import Weights
from manyseeds.recipes import ACCEPTED, DEAD, DEAD_MINIBATCHES, NOT_FINITE, Images, Platform, Recipe, Task, software
from manyseeds.steps import loss_and_logits
from manyseeds.stores import Store, finished_store, locked, metadata_of, of_task

Report = Callable[[str], None]
"""Called with one line of progress."""

AT_ONCE = (NOT_FINITE, DEAD)
"""Outcomes that no further training can change: attempts end with them at the end of any epoch."""

SHARE_OF_MEMORY = 0.8
"""A cohort may fill this share of what is free on a GPU."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """One instance to be trained, and where its state lies until it is published.

    Attributes
    ----------
    task
        With a recipe that the platform has decided on (`Recipe.on`).
    initial
        Weights that attempt 0 begins from.
    store
        A store with an unfinished training is continued.
    key
        `Task.key` of this training.
    digest
        `Task.digest` of this training: the same on all platforms.
    """

    task: Task
    initial: Weights
    store: Store
    key: str
    digest: str
    platform: Platform


@dataclass
class Place:
    """How far an attempt has come; saved with its state as JSON."""

    attempt: int
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    n_correct: int = 0
    n_constant: int = 0
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)


class Attempt:
    """One attempt at one instance: its network, momentum and place, and what one step does to them."""

    def __init__(self, assignment: Assignment, images: Images, device: torch.device) -> None:
        self.assignment, self.task, self.store = assignment, assignment.task, assignment.store
        self.recipe, self.device, self.n_images = self.task.recipe, device, len(images.labels)
        self.place = Place(len(self.store.attempts()))
        self.feed = Feed.address(self.task, self.place.attempt)  # equal for those that share their minibatches
        module = modules.build(self.task.network, images.inputs.shape[1:], images.n_categories)
        weights = self.task.initial_weights(images, assignment.initial, self.place.attempt)
        modules.load(module, weights, source=f"initial weights of {self.task.name}")
        self.module = module.to(device, memory_format=torch.channels_last)
        self.parameters = list(self.module.parameters())
        self.decayed = [parameter for parameter in self.parameters if parameter.ndim > 1]
        self.optimiser = torch.optim.SGD(self.parameters, lr=self.recipe.learning_rate, momentum=self.recipe.momentum)
        for parameter in self.parameters:  # zeros to begin with, where a captured step can find them
            self.optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.masks = torch.Generator(device)
        self.draws_masks = self.recipe.dropout > 0
        self.draws_itself = self.task.network.architecture not in networks.ALL_CNNS
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self.n_correct, self.n_constant = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(2))
        self.loss_and_logits = compiled_loss_and_logits if self.recipe.compile else loss_and_logits
        self.is_cleared = False

    @property
    def done(self) -> bool:
        """Whether the last epoch is completed."""
        return self.place.epoch >= self.recipe.epochs

    @property
    def may_be_given_up(self) -> bool:
        """Whether another attempt would follow; the last one is trained to its end, whatever becomes of it."""
        return not self.done and self.place.attempt + 1 < self.task.max_attempts

    @property
    def is_lost(self) -> bool:
        """Whether weights are no longer finite: no step makes them so again."""
        losses = [row["loss"] for row in self.place.history[-1:]]
        return not np.isfinite(losses).all() and not all(torch.isfinite(weights).all() for weights in self.parameters)

    @property
    def seems_dead(self) -> bool:
        """Whether an epoch has just ended, and the output was the same for all images in each of its last minibatches.

        Only the whole training set tells whether the network is dead (methods 3).
        """
        n = min(DEAD_MINIBATCHES, n_steps(self.task, self.n_images))
        return self.task.collapse.redraws_dead and self.place.step == 0 and self.place.n_constant >= n

    @property
    def is_suspect(self) -> bool:
        """Whether the collapse rule is to be asked before anything else, since another attempt may be needed."""
        return self.may_be_given_up and (self.is_lost or (self.seems_dead and not self.is_cleared))

    def is_to_be_judged(self, epoch: int) -> bool:
        """Whether the collapse rule is to be asked now, of those that have been trained until `epoch`."""
        if self.done:
            return epoch == self.recipe.epochs
        is_due = epoch in self.task.collapse.judge_after and (self.place.epoch, self.place.step) == (epoch, 0)
        return self.may_be_given_up and (self.is_suspect or is_due)

    @property
    def momentum(self) -> dict[str, Tensor]:
        """The momentum of each parameter, by its name."""
        return {
            name: self.optimiser.state[parameter]["momentum_buffer"]
            for name, parameter in self.module.named_parameters()
        }

    def tensors(self) -> list[Tensor]:
        """Return all tensors that a step changes."""
        sums = [self.loss_sum, self.n_correct, self.n_constant]
        return [*self.module.state_dict().values(), *self.momentum.values(), *sums]

    def learning_rate(self) -> float:
        """Return the learning rate of the epoch under way."""
        return self.recipe.learning_rate_at(self.place.epoch)

    def seed(self) -> None:
        """Put both generators that dropout draws from where this step's addresses in its stream say.

        Those of the recipe draw from a generator of ours, those of the network's own (AlexNet has two) from torch's.
        """
        address = self.task.address("dropout", self.place.attempt)
        place = {"epoch": self.place.epoch, "step": self.place.step}
        if self.draws_masks:
            self.masks.manual_seed(streams.torch_seed(**address, **place))
        if self.draws_itself:
            torch.manual_seed(streams.torch_seed(**address | {"purpose": "dropout/own"}, **place))

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Do one step of gradient descent on a minibatch: images [batch, height, width, channels], labels [batch].

        Nothing in here may depend on a value that only the device knows: it is captured on GPUs.
        """
        loss, logits = self.loss_and_logits(self.module, images, labels, self.recipe.precision)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # The gradient of l2 * sum(w^2), added before clipping: it is part of the loss whose gradient is clipped.
        for parameter in self.decayed:
            if parameter.grad is not None:  # the forward pass made use of it
                parameter.grad.add_(parameter.detach(), alpha=2 * self.recipe.l2)
        torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        self.optimiser.step()
        logits = logits.detach()
        self.loss_sum += loss.detach().double() * len(labels)
        self.n_correct += (logits.argmax(dim=1) == labels).sum()
        self.n_constant.add_(1).mul_((logits == logits[:1]).all())  # minibatches in a row

    def finish_epoch(self) -> None:
        """Note the epoch's running values, and write its checkpoint where it is due."""
        place = self.place
        place.history.append(
            {
                "attempt": place.attempt,
                "epoch": place.epoch + 1,
                "loss": self.loss_sum.item() / self.n_images,
                "accuracy": self.n_correct.item() / self.n_images,
                "learning_rate": self.learning_rate(),
                "seconds": place.seconds,
            }
        )
        place.epoch, place.step, place.loss_sum, place.n_correct, place.seconds = place.epoch + 1, 0, 0.0, 0, 0.0
        place.n_constant, self.is_cleared = self.n_constant.item(), False
        self.loss_sum.zero_()
        self.n_correct.zero_()
        if place.epoch in self.recipe.checkpoints:
            self._write_checkpoint()

    def save(self) -> None:
        """Write the state, so that whoever comes next continues from here."""
        place = self.place
        place.loss_sum, place.n_correct = self.loss_sum.item(), self.n_correct.item()
        place.n_constant = self.n_constant.item()
        state = {f"weights/{name}": array for name, array in modules.weights_of(self.module).items()}
        state |= {f"momentum/{name}": modules.as_array(momentum) for name, momentum in self.momentum.items()}
        tensors.write(self.store.state, state, {"key": self.assignment.key, "place": json.dumps(asdict(place))})

    def begin(self, report: Report) -> None:
        """Continue from the saved state of this very attempt; where there is none, write checkpoint 0."""
        self.store.begin(self.assignment.digest, self.assignment.platform)
        if not (self.store.state.exists() and self._resume()):
            self._write_checkpoint()
        else:
            place = self.place
            report(f"{self.task.name} attempt {place.attempt}: resumed at epoch {place.epoch}, step {place.step}")

    def _resume(self) -> bool:
        state, metadata = tensors.read(self.store.state)
        place = Place(**json.loads(metadata["place"]))
        if place.attempt != self.place.attempt:  # left behind by an attempt that is on record already
            return False
        self.place = place
        self.module.load_state_dict(_under(state, "weights/"))
        saved = _under(state, "momentum/")
        for name, momentum in self.momentum.items():
            momentum.copy_(saved[name])
        self.loss_sum.fill_(place.loss_sum)
        self.n_correct.fill_(place.n_correct)
        self.n_constant.fill_(place.n_constant)
        return True

    def _write_checkpoint(self) -> None:
        place = self.place
        metadata = {
            "key": self.assignment.key,
            "task": self.assignment.digest,
            "epoch": str(place.epoch),
            "attempt": str(place.attempt),
            "streams": json.dumps(dict(self.task.stream_seeds)),
            "software": json.dumps(software()),
            **self.assignment.platform.metadata,
            "cpu": processors.model(),
        }
        tensors.write(self.store.checkpoint(place.attempt, place.epoch), modules.weights_of(self.module), metadata)


class Cohort:
    """Attempts that train side by side: each minibatch is fetched once for all that share it.

    Their recipe is the same, their places need not be: those furthest behind go on until they catch up with the others.
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
        self.recipe = _common_recipe(attempts)
        self.n_steps = n_steps(attempts[0].task, len(images.labels))
        source, labels = Source(images.inputs, device), torch.from_numpy(images.labels).to(device)
        self.feeds: dict[tuple, Feed] = {}
        for attempt in attempts:
            self.feeds.setdefault(attempt.feed, Feed(attempt.task, attempt.place.attempt, source, labels))
        captured = cuda_graphs and device.type == "cuda"
        self.steps = {attempt: Captured(attempt, report) if captured else Eager(attempt) for attempt in attempts}
        self.since = self.saved = time.monotonic()

    def begin(self) -> None:
        """Continue from the saved states of the attempts, where there are any."""
        for attempt in self.attempts:
            attempt.begin(self.report)

    def run(self, until: int) -> None:
        """Train all attempts until they have completed `until` epochs, or one of them is suspect.

        Raises
        ------
        Interrupted
            After a signal, all states saved.
        """
        make_deterministic(self.recipe.precision)
        with ExitStack() as stack:
            for attempt in self.attempts:
                attempt.module.train()
                stack.enter_context(
                    dropout(attempt.module, self.recipe.dropout_after, self.recipe.dropout, attempt.masks)
                )
            while not any(attempt.is_suspect for attempt in self.attempts):
                if not self.advance(until):
                    break
        self._save(self.attempts)  # what follows, the evaluation, takes its time

    def advance(self, until: int) -> bool:
        """Take those furthest behind to the end of their epoch, or to the place where another one waits; return False
        where all have completed `until` epochs.
        """
        unfinished = [attempt for attempt in self.attempts if attempt.place.epoch < until]
        if not unfinished:
            return False
        epoch, step = min((attempt.place.epoch, attempt.place.step) for attempt in unfinished)
        in_epoch = [attempt for attempt in unfinished if attempt.place.epoch == epoch]
        behind = [attempt for attempt in in_epoch if attempt.place.step == step]
        end = min((attempt.place.step for attempt in in_epoch if attempt.place.step > step), default=self.n_steps)
        self._elapsed()
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
        """Yield, step by step, the minibatch of each feed of some attempts."""
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
        """Credit each of the attempts that were training with its share of the time since this was last asked."""
        share = self._elapsed() / len(training)
        for attempt in training:
            attempt.place.seconds += share

    def _elapsed(self) -> float:
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
        raise ValueError(f"A cohort has one recipe, found {len(recipes)}")
    return recipes.pop()


def _under(tensors: Mapping[str, NDArray], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array) for name, array in tensors.items() if name.startswith(prefix)
    }


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
    """Train the next attempt at each of some instances, and put on record what became of it: of all of them, or only of
    those that end before the others, in whose places new ones can begin.

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
    """Return whether an attempt passes the collapse rule; put on record what became of it if this is its end.

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
    attempt.module.train()
    recipe = assignment.task.recipe
    size = recipe.batch_size
    batch = torch.zeros((size, *images.inputs.shape[1:]), device=device)
    with undone(attempt), dropout(attempt.module, recipe.dropout_after, recipe.dropout, attempt.masks):
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
    if (finished := finished_store(stores, digest, task.max_attempts)) is not None:
        report(f"{task.name}: trained already, on {Platform.from_metadata(finished.origin)}")
        return None
    for other in of_task(stores, digest):
        if other.folder.name != key:
            report(
                f"{task.name}: begun on {Platform.from_metadata(other.origin)}, this is {platform}. Its bits would be "
                "those of neither, so it is not continued: the training begins again here."
            )
    task = replace(task, recipe=task.recipe.on(platform))
    return Assignment(task, initial, Store(stores / key), key, digest, platform)
