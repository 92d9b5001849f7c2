"""Random streams that two networks share (methods 2 and 9).

A training draws from several streams. The address of a draw holds the stream's seed, and the attempt if the condition
varies the stream. So two trainings share a stream if both use it with the same seed and the same attempt. Trainings
with equal settings that share all streams give one and the same network.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

NONE = "none"
"""Value of the column `shared` of networks that share no stream."""

SEVERAL = "several"
"""Value of the column `shared` of a mean over pairs that do not all share the same streams."""

Draws = Mapping[str, tuple[int, int]]
"""Seed and attempt in the addresses of each stream that a training uses."""


def draws(stream_seeds: Mapping[str, int], vary: Collection[str], attempt: int) -> Draws:
    """Return the draws of one attempt of a training. The attempt enters only the streams that vary."""
    return {stream: (seed, attempt if stream in vary else 0) for stream, seed in stream_seeds.items()}


def draws_by_seed(group: Mapping[str, Any] | None, attempts: Mapping[int, int]) -> dict[int, Draws] | None:
    """Return the draws of each network of a group, by its seed; None if the training is not known.

    Parameters
    ----------
    group
        Result of `study.tasks.random_draws`.
    attempts
        Number of each network's last attempt, by its seed.
    """
    if group is None:
        return None
    return {seed: draws(streams, group["vary"], attempts[seed]) for seed, streams in group["seeds"].items()}


def shared_streams(one: Draws, other: Draws) -> str:
    """Return the streams that two trainings share, joined by +, or `NONE`."""
    return "+".join(stream for stream in one if one[stream] == other.get(stream)) or NONE


def shared_by_row(
    rows: pd.DataFrame, first: Mapping[int, Draws] | None, second: Mapping[int, Draws] | None
) -> list[str | None]:
    """Return the `shared_streams` of the two networks of each row; None if a training is not known.

    Parameters
    ----------
    rows
        Pairs of networks, with the columns `seed_a` and `seed_b`.
    first, second
        Draws of the networks by `seed_a`, and by `seed_b`.
    """
    if first is None or second is None:
        return [None] * len(rows)
    pairs = list(zip(rows["seed_a"], rows["seed_b"], strict=True))
    shared = {(a, b): shared_streams(first[a], second[b]) for a, b in set(pairs)}
    return [shared[pair] for pair in pairs]


def same_networks(
    first: Mapping[int, Draws] | None, second: Mapping[int, Draws] | None, *, differ_in_draws_alone: bool
) -> list[tuple[int, int]]:
    """Return the seeds of networks that two groups have in common.

    Parameters
    ----------
    first, second
        Draws of the networks of each group, by seed.
    differ_in_draws_alone
        Whether all other settings of the two groups' trainings are the same.
    """
    if not differ_in_draws_alone or first is None or second is None:
        return []
    return [(a, b) for a, one in first.items() for b, other in second.items() if one == other]


def same_sentence(architecture: str, conditions: Sequence[str], same: Sequence[tuple[int, int]]) -> str:
    """Return a sentence that names the networks that two conditions have in common."""
    seeds = ", ".join(str(a) if a == b else f"{a} and {b}" for a, b in same)
    return (
        f"{architecture}: {conditions[0]} and {conditions[1]} have the same network, with equal settings and random "
        f"streams, at these seeds: {seeds}. It is not compared with itself."
    )


def pooled(shared: Iterable[str | None]) -> str | None:
    """Return the streams that all pairs share, `SEVERAL` if pairs differ, None if nothing is known."""
    found = {each for each in shared if each is not None}
    return SEVERAL if len(found) > 1 else next(iter(found), None)
