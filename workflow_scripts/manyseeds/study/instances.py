"""Instances: the trained networks of a study, by architecture, condition and seed."""

from collections.abc import Sequence
from typing import NamedTuple

BASELINE = "baseline"
"""Name of the condition of which the others are variations."""

CARD = "card.json"
"""File that describes an exported network, in its folder."""


class Instance(NamedTuple):
    """One trained network. Its `str` is its folder below ``networks/``, ``geometry/`` and so on."""

    architecture: str
    condition: str
    seed: int

    def __str__(self) -> str:
        return f"{self.architecture}/{self.condition}/seed{self.seed}"


def shown_conditions(conditions: Sequence[str]) -> list[str]:
    """Return the conditions of one architecture that a figure shows: the baseline, or else all."""
    return [BASELINE] if BASELINE in conditions else list(conditions)
