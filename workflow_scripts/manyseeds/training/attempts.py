"""Attempts at training: a network, its momentum and progress, and one step of gradient descent."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyseeds import processors, streams
from manyseeds.data.images import Images
from manyseeds.io import tensors
from manyseeds.models import build, spec
from manyseeds.models.forward import dropout
from manyseeds.models.perturbations import changes_forward
from manyseeds.models.seeding import seed_all
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
    """One instance to train, and the store of its state until it is published.

    Attributes
    ----------
    task
        The task; its recipe is resolved for the platform (`Recipe.on`).
    initial
        Initial weights of attempt 0.
    store
        Store of the training's state. An unfinished training in it is continued.
    key
        `Task.key` of this training.
    digest
        `Task.digest` of this training, the same on all platforms.
    platform
        Platform that the training runs on.
    """

    task: Task
    initial: Weights
    store: Store
    key: str
    digest: str
    platform: Platform


@dataclass
class Place:
    """Progress of an attempt; saved with its state as JSON."""

    attempt: int
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    n_correct: int = 0
    n_constant: int = 0
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)
    perturbed: dict[str, Any] | None = None
    """The weight that was changed: parameter, index, values before and after, and whether forward passes change."""


class Attempt:
    """One attempt at one instance: its network, momentum and progress, and the step that changes them."""

    def __init__(self, assignment: Assignment, images: Images, device: torch.device) -> None:
        self.assignment, self.task, self.store = assignment, assignment.task, assignment.store
        self.recipe, self.device, self.n_images = self.task.recipe, device, len(images.labels)
        self.place = Place(len(self.store.attempts()))
        self.feed = Feed.address(self.task, self.place.attempt)  # equal for attempts that share minibatches
        described = self.task.network, images.image_shape, images.n_categories
        self.described = spec.to_metadata(*described)
        module = build.build(*described)
        weights = self.task.initial_weights(images, assignment.initial, self.place.attempt)
        build.load(module, weights, source=f"initial weights of {self.task.name}")
        # torch does not declare `memory_format`.
        self.module = module.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        named = self.module.named_parameters()
        self.trained = {name: parameter for name, parameter in named if self.task.trains(name)}
        self.parameters = list(self.trained.values())
        self.frozen = self._frozen_modules()
        self.decayed = [parameter for parameter in self.parameters if parameter.ndim > 1]
        self.optimiser = torch.optim.SGD(self.parameters, lr=self.recipe.learning_rate, momentum=self.recipe.momentum)
        for parameter in self.parameters:  # created here, so that a captured step finds them at a fixed address
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
        """Whether the attempt may end early: it is not done, and another attempt would follow."""
        return not self.done and self.place.attempt + 1 < self.task.max_attempts

    @property
    def is_lost(self) -> bool:
        """Whether weights are no longer finite. No later step can make them finite again."""
        losses = [row["loss"] for row in self.place.history[-1:]]
        return not np.isfinite(losses).all() and not all(torch.isfinite(weights).all() for weights in self.parameters)

    @property
    def seems_dead(self) -> bool:
        """Whether an epoch has just ended with equal outputs within each of its last minibatches.

        Whether the network is dead is then judged on the whole training set (methods 3).
        """
        n = min(DEAD_MINIBATCHES, n_steps(self.task, self.n_images))
        return self.task.collapse.redraws_dead and self.place.step == 0 and self.place.n_constant >= n

    @property
    def is_suspect(self) -> bool:
        """Whether the collapse rule must be applied before training continues."""
        return self.may_be_given_up and (self.is_lost or (self.seems_dead and not self.is_cleared))

    def is_to_be_judged(self, epoch: int) -> bool:
        """Return whether the collapse rule must be applied now, after training until `epoch`."""
        if self.done:
            return epoch == self.recipe.epochs
        is_due = epoch in self.task.collapse.judge_after and (self.place.epoch, self.place.step) == (epoch, 0)
        return self.may_be_given_up and (self.is_suspect or is_due)

    @property
    def momentum(self) -> dict[str, Tensor]:
        """Momentum of each trained parameter, by name."""
        return {name: self.optimiser.state[parameter]["momentum_buffer"] for name, parameter in self.trained.items()}

    def tensors(self) -> list[Tensor]:
        """Return all tensors that a step changes."""
        sums = [self.loss_sum, self.n_correct, self.n_constant]
        return [*self.module.state_dict().values(), *self.momentum.values(), *sums]

    def _frozen_modules(self) -> list[torch.nn.Module]:
        """Return the modules without any trained parameter, if some parameters are not trained; freeze these."""
        frozen = [name for name, _ in self.module.named_parameters() if name not in self.trained]
        for name in frozen:
            self.module.get_parameter(name).requires_grad_(False)
        inside = [(f"{name}.", module) for name, module in self.module.named_modules() if name]
        return [module for path, module in inside if frozen and not any(name.startswith(path) for name in self.trained)]

    def learning_rate(self) -> float:
        """Return the learning rate of the current epoch."""
        return self.recipe.learning_rate_at(self.place.epoch)

    def training(self) -> AbstractContextManager[None]:
        """Put the network into training mode, and apply the recipe's dropout while the context lasts."""
        self.module.train()
        for module in self.frozen:  # whose buffers, such as running means, stay too
            module.eval()
        return dropout(self.module, self.recipe.dropout_after, self.recipe.dropout, self.masks)

    def seed(self) -> None:
        """Seed all generators of dropout masks for this step.

        Dropout of the recipe draws from `masks`. Dropout layers of the network itself (AlexNet has two) draw from
        torch's generator. Other code of the user's may draw from numpy's or Python's.
        """
        address = self.task.address("dropout", self.place.attempt)
        place = {"epoch": self.place.epoch, "step": self.place.step}
        if self.draws_masks:
            self.masks.manual_seed(streams.torch_seed(**address, **place))
        if self.draws_itself:
            own: streams.Address = {**address, "purpose": "dropout/own"}
            seed_all(streams.torch_seed(**own, **place))

    def perturb(self, report: Report) -> None:
        """Change the weight that the task perturbs, if that is due now and not done yet."""
        perturbation, place = self.task.perturb, self.place
        if perturbation is None or place.perturbed is not None or (place.epoch, place.step) != (perturbation.epoch, 0):
            return
        parameters = dict(self.module.named_parameters())
        shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        name, at = perturbation.place_in(shapes, self.task.name)
        before = parameters[name][at].item()
        after = float(perturbation.changed(before, self.task.name))
        with torch.no_grad():
            parameters[name][at] = after
        place.perturbed = {
            "parameter": name,
            "index": perturbation.index,
            "before": before,
            "after": after,
            "changes_forward": changes_forward(before, after, self.recipe.precision),
        }
        report(f"{self.task.name} attempt {place.attempt}: {name}[{perturbation.index}] is {before!r}, now {after!r}")

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Take one step of gradient descent on a minibatch.

        Nothing here may depend on a value that only the device holds, because GPUs capture the step.

        Parameters
        ----------
        images
            [batch, height, width, channels].
        labels
            [batch].
        """
        loss, logits = self.loss_and_logits(self.module, images, labels, self.recipe.precision)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # The gradient of l2 * sum(w^2), added before clipping: the penalty is part of the loss.
        for parameter in self.decayed:
            if parameter.grad is not None:  # the forward pass used the parameter
                parameter.grad.add_(parameter.detach(), alpha=2 * self.recipe.l2)
        torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        self.optimiser.step()
        logits = logits.detach()
        self.loss_sum += loss.detach().double() * len(labels)
        self.n_correct += (logits.argmax(dim=1) == labels).sum()
        self.n_constant.add_(1).mul_((logits == logits[:1]).all())  # minibatches in a row with equal outputs

    def finish_epoch(self) -> None:
        """Record the epoch's running values, and write its checkpoint if it has one."""
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
        place.n_constant, self.is_cleared = int(self.n_constant.item()), False
        self.loss_sum.zero_()
        self.n_correct.zero_()
        if place.epoch in self.recipe.checkpoints:
            self._write_checkpoint()

    def save(self) -> None:
        """Write the state, so that a later process can continue from here."""
        self.store.check_begun(self.task.name)
        place = self.place
        place.loss_sum, place.n_correct = self.loss_sum.item(), int(self.n_correct.item())
        place.n_constant = int(self.n_constant.item())
        state = {f"weights/{name}": array for name, array in build.weights_of(self.module).items()}
        state |= {f"momentum/{name}": build.as_array(momentum) for name, momentum in self.momentum.items()}
        tensors.write(self.store.state, state, {"key": self.assignment.key, "place": json.dumps(asdict(place))})

    def begin(self, report: Report) -> None:
        """Continue from the saved state of this attempt, or write checkpoint 0 if there is none."""
        self.store.begin(self.assignment.digest, self.assignment.platform)
        if not (self.store.state.exists() and self._resume()):
            self.perturb(report)
            self._write_checkpoint()
        else:
            place = self.place
            report(f"{self.task.name} attempt {place.attempt}: resumed at epoch {place.epoch}, step {place.step}")

    def _resume(self) -> bool:
        state, metadata = tensors.read(self.store.state)
        place = Place(**json.loads(metadata["place"]))
        if place.attempt != self.place.attempt:  # left behind by an attempt that is already recorded
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
        self.store.check_begun(self.task.name)
        place = self.place
        metadata = {
            "key": self.assignment.key,
            "task": self.assignment.digest,
            "epoch": str(place.epoch),
            "attempt": str(place.attempt),
            "streams": json.dumps(dict(self.task.stream_seeds)),
            "software": json.dumps(software()),
            **self.described,
            **self.assignment.platform.metadata,
            "cpu": processors.model(),
        }
        if place.perturbed is not None:
            metadata["perturbed"] = json.dumps(place.perturbed)
        tensors.write(self.store.checkpoint(place.attempt, place.epoch), build.weights_of(self.module), metadata)


def _under(tensors: Mapping[str, NDArray], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array) for name, array in tensors.items() if name.startswith(prefix)
    }
