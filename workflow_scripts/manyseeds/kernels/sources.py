"""Weights of the variants of a group's networks, from files or made from the trained weights (methods 11)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyseeds.io import tensors
from manyseeds.kernels.comparison import made
from manyseeds.kernels.variants import Weights
from manyseeds.study import variants as named
from manyseeds.study.variants import Variant

OUTCOME = "outcome"
"""Key of the metadata of fine-tuned weights: the outcome of their training."""

ACCEPTED = "accepted"


def listed(by_seed: Mapping[int, Iterable[Sequence[Any]]]) -> dict[int, list[Variant]]:
    """Return the variants of each instance, from the plain values of a rule's params."""
    return {int(seed): [Variant(*values) for values in variants] for seed, variants in by_seed.items()}


def files_by_variant(
    variants: Mapping[int, Sequence[Variant]], files: Mapping[str, Sequence[Path | str]]
) -> dict[int, dict[str, Path | str]]:
    """Return the file of each variant that has one, by seed and name.

    Parameters
    ----------
    variants
        Variants of each instance, in the order of the files.
    files
        Files by kind of variant, instance after instance, in the order of each instance's variants.
    """
    left = {kind: iter(paths) for kind, paths in files.items()}
    return {
        seed: {variant.name: next(left[variant.kind]) for variant in chosen if variant.kind in left}
        for seed, chosen in variants.items()
    }


@dataclass
class Sources:
    """Weights by instance and variant. Those of one instance's variants are held at a time, with all trained weights.

    Attributes
    ----------
    variants, files
        Variants of each instance, and the files of those that have one, by name.
    is_chain, root_seed
        As in `comparison.made`.
    initial
        Weights before training by seed, as a file or as weights; empty if they are not known.
    """

    variants: Mapping[int, Sequence[Variant]]
    files: Mapping[int, Mapping[str, Path | str]]
    is_chain: bool
    root_seed: int
    initial: Mapping[int, Path | str | Weights] = field(default_factory=dict)
    _trained: dict[int, Weights] = field(default_factory=dict)
    _held: dict[tuple[int, str], Weights | None] = field(default_factory=dict)

    def trained(self, seed: int) -> Weights:
        """Return the trained weights of an instance."""
        if seed not in self._trained:
            self._trained[seed] = tensors.read(Path(self.files[seed][named.TRAINED]))[0]
        return self._trained[seed]

    def weights(self, seed: int, name: str) -> Weights | None:
        """Return the weights of a variant by name; None if its training failed, or there is no such variant."""
        if name == named.TRAINED:
            return self.trained(seed)
        key = (seed, name)
        if key not in self._held:
            self._held = {held: weights for held, weights in self._held.items() if held[0] == seed}
            self._held[key] = self._read_or_made(seed, name)
        return self._held[key]

    def _read_or_made(self, seed: int, name: str) -> Weights | None:
        if name in self.files[seed]:
            weights, metadata = tensors.read(Path(self.files[seed][name]))
            return weights if metadata.get(OUTCOME, ACCEPTED) == ACCEPTED else None
        variant = next((each for each in self.variants[seed] if each.name == name), None)
        if variant is None and name == named.UNTRAINED and seed in self.initial:
            initial = self.initial[seed]
            return tensors.read(Path(initial))[0] if isinstance(initial, Path | str) else initial
        if variant is None:
            return None
        return made(self.trained(seed), variant, is_chain=self.is_chain, root_seed=self.root_seed, seed=seed)
