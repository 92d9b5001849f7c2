"""Transfer: networks that were trained on one task learn another one (methods 11).

Each source gets a new readout and is trained by the engine of any training. Readout and order are drawn by the transfer
seed, the same for all sources, so sources and transfer seeds are crossed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from manyseeds.data.images import Images
from manyseeds.devices import make_deterministic
from manyseeds.io import tensors
from manyseeds.kernels.transferred import FAILED, Learned
from manyseeds.models import build, forward
from manyseeds.models.initialisation import he_normal
from manyseeds.models.spec import Weights
from manyseeds.streams import Address
from manyseeds.study.architectures import readout_name
from manyseeds.training.collapse import ACCEPTED
from manyseeds.training.further import train_all
from manyseeds.training.recipes import Task
from manyseeds.training.stores import Store

READOUT, ALL, SCRATCH = MODES = ("readout", "all", "scratch")
"""What is trained: the new readout alone, all weights, or all weights of a network that was never trained."""

PREFIX = "transfer/"
"""Begins the names of the random streams of these trainings."""


@dataclass(frozen=True)
class TransferTask(Task):
    """A training that begins with the weights of a source and a new readout."""

    mode: str = ALL

    @classmethod
    def of_source(cls, mode: str, **params: Any) -> "TransferTask":
        """Build a task from plain values (`Task.from_params`), for one of `MODES`."""
        return replace(cast(TransferTask, cls.from_params(**params)), mode=mode)

    def address(self, purpose: str, attempt: int) -> Address:
        """Return the address of a stream; it is the same for all sources."""
        address = super().address(purpose, attempt)
        return {**address, "purpose": PREFIX + address["purpose"]}

    def trains(self, parameter: str) -> bool:
        """Return whether a parameter is trained: in the mode `READOUT`, those of the readout alone."""
        return self.mode != READOUT or parameter.startswith(f"{readout_name(self.network.architecture)}.")

    def beginning(self, source: Weights, images: Images) -> dict[str, NDArray]:
        """Return the weights with which the training begins.

        Parameters
        ----------
        source
            Weights of the source. In the mode `SCRATCH` the hidden layers are drawn from the source's stream `init`.
        images
            Images of the other task.
        """
        fresh = replace(self, network=replace(self.network, weights=None))
        hidden = fresh.drawn_weights(images) if self.mode == SCRATCH else source
        readout = readout_name(self.network.architecture)
        kernels = (images.n_categories, *source[f"{readout}.weight"].shape[1:])
        shapes = {f"{readout}.weight": kernels, f"{readout}.bias": kernels[:1]}
        address = {"root_seed": self.root_seed, "seed": self.stream_seeds["order"], "purpose": f"{PREFIX}readout"}
        return {**hidden, **he_normal(shapes, **address)}

    @property
    def further_determinants(self) -> dict[str, object]:
        """What is trained."""
        return {"transfer": self.mode}


def learn(
    tasks: Sequence[TransferTask],
    sources: Sequence[Weights],
    train: Images,
    test: Images,
    *,
    known: Mapping[str, Learned],
    device: torch.device,
    code: str,
    **options: Any,
) -> list[Learned]:
    """Train sources with one transfer seed and mode, and return the outcome of each.

    Parameters
    ----------
    tasks
        One for each source.
    train, test
        Images that are learned, and images that are predicted.
    known
        Outcomes of earlier trainings by their digests. These are not trained again.
    device, code, options
        As in `further.train_all`.
    """
    begun = [(task, task.beginning(source, train)) for task, source in zip(tasks, sources, strict=True)]
    digests = [task.digest(weights, train.digest, code) for task, weights in begun]
    new = {digest: each for digest, each in zip(digests, begun, strict=True) if digest not in known}
    stores = train_all(list(new.values()), train, device=device, code=code, **options)
    learned = dict(known)
    for (digest, (task, _)), store in zip(new.items(), stores, strict=True):
        assert store is not None  # nothing is published but predictions
        rows = store.history()
        losses, accuracies = (np.array([row[name] for row in rows]) for name in ("loss", "accuracy"))
        learned[digest] = Learned(digest, predict(store, task, train, test, device), losses, accuracies)
    return [learned[digest] for digest in digests]


def predict(store: Store, task: TransferTask, train: Images, test: Images, device: torch.device) -> NDArray[np.int16]:
    """Return the categories (images,) that a trained network predicts for test images; `FAILED` if its training failed.

    Parameters
    ----------
    store
        The finished training.
    train
        Its images, which tell the network's shape.
    """
    record = store.attempts()[-1]
    if record["outcome"] != ACCEPTED:
        return np.full(len(test.labels), FAILED, dtype=np.int16)
    path = store.checkpoint(record["attempt"], task.recipe.epochs)
    module = build.build(task.network, train.image_shape, train.n_categories)
    build.load(module, tensors.read(path)[0], source=str(path))
    make_deterministic("fp32")
    return forward.predict(module.to(device), test.inputs, device).argmax(axis=1).astype(np.int16)
