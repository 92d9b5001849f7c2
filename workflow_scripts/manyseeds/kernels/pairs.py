"""Pairs of variants whose kernels and errors are compared (methods 11)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from manyseeds.study import variants
from manyseeds.study.variants import Variant

SEEDS, EPOCHS, FINETUNED, SIBLINGS, NOISE, RESCALED, PERMUTED, NULL = (
    "seeds",
    "epochs",
    "finetuned",
    "siblings",
    "noise",
    "rescaled",
    "permuted",
    "null",
)
"""Kinds of pairs: both trained with other seeds, or one changed into the other, or both before training."""

KIND_OF_VARIANT = {
    variants.FINETUNED: FINETUNED,
    variants.NOISE: NOISE,
    variants.RESCALED: RESCALED,
    variants.PERMUTED: PERMUTED,
}
"""Kind of the pair of a variant with the trained weights."""


class Side(NamedTuple):
    """One of the two sets of weights of a pair."""

    seed: int
    epoch: int
    variant: str


class Pair(NamedTuple):
    """Two sets of weights that are compared."""

    kind: str
    a: Side
    b: Side

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of tables that identify the pair, without those of the group."""
        return {
            "pair_kind": self.kind,
            **{f"{name}_a": value for name, value in self.a._asdict().items()},
            **{f"{name}_b": value for name, value in self.b._asdict().items()},
        }


def pairs(by_seed: Mapping[int, Sequence[Variant]], epoch: int, *, untrained: bool) -> list[Pair]:
    """Return all pairs of a group.

    Parameters
    ----------
    by_seed
        Variants of each accepted instance, the trained weights among them.
    epoch
        The last epoch.
    untrained
        Whether weights before training are known.
    """
    between = list(combinations(sorted(by_seed), 2))
    found = [Pair(SEEDS, Side(a, epoch, variants.TRAINED), Side(b, epoch, variants.TRAINED)) for a, b in between]
    for seed in sorted(by_seed):
        found += _within(seed, by_seed[seed], epoch)
    if untrained:
        found += [Pair(NULL, Side(a, 0, variants.UNTRAINED), Side(b, 0, variants.UNTRAINED)) for a, b in between]
    return found


def _within(seed: int, chosen: Sequence[Variant], epoch: int) -> Iterator[Pair]:
    """Yield the pairs of one instance."""
    end = Side(seed, epoch, variants.TRAINED)
    earlier = [Side(seed, int(each.value or 0), each.name) for each in chosen if each.kind == variants.EPOCH]
    if earlier:  # of the two epochs that `kernels.epochs` names, the last epoch has no variant of its own
        yield Pair(EPOCHS, *([*sorted(earlier, key=lambda side: side.epoch), end])[:2])
    for variant in chosen:
        if variant.kind in KIND_OF_VARIANT:
            yield Pair(KIND_OF_VARIANT[variant.kind], end, Side(seed, epoch, variant.name))
    tuned = [Side(seed, epoch, variant.name) for variant in chosen if variant.kind == variants.FINETUNED]
    for a, b in combinations(tuned, 2):
        yield Pair(SIBLINGS, a, b)
