"""Attempts: one network in training, its momentum and place, and one step of gradient descent."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyseeds import processors, streams
from manyseeds.data.images import Images
from manyseeds.io import tensors
from manyseeds.models import build, spec
from manyseeds.models.forward import dropout
from manyseeds.models.spec import Weights
from manyseeds.training.collapse import DEAD_MINIBATCHES
from manyseeds.training.compiled import compiled_loss_and_logits
from manyseeds.training.minibatches import Feed, n_steps
from manyseeds.training.platforms import Platform
from manyseeds.training.recipes import Task, software
from manyseeds.training.steps import loss_and_logits
from manyseeds.training.stores import Store

Report = Callable[[str], None]
"""Called with one line of progress."""


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
        module = build.build(self.task.network, images.inputs.shape[1:], images.n_categories)
        weights = self.task.initial_weights(images, assignment.initial, self.place.attempt)
        build.load(module, weights, source=f"initial weights of {self.task.name}")
        self.module = module.to(device, memory_format=torch.channels_last)
        self.parameters = list(self.module.parameters())
        self.decayed = [parameter for parameter in self.parameters if parameter.ndim > 1]
        self.optimiser = torch.optim.SGD(self.parameters, lr=self.recipe.learning_rate, momentum=self.recipe.momentum)
        for parameter in self.parameters:  # zeros to begin with, where a captured step can find them
            self.optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.masks = torch.Generator(device)
        self.draws_masks = self.recipe.dropout > 0
        self.draws_itself = self.task.network.architecture not in spec.ALL_CNNS
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

    def training(self) -> AbstractContextManager[None]:
        """Put the network into training mode; while the context lasts, the recipe's dropout is applied."""
        self.module.train()
        return dropout(self.module, self.recipe.dropout_after, self.recipe.dropout, self.masks)

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
        state = {f"weights/{name}": array for name, array in build.weights_of(self.module).items()}
        state |= {f"momentum/{name}": build.as_array(momentum) for name, momentum in self.momentum.items()}
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
        tensors.write(self.store.checkpoint(place.attempt, place.epoch), build.weights_of(self.module), metadata)


def _under(tensors: Mapping[str, NDArray], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array) for name, array in tensors.items() if name.startswith(prefix)
    }
