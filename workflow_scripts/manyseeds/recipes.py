"""What a training is: the recipe, the collapse rule, the images, and the task that binds them to an instance.

`Task.key` digests everything that determines the weights (methods 2 and 3).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyseeds import networks, training_sets
from manyseeds.inputs import Inputs, Pixels, fingerprint
from manyseeds.networks import Network, Weights
from manyseeds.tensors import digest_of

LEARNING_RATE_FACTOR = 0.1
"""The learning rate is multiplied by this at each milestone (Springenberg et al., 2014)."""


AUTO = "auto"
"""Precision of a recipe that leaves the choice to the device: see `precision.resolved`."""

CPU = "cpu"
"""Every kind of CPU begins with this word."""

DEAD_MINIBATCHES = 100
"""Minibatches in a row with one and the same output for all their images, after which a network may be dead."""


@dataclass(frozen=True)
class Platform:
    """What a training ran on, as far as it decides on the bits of the weights.

    Attributes
    ----------
    device
        Kind of the device (`devices.device_kind`).
    precision
        Arithmetic of the training: fp32, tf32 or bf16.
    compiler
        The C++ compiler of compiled steps, with its version; None where steps are not compiled.
    """

    device: str
    precision: str
    compiler: str | None = None

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Platform":
        """Read a platform from the metadata of a file of weights; what they do not name is empty."""
        return cls(metadata.get("device", ""), metadata.get("precision", ""), metadata.get("compiler") or None)

    @property
    def metadata(self) -> dict[str, str]:
        """The platform as metadata of a file of weights, which are text."""
        return {"device": self.device, "precision": self.precision, "compiler": self.compiler or ""}

    @property
    def is_cpu(self) -> bool:
        """Whether the device is a CPU."""
        return self.device.startswith(CPU)

    def __str__(self) -> str:
        """Name the device, the precision and the compiler."""
        return ", ".join(filter(None, (self.device, self.precision, self.compiler)))


@dataclass(frozen=True)
class Recipe:
    """How an instance is trained: whatever of the config's `training` and `dropout` determines the weights."""

    epochs: int
    batch_size: int
    learning_rate: float
    milestones: tuple[int, ...]
    momentum: float
    l2: float
    clip_norm: float
    precision: str
    checkpoints: tuple[int, ...]
    compile: bool = False
    augmentation: str = "none"
    dropout: float = 0.0
    dropout_after: tuple[str, ...] = ()

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of the epoch that begins after `epoch` completed ones."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return self.learning_rate * LEARNING_RATE_FACTOR**passed

    def on(self, platform: Platform) -> "Recipe":
        """Return what this recipe becomes on a platform, whose precision it takes if it names none.

        Steps are compiled on CPUs only: GPUs capture them.
        """
        precision = platform.precision if self.precision == AUTO else self.precision
        return replace(self, precision=precision, compile=self.compile and platform.is_cpu)


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy and accuracy over a set of images, dropout off, and whether all images have one output."""

    loss: float
    accuracy: float
    n_categories: int
    n_categories_predicted: int
    is_constant: bool = False


ACCEPTED, NOT_FINITE, DEAD, UNDERFIT, MISSING = "accepted", "not_finite", "dead", "underfit", "missing_category"
"""Outcomes of an attempt (methods 3)."""


@dataclass(frozen=True)
class CollapseRule:
    """When an attempt at an instance is rejected, and how often it is redrawn (methods 3).

    Attributes
    ----------
    judge_after
        Completed epochs after which an attempt is judged already; after the last one each is.
    dead
        ``redraw``: a dead network is rejected at the end of the epoch in which it died; ``ignore``: it is judged as all
        others.
    enabled
        Where this is false, only weights or losses that are not finite reject an attempt.
    """

    min_train_accuracy: float
    require_every_category: bool
    max_attempts: int
    judge_after: tuple[int, ...] = ()
    dead: str = "redraw"
    enabled: bool = True

    @classmethod
    def declared(
        cls,
        n_categories: int,
        *,
        dropout: float,
        min_train_accuracy: float | None,
        require_every_category: bool | None,
        max_attempts: int,
        judge_after: Sequence[int],
        dead: str,
        enabled: bool,
    ) -> "CollapseRule":
        """Fill in the defaults: twice chance, or of two categories, where that is perfection, half way there from
        chance (0.75); every category predicted, but not under dropout nor above 10 categories.
        """
        if min_train_accuracy is None:
            min_train_accuracy = min(2 / n_categories, (1 + 1 / n_categories) / 2)
        if require_every_category is None:
            require_every_category = dropout == 0 and n_categories <= 10
        return cls(min_train_accuracy, require_every_category, max_attempts, tuple(judge_after), dead, enabled)

    @property
    def redraws_dead(self) -> bool:
        """Whether dead networks are looked for."""
        return self.enabled and self.dead == "redraw"

    def judge(
        self, evaluation: "Evaluation", *, is_lost: bool = False, seems_dead: bool = False
    ) -> tuple[str, str | None]:
        """Return the outcome that an evaluation on the training set means, and the reason of a rejection.

        Parameters
        ----------
        is_lost
            Weights are no longer finite.
        seems_dead
            The output was the same for all images in each of the last minibatches of an epoch.
        """
        if not np.isfinite(evaluation.loss):
            return NOT_FINITE, "loss is not finite"
        if is_lost:
            return NOT_FINITE, "weights are not finite"
        if not self.enabled:
            return ACCEPTED, None
        if self.redraws_dead and seems_dead and evaluation.is_constant:
            return DEAD, "its output is the same for every training image"
        if evaluation.accuracy < self.min_train_accuracy:
            return UNDERFIT, f"training accuracy {evaluation.accuracy:.4f} is below {self.min_train_accuracy:.4f}"
        predicted, expected = evaluation.n_categories_predicted, evaluation.n_categories
        if self.require_every_category and predicted < expected:
            return MISSING, f"only {predicted} of {expected} categories are ever predicted"
        return ACCEPTED, None


@dataclass(frozen=True, eq=False)
class Images:
    """Images [n, height, width, channels], preprocessed or pixels to be standardised, their labels int64 [n], and the
    number of categories.
    """

    inputs: Inputs
    labels: NDArray[np.int64]
    n_categories: int

    @classmethod
    def read(cls, inputs: Path, labels: Path, card: Path, preprocessing: Path) -> "Images":
        """Read images and labels from NPY files: preprocessed images into memory, while pixels (uint8) stay where they
        are, to be standardised as was fitted.

        Parameters
        ----------
        card
            The data set's, which names the categories and holds the digest of the pixels.
        preprocessing
            The fitted one; looked at for pixels only.
        """
        about = json.loads(Path(card).read_text())
        stored = np.load(inputs, mmap_mode="r")
        images = Pixels.open(stored, preprocessing, about["digest"]) if stored.dtype == np.uint8 else np.load(inputs)
        return cls(images, np.load(labels), len(about["categories"]))

    def subset(
        self, *, images: str = "all", seed: int | None = None, categories: Sequence[int] | None = None
    ) -> "Images":
        """Return the images that a condition leaves, labelled 0, 1, ... in the order of `categories`; parameters as in
        `training_sets.select`.
        """
        if images == "all" and categories is None:
            return self
        kept = training_sets.select(self.labels, images=images, seed=seed, categories=categories)
        labels = training_sets.relabelled(self.labels[kept], categories)
        return Images(self.inputs[kept], labels, self.n_categories if categories is None else len(categories))

    @cached_property
    def digest(self) -> str:
        """A digest of the images and labels themselves, whatever file they came from; of pixels, of their data set's
        digest and of how they are standardised.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.inputs.shape}{self.inputs.dtype}{self.n_categories}".encode())
        digest.update(fingerprint(self.inputs))
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Task:
    """One instance to be trained: all that determines its weights but the images and the software."""

    name: str
    network: Network
    recipe: Recipe
    collapse: CollapseRule
    root_seed: int
    stream_seeds: Mapping[str, int]
    vary: tuple[str, ...]

    @property
    def max_attempts(self) -> int:
        """How often this instance is drawn at most; one that varies in no stream would only repeat itself."""
        return self.collapse.max_attempts if self.vary else 1

    def address(self, purpose: str, attempt: int) -> dict[str, int | str]:
        """Return where a stream of this instance stands: only the streams that its condition varies see the attempt."""
        return {
            "root_seed": self.root_seed,
            "purpose": purpose,
            "seed": self.stream_seeds[purpose],
            "attempt": attempt if purpose in self.vary else 0,
        }

    @classmethod
    def from_params(
        cls, *, name: str, network: Mapping, recipe: Mapping, collapse: Mapping, n_categories: int, **streams_of: object
    ) -> "Task":
        """Build a task from plain values, as a workflow passes them.

        Parameters
        ----------
        network, recipe, collapse
            The config's entries; lists become tuples, defaults of the collapse rule are filled in.
        n_categories
            Number of categories of the data.
        """
        plain = Recipe(**{key: tuple(value) if isinstance(value, list) else value for key, value in recipe.items()})
        rule = CollapseRule.declared(n_categories, dropout=plain.dropout, **collapse)
        return cls(name=name, network=Network.from_config(network), recipe=plain, collapse=rule, **streams_of)

    def initial_weights(self, images: Images, initial: Weights, attempt: int) -> Weights:
        """Return what an attempt begins from: the instance's initial weights, or, if they are redrawn, new ones."""
        if attempt == 0 or "init" not in self.vary:
            return initial
        return networks.initial_weights(
            self.network,
            images.inputs.shape[1:],
            images.n_categories,
            root_seed=self.root_seed,
            seed=self.stream_seeds["init"],
            attempt=attempt,
        )

    def digest(self, initial: Weights, images_digest: str, code_digest: str) -> str:
        """Return the digest of everything that determines the weights but the platform; the instance's name is not
        among it.
        """
        return _digest(self._determinants(self.recipe, initial, images_digest, code_digest))

    def key(self, initial: Weights, images_digest: str, code_digest: str, platform: Platform) -> str:
        """Return the digest of everything that determines the weights, the platform included."""
        recipe = self.recipe.on(platform)
        where = {"device": platform.device, "compiler": platform.compiler if recipe.compile else None}
        return _digest(self._determinants(recipe, initial, images_digest, code_digest) | where)

    def _determinants(
        self, recipe: Recipe, initial: Weights, images_digest: str, code_digest: str
    ) -> dict[str, object]:
        return {
            "network": asdict(self.network) | {"layers": None},  # which layers are analysed changes no weight
            "recipe": asdict(recipe),
            "collapse": asdict(self.collapse),
            "root_seed": self.root_seed,
            "streams": dict(self.stream_seeds),
            "vary": sorted(self.vary),
            "initial": digest_of(initial),
            "images": images_digest,
            "code": code_digest,
            "software": software(),
        }


def _digest(determinants: Mapping[str, object]) -> str:
    return hashlib.blake2b(json.dumps(determinants, sort_keys=True).encode(), digest_size=16).hexdigest()


def software() -> dict[str, str]:
    """Return the versions that decide on the bits of a training."""
    return {"torch": version("torch"), "numpy": np.__version__}
