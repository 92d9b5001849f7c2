"""Training of instances: the reference implementation, plain and deterministic, one instance after another.

METHODS, section 3. An interrupted training continues with the bits it would have had: its state (weights, momentum,
place in the epoch) lies in a `Store`, and everything random is addressed, not saved (`streams`).
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from manyseeds import modules, streams
from manyseeds.errors import StudyError
from manyseeds.feeding import feeder, to_device
from manyseeds.files import atomic_path
from manyseeds.inputs import Inputs
from manyseeds.modules import Weights
from manyseeds.recipes import Evaluation, Images, Task, software
from manyseeds.stores import Store, locked, published_key

Report = Callable[[str], None]
"""Called with one line of progress."""

EVALUATION_BATCH = 100
"""Images a forward pass: few enough for a CPU's cache; fixed, because the last bit of a sum may depend on it."""


def choose_device() -> torch.device:
    """Return the first visible GPU, or else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_kind(device: torch.device) -> str:
    """Return the name of the kind of device, which decides on the bits: ``cpu``, or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def make_deterministic(precision: str) -> None:
    """Set the process up so that the same work gives the same bits: deterministic kernels, one thread on a CPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def minibatches(task: Task, n_images: int, *, attempt: int, epoch: int) -> list[NDArray[np.int64]]:
    """Return the image indices of each minibatch of an epoch: one permutation, the short last batch kept."""
    order = streams.generator(**task.address("order", attempt), epoch=epoch).permutation(n_images)
    size = task.recipe.batch_size
    return [order[start : start + size] for start in range(0, n_images, size)]


def crop_and_flip(images: Tensor, draw: np.random.Generator) -> Tensor:
    """Shift each image by up to an eighth of its height (4 of 32 pixels; zeros come in) and mirror every second one, at
    random.

    Parameters
    ----------
    images
        [batch, height, width, channels].
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


@contextmanager
def dropout(module: nn.Module, layers: Sequence[str], rate: float, masks: torch.Generator) -> Iterator[None]:
    """Apply Bernoulli dropout (inverted, masks from `masks`) to the outputs of the named layers while the context
    lasts.

    Raises
    ------
    StudyError
        If the network has no such layer.
    """

    def drop(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        kept = torch.empty_like(output).bernoulli_(1 - rate, generator=masks)
        return output * kept / (1 - rate)

    available = dict(module.named_modules())
    for layer in layers:
        if layer not in available:
            names = ", ".join(filter(None, available))
            raise StudyError(f"Config key dropout.after: the network has no layer {layer!r}; it has {names}.")
    handles = [available[layer].register_forward_hook(drop) for layer in layers] if rate > 0 else []
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def predict(module: nn.Module, inputs: Inputs, device: torch.device) -> NDArray[np.float32]:
    """Return the logits [n, categories] for images [n, height, width, channels]: evaluation mode (dropout off),
    float32.
    """
    module.eval()
    with torch.inference_mode():
        logits = [
            module(as_batch(to_device(inputs[start : start + EVALUATION_BATCH], device))).cpu().numpy()
            for start in range(0, len(inputs), EVALUATION_BATCH)
        ]
    return np.concatenate(logits)


def evaluate(module: nn.Module, images: Images, device: torch.device) -> Evaluation:
    """Evaluate a network on images, dropout off."""
    logits = torch.from_numpy(predict(module, images.inputs, device)).double()
    predicted = logits.argmax(dim=1).numpy()
    return Evaluation(
        loss=functional.cross_entropy(logits, torch.from_numpy(images.labels)).item(),
        accuracy=float(np.mean(predicted == images.labels)),
        n_categories=images.n_categories,
        n_categories_predicted=len(np.unique(predicted)),
    )


def as_batch(images: Tensor) -> Tensor:
    """View [batch, height, width, channels] as torch's [batch, channels, height, width], channels last in memory."""
    return images.permute(0, 3, 1, 2)


@dataclass
class Place:
    """How far a training has come; saved with its state as JSON."""

    attempt: int
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    n_correct: int = 0
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)


