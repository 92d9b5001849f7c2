"""Instances: the trained networks of a study, by architecture, condition and seed."""

from collections.abc import Sequence
from typing import NamedTuple

BASELINE = "baseline"
"""The condition that the others are variations of."""

CARD = "card.json"
"""What tells of an exported network, in its folder."""


class Instance(NamedTuple):
    """One trained network. `str` of it is its folder below ``networks/``, ``geometry/`` and so on."""

    architecture: str
    condition: str
    seed: int

    def __str__(self) -> str:
        return f"{self.architecture}/{self.condition}/seed{self.seed}"


def shown_conditions(conditions: Sequence[str]) -> list[str]:
    """Of one architecture's conditions, those that a figure shows: the baseline, or all where none is called so."""
    return [BASELINE] if BASELINE in conditions else list(conditions)
