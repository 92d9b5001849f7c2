"""The page that describes an export to its readers."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import pandas as pd

from manyseeds.exchange.cards import read_card
from manyseeds.study.instances import Instance

PAGE = """# Exported networks: {name}

<!-- Written from the cards of the networks (for those in data/networks by `make docs`). -->

{networks}{collapsed}, trained as [`study.yaml`](study.yaml) says. {analysis}

Each network has a folder with its weights after the last epoch (matrices and kernels in float16), its history, all
attempts, and its accuracies at every checkpoint. Accuracies were computed before the weights were rounded. A card holds
settings, software, device and digests.{activations}

{table}

Accuracies are those of the last epoch, on the training images and on the test images of that training.
{lossless}Minutes are those of all attempts, beside other trainings on the same device.

Trained with {software}.
"""


ANALYSIS = """To analyse them without training, run in a clone of manyseeds, with this folder as DIR:

    snakemake --cores 2 --config pretrained_dir=DIR study=mine

This makes the tables and figures of that study, from these files and the images of `{dataset}`. `data/README.md` in the
clone says where the images come from. The training images must be the same; this is checked."""

TOO_FEW = "The workflow compares networks of a condition, and no condition has two here: they cannot be analysed yet."

WIDTH = 100
"""Longest line of prose on the page."""


def page(name: str, instances: Mapping[Instance, Path]) -> str:
    """Return the page that describes an export to its readers, as Markdown.

    Parameters
    ----------
    name
        Name of the study that trained the networks.
    instances
        Folder of each instance.
    """
    instances = dict(sorted(instances.items()))
    cards = {instance: read_card(path) for instance, path in instances.items()}
    rows = {instance: _facts(path, cards[instance]["trained"]) for instance, path in instances.items()}
    n_collapsed = sum(row["outcome"] != "accepted" for row in rows.values())
    lossless = any(row["lossless"] is not None for row in rows.values())
    software = dict.fromkeys(_software(card["trained"]) for card in cards.values())
    n_followed = sum(bool(card["recorded"]["epochs"]) for card in cards.values())
    return _wrapped(
        PAGE.format(
            name=name,
            networks="One network" if len(rows) == 1 else f"{len(rows)} networks",
            collapsed=f", {n_collapsed} of them collapsed" if n_collapsed else "",
            analysis=_analysis(cards),
            activations=f" Networks with activations at several epochs, in float16: {n_followed} of {len(rows)}."
            if n_followed
            else "",
            table=_table(rows, lossless=lossless),
            lossless="The column `lossless` has those of test images with their original pixels.\n" if lossless else "",
            software="; ".join(software),
        )
    )


def _analysis(cards: Mapping[Instance, Mapping[str, Any]]) -> str:
    """Return how the networks are analysed, or why they cannot be."""
    groups = {(instance.architecture, instance.condition) for instance in cards}
    if len(groups) == len(cards):
        return TOO_FEW
    return ANALYSIS.format(dataset=next(iter(cards.values()))["settings"]["data"]["dataset"])


def _wrapped(page: str) -> str:
    """Return a page with its paragraphs wrapped; headings, tables, comments and code stay."""
    blocks = page.split("\n\n")
    kept = ("#", "|", "<", "    ")
    filled = [block if block.startswith(kept) else _filled(block) for block in blocks]
    return "\n\n".join(filled).rstrip("\n") + "\n"


def _filled(paragraph: str) -> str:
    lines = paragraph.strip("\n")
    return fill(lines, WIDTH, break_long_words=False, break_on_hyphens=False)


def _facts(folder: Path, trained: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts about one network that a page shows."""
    attempts = pd.read_parquet(folder / "attempts.parquet")
    accuracy = pd.read_parquet(folder / "accuracy.parquet")
    last = accuracy[accuracy["epoch"] == accuracy["epoch"].max()]
    values = {key: group["accuracy"].item() for key, group in last.groupby(["split", "subset"])}
    return {
        "attempts": len(attempts),
        "outcome": attempts["outcome"].iloc[-1],
        "train": values.get(("train", "all")),
        "test": values.get(("test", "all")),
        "lossless": values.get(("test", "lossless")),
        "minutes": trained["seconds"] / 60,
    }


def _table(rows: Mapping[Instance, Mapping[str, Any]], *, lossless: bool) -> str:
    columns = ["train", "test", *(["lossless"] if lossless else [])]
    lines = [["network", "attempts", "outcome", *columns, "minutes"]]
    lines.append(["---"] * len(lines[0]))
    for instance, row in rows.items():
        accuracies = ["" if row[column] is None else f"{100 * row[column]:.1f} %" for column in columns]
        lines.append([f"`{instance}`", str(row["attempts"]), row["outcome"], *accuracies, f"{row['minutes']:.1f}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _software(trained: Mapping[str, Any]) -> str:
    """Return the software and the device of a training as text."""
    versions = ", ".join(f"{package} {version}" for package, version in trained["software"].items())
    return f"{versions}, on {trained['device']}"
