"""Recipes of training, and tasks: one instance with its recipe.

`Task.key` digests everything that determines the weights (methods 2 and 3).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from manyseeds.data.images import Images
from manyseeds.io.tensors import digest_of
from manyseeds.models import initialisation
from manyseeds.models.perturbations import Perturbation
from manyseeds.models.spec import Network, Weights, to_metadata
from manyseeds.streams import Address
from manyseeds.study.architectures import used_streams
from manyseeds.training.collapse import CollapseRule
from manyseeds.training.platforms import Platform

LEARNING_RATE_FACTOR = 0.1
"""The learning rate is multiplied by this at each milestone (Springenberg et al., 2014)."""


AUTO = "auto"
"""Precision of a recipe that leaves the choice to the device; see `precision.resolved`."""


@dataclass(frozen=True)
class Recipe:
    """Settings of the config's `training` and `dropout` that determine the weights of an instance."""

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
        """Return the learning rate after `epoch` completed epochs."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return self.learning_rate * LEARNING_RATE_FACTOR**passed

    def on(self, platform: Platform) -> "Recipe":
        """Return the recipe for a platform, with the platform's precision instead of ``auto``.

        Steps are compiled on CPUs only, because GPUs capture them.
        """
        precision = platform.precision if self.precision == AUTO else self.precision
        return replace(self, precision=precision, compile=self.compile and platform.is_cpu)


@dataclass(frozen=True)
class Task:
    """One instance to train: everything that determines its weights except images and software."""

    name: str
    network: Network
    recipe: Recipe
    collapse: CollapseRule
    root_seed: int
    stream_seeds: Mapping[str, int]
    vary: Sequence[str]
    perturb: Perturbation | None = None

    @property
    def max_attempts(self) -> int:
        """Largest number of attempts; 1 if no stream varies, because every attempt would be the same."""
        return self.collapse.max_attempts if self.vary else 1

    def address(self, purpose: str, attempt: int) -> Address:
        """Return the address of a stream of this instance.

        The number of the attempt enters only the streams that its condition varies.
        """
        return {
            "root_seed": self.root_seed,
            "purpose": purpose,
            "seed": self.stream_seeds[purpose],
            "attempt": attempt if purpose in self.vary else 0,
        }

    @classmethod
    def from_params(
        cls,
        *,
        name: str,
        network: Mapping[str, Any],
        recipe: Mapping[str, Any],
        collapse: Mapping[str, Any],
        n_categories: int,
        root_seed: int,
        stream_seeds: Mapping[str, int],
        vary: Sequence[str],
        perturb: Mapping[str, Any] | None = None,
    ) -> "Task":
        """Build a task from plain values, as a workflow passes them.

        Parameters
        ----------
        network, recipe, collapse, perturb
            Entries of the config. Lists become tuples, and defaults of the collapse rule are filled in.
        n_categories
            Number of categories of the data.
        """
        settings: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in recipe.items()
        }
        plain = Recipe(**settings)
        rule = CollapseRule.declared(n_categories, dropout=plain.dropout, **collapse)
        return cls(
            name=name,
            network=Network.from_config(network),
            recipe=plain,
            collapse=rule,
            root_seed=root_seed,
            stream_seeds=stream_seeds,
            vary=vary,
            perturb=None if perturb is None else Perturbation(**perturb),
        )

    def trains(self, parameter: str) -> bool:
        """Return whether a parameter is trained, by its name; others stay as they begin."""
        return True

    def initial_weights(self, images: Images, initial: Weights, attempt: int) -> Weights:
        """Return the initial weights of an attempt: those given, or new ones if the attempt redraws them."""
        if attempt == 0 or "init" not in self.vary:
            return initial
        return self.drawn_weights(images, attempt)

    def drawn_weights(self, images: Images, attempt: int = 0) -> Weights:
        """Draw initial weights from the stream `init`. For an All-CNN this does not import torch."""
        return initialisation.initial_weights(
            self.network,
            images.image_shape,
            images.n_categories,
            root_seed=self.root_seed,
            seed=self.stream_seeds["init"],
            attempt=attempt,
        )

    def initial_metadata(self, images: Images) -> dict[str, str]:
        """Return the metadata of the initial weights of attempt 0."""
        streams = {"streams": json.dumps({"init": self.stream_seeds["init"]}), "attempt": "0"}
        return streams | to_metadata(self.network, images.image_shape, images.n_categories)

    def digest(self, initial: Weights, images_digest: str, code_digest: str) -> str:
        """Return the digest of everything that determines the weights, the platform excepted.

        The name of the instance is not part of it.
        """
        return _digest(self._determinants(self.recipe, initial, images_digest, code_digest))

    def key(self, initial: Weights, images_digest: str, code_digest: str, platform: Platform) -> str:
        """Return the digest of everything that determines the weights, the platform included."""
        recipe = self.recipe.on(platform)
        compiles = recipe.compile or not platform.is_cpu
        where = {"device": platform.device, "compiler": platform.compiler if compiles else None}
        return _digest(self._determinants(recipe, initial, images_digest, code_digest) | where)

    @property
    def further_determinants(self) -> dict[str, object]:
        """What else determines the weights of a training of another kind."""
        return {}

    @property
    def _used_streams(self) -> tuple[str, ...]:
        recipe = self.recipe
        return used_streams(self.network.architecture, augmentation=recipe.augmentation, dropout=recipe.dropout)

    def _determinants(
        self, recipe: Recipe, initial: Weights, images_digest: str, code_digest: str
    ) -> dict[str, object]:
        # Streams that are not used are left out. So is, if nothing is redrawn, which streams a redraw would vary. Equal
        # networks of two conditions are then trained once.
        return {
            # The choice of analysed layers changes no weight, and weights from elsewhere are among the initial ones.
            "network": replace(self.network, layers=None, weights=None).values,
            "recipe": asdict(recipe),
            "collapse": asdict(self.collapse),
            "root_seed": self.root_seed,
            "streams": {stream: self.stream_seeds[stream] for stream in self._used_streams},
            "vary": sorted(self.vary) if self.max_attempts > 1 else [],
            "initial": digest_of(initial),
            "images": images_digest,
            "code": code_digest,
            "software": software(),
            # Absent without a perturbation, so that the keys of earlier trainings stay.
            **({} if self.perturb is None else {"perturb": asdict(self.perturb)}),
            **self.further_determinants,
        }


def _digest(determinants: Mapping[str, object]) -> str:
    return hashlib.blake2b(json.dumps(determinants, sort_keys=True).encode(), digest_size=16).hexdigest()


def software() -> dict[str, str]:
    """Return the package versions that affect the bits of a training."""
    return {"torch": version("torch"), "numpy": np.__version__}
