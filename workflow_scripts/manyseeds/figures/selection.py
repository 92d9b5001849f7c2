"""Selection from tables for figures: groups of networks, rows of a curve, and numbers for the notes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from manyseeds.figures import bars
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.study.instances import BASELINE, shown_conditions

Tables = Mapping[str, pd.DataFrame]

LONGEST_LABEL = 14
"""Number of characters of a layer name that fit below a panel."""

ARCHITECTURE_NAMES = {"all_cnn_c": "All-CNN-C", "all_cnn_7": "All-CNN-7", "alexnet": "AlexNet"}
MEASURE_NAMES = {
    "correlation": "correlation distance",
    "cosine": "cosine distance",
    "euclidean": "Euclidean distance",
    "unit_euclidean": "unit-length Euclidean distance",
    "norm_difference": "norm difference",
}


Labels = Mapping[str, Mapping[str, str]]
"""Names in figures by the names in tables, of `architecture` and of `condition`."""

NO_LABELS: Labels = MappingProxyType({})
_labels: ContextVar[Labels] = ContextVar("labels", default=NO_LABELS)


@contextmanager
def labelled(labels: Labels) -> Iterator[None]:
    """Name networks by labels inside this context."""
    token = _labels.set(labels)
    try:
        yield
    finally:
        _labels.reset(token)


def architecture_name(architecture: object) -> str:
    """Return the name of an architecture in figures: its label, or else that of a published network, or its own."""
    name = str(architecture)
    return _labels.get().get("architecture", {}).get(name, ARCHITECTURE_NAMES.get(name, name))


def condition_name(condition: object) -> str:
    """Return the name of a condition in figures: its label, or else its own."""
    return _labels.get().get("condition", {}).get(str(condition), str(condition))


@dataclass(frozen=True)
class Group:
    """Networks that share architecture and condition."""

    architecture: str
    condition: str
    title: str


def groups(table: pd.DataFrame) -> list[Group]:
    """Return the groups that a figure shows, in the order of the table.

    For each architecture these are the baseline, or all conditions if none has this name (a user's own networks).
    """
    found = []
    for architecture, rows in table.groupby("architecture", sort=False):
        conditions = shown_conditions([str(condition) for condition in rows["condition"].unique()])
        name = architecture_name(architecture)
        alone = len(conditions) == 1
        found += [Group(str(architecture), c, name if alone else f"{name}, {condition_name(c)}") for c in conditions]
    if not found:
        raise NothingToDraw
    return found


def network_name(architecture: str, condition: str) -> str:
    """Return a group's name in a sentence: "All-CNN-C dropout 0.2", or "All-CNN-C" for a baseline."""
    name, label = architecture_name(architecture), condition_name(condition)
    if label != condition:
        return f"{name}, {label}"
    return name if condition == BASELINE else f"{name} {condition.replace('dropout', 'dropout ')}"


def rows_of(table: pd.DataFrame, group: Group, **equal: object) -> pd.DataFrame:
    """Return the rows of one group with the given values, such as kind="exemplar"."""
    chosen = (table["architecture"] == group.architecture) & (table["condition"] == group.condition)
    for column, value in equal.items():
        chosen &= table[column] == value
    return table[chosen]


def last_epoch(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last epoch of each group."""
    latest = table.groupby(["architecture", "condition"])["epoch"].transform("max")
    return table[table["epoch"] == latest]


def without_dropout(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were measured with dropout off."""
    return table[table["dropout_samples"].fillna(0) == 0]


def consistency_curve(
    summary: pd.DataFrame,
    group: Group,
    *,
    kind: str,
    measure: str,
    normalisation: str = "none",
    ci_method: str | None = None,
) -> pd.DataFrame:
    """Return `consistency_summary` by layer, in order, at the last epoch with dropout off.

    Parameters
    ----------
    ci_method
        Interval method of the rows; None: the error bars of `bars.of_methods`.
    """
    statistic = {"kind": kind, "measure": measure, "normalisation": normalisation}
    rows = rows_of(without_dropout(last_epoch(summary)), group, **statistic).sort_values("layer_index")
    return bars.of_methods(rows) if ci_method is None else rows[rows["ci_method"] == ci_method]


def stimuli_words(summary: pd.DataFrame) -> str:
    """Return the number of stimuli as words after "RDMs", from a summary; "" if it is not known."""
    n = summary["n_stimuli"].max()
    return "" if pd.isna(n) else f" of {int(n):,} stimuli"


def networks_note(tables: Tables, group: Group) -> str:
    """Return a group's numbers of networks, pairs, collapsed and redrawn networks, as text."""
    rows = rows_of(without_dropout(last_epoch(tables["consistency_summary"])), group, kind="exemplar")
    networks, pairs = count_range(rows["n_networks"], "network"), count_range(rows["n_network_pairs"], "pair")
    return f"{networks} ({pairs}){collapsed_note(rows_of(tables['instances'], group))}"


def accuracy_note(accuracy: pd.DataFrame, group: Group) -> str:
    """Return mean and range of a group's final test accuracy as text, or "" if networks were not tested.

    If some of the test images are re-encoded, the accuracy on original images follows.
    """
    rows = rows_of(last_epoch(accuracy), group, split="test") if len(accuracy) else accuracy
    rows = rows.dropna(subset=["mean"]).drop_duplicates("subset").set_index("subset") if len(rows) else rows
    if rows.empty:
        return ""
    mean, low, high = (rows[column] for column in ("mean", "min", "max"))
    note = f"test accuracy {_percent(mean['all'])} ({_percent(low['all'])} to {_percent(high['all'])})"
    return f"{note}, {_percent(mean['lossless'])} on lossless images" if "lossless" in rows.index else note


def images_note(accuracy: pd.DataFrame) -> str:
    """Return a note on re-encoded test images, or "" if all are original."""
    return "Some of the test images are re-encoded." if (accuracy["subset"] == "lossless").any() else ""


def group_notes(shown: Sequence[Group], tables: Tables) -> list[str]:
    """Return a line per group: numbers of networks, pairs and collapsed networks, and test accuracy."""
    notes = []
    for group in shown:
        facts = [networks_note(tables, group), accuracy_note(tables["accuracy_summary"], group)]
        notes.append(f"{group.title}: {'; '.join(filter(None, facts))}.")
    return notes


def instance_accuracies(accuracy: pd.DataFrame, group: Group, seeds: Sequence[int]) -> str:
    """Return final test accuracies of some instances as text, or "" if they were not tested."""
    rows = rows_of(last_epoch(accuracy), group, split="test", subset="all") if len(accuracy) else accuracy
    if rows.empty:
        return ""
    by_seed = rows.set_index("seed")["accuracy"].dropna()
    known = [f"seed {seed} {_percent(by_seed[seed])}" for seed in seeds if seed in by_seed.index]
    return f"test accuracy: {', '.join(known)}" if known else ""


def instance_notes(shown: Sequence[Group], instances: pd.DataFrame) -> list[str]:
    """Return a line per group: numbers of accepted and of collapsed networks, from `instances`."""
    return [f"{group.title}: {network_counts(group, instances)}." for group in shown]


def network_counts(group: Group, instances: pd.DataFrame) -> str:
    """Return the numbers of accepted and of collapsed networks of a group as text, from `instances`."""
    rows = rows_of(instances, group)
    return f"{count(len(rows) - n_collapsed(rows), 'network')}{collapsed_note(rows)}"


def n_collapsed(instances: pd.DataFrame) -> int:
    """Return how many instances collapsed and are left out."""
    return int(instances["collapsed"].fillna(False).astype(bool).sum())


def collapsed_note(instances: pd.DataFrame) -> str:
    """Return as text how many instances collapsed finally, and how many were redrawn and then accepted.

    The text follows a number of networks, after a comma. It is "" if no rule judged the networks.
    """
    left_out = n_collapsed(instances)
    accepted = instances[~instances["collapsed"].fillna(False).astype(bool)]
    redrawn = int((accepted["attempts"].fillna(1) > 1).sum())
    if not left_out and not redrawn:
        return ", none collapsed" if instances["judged"].fillna(False).astype(bool).any() else ""
    facts = [f"{redrawn} of these redrawn after a collapse"] if redrawn else []
    facts += [f"{left_out} more collapsed and left out"] if left_out else []
    return "".join(f", {fact}" for fact in facts)


def count(n: float, noun: str) -> str:
    """Return a number with its noun: "1 pair", "15 pairs"."""
    return f"{int(n)} {noun}" + ("" if int(n) == 1 else "s")


def count_range(numbers: pd.Series, noun: str) -> str:
    """Return a range of numbers with its noun: "5 networks", or "4 to 5 networks" if numbers differ."""
    low, high = int(numbers.min()), int(numbers.max())
    return count(high, noun) if low == high else f"{low} to {count(high, noun)}"


def short_layer_names(names: Sequence[str]) -> tuple[list[str], str]:
    """Return tick labels and axis label: 1, 2, ... for conv1, conv2, ..., else shortened names."""
    numbered = [re.fullmatch(r"conv(\d+)", name) for name in names]
    if all(numbered):
        return [match[1] for match in numbered if match], "Convolutional layer"
    return [shortened(name) for name in names], "Layer"


MOST_NAMED = 18
"""Largest number of layers that are all named below a panel. Of more layers, stages are named if there are any."""

MOST_STAGES = 12

STAGE = re.compile(r"([A-Za-z_]+\d+|[A-Za-z]+)[._/]")
"""Beginning of the name of a layer that is part of a stage: layer1 in layer1.0.conv2."""


@dataclass(frozen=True)
class LayerNaming:
    """Names below an axis of layers.

    Attributes
    ----------
    places, labels
        Where names are, counted in layers from 0, and what they are.
    axis_label
        What they name: convolutional layers, layers or stages.
    edges
        Where stages begin and end; empty if layers are named.
    """

    places: tuple[float, ...]
    labels: tuple[str, ...]
    axis_label: str
    edges: tuple[float, ...] = ()


def layer_naming(names: Sequence[str]) -> LayerNaming:
    """Return the names of layers, in order; of many layers, the names of their stages."""
    labels, axis_label = short_layer_names(names)
    every = LayerNaming(tuple(map(float, range(len(names)))), tuple(labels), axis_label)
    if len(names) <= MOST_NAMED:
        return every
    found = [match[1] if (match := STAGE.match(name)) else name for name in names]
    starts = [place for place, stage in enumerate(found) if place == 0 or stage != found[place - 1]]
    if not 1 < len(starts) <= MOST_STAGES:
        return every
    ends = [*starts[1:], len(names)]
    middles = tuple((start + end - 1) / 2 for start, end in zip(starts, ends, strict=True))
    edges = tuple(start - 0.5 for start in [*starts, len(names)])
    return LayerNaming(middles, tuple(shortened(found[start]) for start in starts), "Stage", edges)


def evenly(n: int, most: int) -> list[int]:
    """Return the places of at most so many of n things, evenly spaced, with the first and the last."""
    return list(range(n)) if n <= most else sorted({round(k * (n - 1) / (most - 1)) for k in range(most)})


def _percent(fraction: float) -> str:
    return unbroken(f"{100 * fraction:.1f} %")


def unbroken(text: str) -> str:
    """Return the text with no-break spaces."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def shortened(name: str) -> str:
    """Return a name that fits below a panel; a long name loses its middle."""
    if len(name) <= LONGEST_LABEL:
        return name
    half = (LONGEST_LABEL - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