class Trainer:
    """One attempt at one instance, from its initial weights to its last epoch, on one device."""

    def __init__(
        self,
        task: Task,
        initial: Weights,
        images: Images,
        store: Store,
        *,
        attempt: int,
        key: str,
        device: torch.device,
        save_every: float,
        report: Report,
    ) -> None:
        self.task, self.recipe, self.store = task, task.recipe, store
        self.key, self.device, self.save_every, self.report = key, device, save_every, report
        self.feed = feeder(images.inputs, device)
        self.labels = torch.from_numpy(images.labels).to(device)
        self.place = Place(attempt)
        module = modules.build(task.network, images.inputs.shape[1:], images.n_categories)
        weights = task.initial_weights(images, initial, attempt)
        modules.load(module, weights, source=f"initial weights of {task.name}")
        self.module = module.to(device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.SGD(
            self.module.parameters(), lr=self.recipe.learning_rate, momentum=self.recipe.momentum
        )
        self.decayed = [parameter for parameter in self.module.parameters() if parameter.ndim > 1]
        self.masks = torch.Generator(device)
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self.n_correct = torch.zeros((), dtype=torch.int64, device=device)
        self.since = self.saved = time.monotonic()

    def run(self) -> nn.Module:
        """Train to the last epoch, from the saved state where there is one, and return the network."""
        self._resume()
        if self.place.epoch == 0 and self.place.step == 0:
            self._write_checkpoint(0)
        while self.place.epoch < self.recipe.epochs:
            self._run_epoch()
        return self.module

    def _run_epoch(self) -> None:
        place = self.place
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate_at(place.epoch)
        self.module.train()
        batches = minibatches(self.task, len(self.labels), attempt=place.attempt, epoch=place.epoch)
        with dropout(self.module, self.recipe.dropout_after, self.recipe.dropout, self.masks):
            for indices in batches[place.step :]:
                self._step(indices)
                place.step += 1
                if time.monotonic() - self.saved >= self.save_every:
                    self._save()
        self._finish_epoch()

    def _step(self, indices: NDArray[np.int64]) -> None:
        place, recipe = self.place, self.recipe
        images, labels = self.feed(indices), self.labels[torch.from_numpy(indices).to(self.device)]
        if recipe.augmentation == "crop_flip":
            draw = streams.generator(**self.task.address("augment", place.attempt), epoch=place.epoch, step=place.step)
            images = crop_and_flip(images, draw)
        self._seed_dropout()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            logits = self.module(as_batch(images))
        logits = logits.float()
        loss = functional.cross_entropy(logits, labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # The gradient of l2 * sum(w^2), added before clipping: it is part of the loss whose gradient is clipped.
        for parameter in self.decayed:
            parameter.grad.add_(parameter.detach(), alpha=2 * recipe.l2)
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), recipe.clip_norm)
        self.optimiser.step()
        self.loss_sum += loss.detach().double() * len(labels)
        self.n_correct += (logits.detach().argmax(dim=1) == labels).sum()

    def _seed_dropout(self) -> None:
        """Put both generators that dropout draws from where this step's addresses in its stream say.

        Those of the recipe draw from a generator of ours, those of the network's own (AlexNet has two) from torch's.
        """
        address = self.task.address("dropout", self.place.attempt)
        place = {"epoch": self.place.epoch, "step": self.place.step}
        self.masks.manual_seed(streams.torch_seed(**address, **place))
        torch.manual_seed(streams.torch_seed(**address | {"purpose": "dropout/own"}, **place))

    def _finish_epoch(self) -> None:
        place, n_images = self.place, len(self.labels)
        loss, n_correct = self.loss_sum.item(), self.n_correct.item()
        place.history.append(
            {
                "attempt": place.attempt,
                "epoch": place.epoch + 1,
                "loss": loss / n_images,
                "accuracy": n_correct / n_images,
                "learning_rate": self.recipe.learning_rate_at(place.epoch),
                "seconds": place.seconds + self._elapsed(),
            }
        )
        place.epoch, place.step, place.loss_sum, place.n_correct, place.seconds = place.epoch + 1, 0, 0.0, 0, 0.0
        self.loss_sum.zero_()
        self.n_correct.zero_()
        if place.epoch in self.recipe.checkpoints:
            self._write_checkpoint(place.epoch)
        self._report_epoch()

    def _report_epoch(self) -> None:
        row = self.place.history[-1]
        mean_seconds = np.mean([earlier["seconds"] for earlier in self.place.history])
        left = mean_seconds * (self.recipe.epochs - row["epoch"])
        self.report(
            f"{self.task.name} attempt {row['attempt']}: epoch {row['epoch']}/{self.recipe.epochs}, "
            f"loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}, {row['seconds']:.1f} s, "
            f"about {left / 60:.1f} min left for this instance"
        )

    def _elapsed(self) -> float:
        """Return the seconds since this was last asked, and begin to count anew."""
        now = time.monotonic()
        elapsed, self.since = now - self.since, now
        return elapsed

    def _save(self) -> None:
        place = self.place
        place.loss_sum, place.n_correct = self.loss_sum.item(), self.n_correct.item()
        place.seconds += self._elapsed()
        tensors = {f"weights/{name}": tensor for name, tensor in modules.weights_of(self.module).items()}
        for name, parameter in self.module.named_parameters():
            momentum = self.optimiser.state[parameter].get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum/{name}"] = momentum.cpu().contiguous().clone()
        with atomic_path(self.store.state) as path:
            path.write_bytes(save(tensors, {"key": self.key, "place": json.dumps(asdict(place))}))
        self.saved = time.monotonic()

    def _resume(self) -> None:
        if not self.store.state.exists():
            return
        tensors, metadata = read_tensors(self.store.state)
        place = Place(**json.loads(metadata["place"]))
        if place.attempt != self.place.attempt:  # left behind by an attempt that is on record already
            return
        self.place = place
        self.module.load_state_dict(_under(tensors, "weights/"))
        momentum = _under(tensors, "momentum/")
        for name, parameter in self.module.named_parameters():
            if name in momentum:
                # Same memory layout as an uninterrupted run's, so that the very same kernels run.
                self.optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momentum[name])
        self.loss_sum.fill_(place.loss_sum)
        self.n_correct.fill_(place.n_correct)
        self.report(f"{self.task.name} attempt {place.attempt}: resumed at epoch {place.epoch}, step {place.step}")

    def _write_checkpoint(self, epoch: int) -> None:
        metadata = {
            "key": self.key,
            "epoch": str(epoch),
            "attempt": str(self.place.attempt),
            "streams": json.dumps(dict(self.task.stream_seeds)),
            "software": json.dumps(software()),
            "device": device_kind(self.device),
        }
        with atomic_path(self.store.checkpoint(self.place.attempt, epoch)) as path:
            path.write_bytes(
                save(modules.weights_of(self.module), metadata)
            )  # save_file's files only their owner may read


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata of a safetensors file.

    Raises
    ------
    StudyError
        Naming the file, if it is truncated or no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return load_file(path), metadata
    except Exception as problem:  # safetensors raises its own error type, and OSError
        raise StudyError(f"{path}: cannot be read as safetensors ({problem}); delete it and run again.") from problem


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def train(
    task: Task,
    initial: Weights,
    images: Images,
    store: Store,
    *,
    key: str,
    device: torch.device,
    save_every: float,
    report: Report,
) -> None:
    """Train one instance until the store holds its result: an accepted attempt, or the last of `max_attempts` collapsed
    ones.

    Parameters
    ----------
    initial
        Weights that attempt 0 begins from.
    store
        Where the state lies. A store with an unfinished training is continued.
    key
        `Task.key` of this training.
    save_every
        Seconds between two saved states: what an interruption loses at most.
    report
        Called with one sentence of progress after each epoch.
    """
    make_deterministic(task.recipe.precision)
    store.folder.mkdir(parents=True, exist_ok=True)
    while not store.finished(task.max_attempts):
        attempt = len(store.attempts())
        trainer = Trainer(
            task, initial, images, store, attempt=attempt, key=key, device=device, save_every=save_every, report=report
        )
        evaluation = evaluate(trainer.run(), images, device)
        reason = task.collapse.reason(evaluation)
        record = {
            "attempt": attempt,
            "outcome": "accepted" if reason is None else "collapsed",
            "reason": reason,
            "loss": evaluation.loss,
            "train_accuracy": evaluation.accuracy,
            "n_categories_predicted": evaluation.n_categories_predicted,
        }
        store.append(record, trainer.place.history)
        report(f"{task.name} attempt {attempt}: {record['outcome']}" + (f", {reason}" if reason else ""))


def train_if_missing(
    task: Task,
    initial: Weights,
    images: Images,
    stores: Path,
    published: Path,
    *,
    code_digest: str,
    device: torch.device,
    save_every: float,
    report: Report,
) -> None:
    """Train an instance into its store under `stores`, unless weights of the very same training are `published`
    already.
    """
    key = task.key(initial, images.digest, code_digest, device_kind(device))
    if published_key(published) == key:
        report(f"{task.name}: weights are there already")
        return
    store = Store(stores / key)
    with locked(store, report):
        train(task, initial, images, store, key=key, device=device, save_every=save_every, report=report)
