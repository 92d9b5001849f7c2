"""Sentences on groups of networks most of which were rejected."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from manyseeds.io.tables import accepted_seeds

Group = tuple[str, str]
"""Architecture and condition."""


def mostly_rejected(attempts: Mapping[Group, Mapping[int, Path]]) -> list[str]:
    """Return one sentence for each group with more rejected networks than accepted ones.

    Parameters
    ----------
    attempts
        Tables of attempts by group and seed. Networks without a table are left out.
    """
    return [sentence for group, paths in attempts.items() for sentence in _sentence(group, paths)]


def _sentence(group: Group, paths: Mapping[int, Path]) -> Iterable[str]:
    known = {seed: pd.read_parquet(path) for seed, path in paths.items() if path.is_file()}
    accepted = accepted_seeds(list(known), list(known.values())) if known else []
    if 2 * len(accepted) < len(known):
        last = pd.concat(known.values()).sort_values("attempt").groupby("seed")["outcome"].last()
        outcomes = ", ".join(f"{number} {name}" for name, number in last.value_counts().items())
        yield (
            f"{group[0]}, {group[1]}: only {len(accepted)} of {len(known)} networks were accepted (last attempts: "
            f"{outcomes}). Conclusions from the others hold for networks that survive; see the table attempts."
        )
