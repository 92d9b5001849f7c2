"""The page that tells readers of an export what is in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from manyseeds.exchange.cards import read_card
from manyseeds.study.instances import Instance

PAGE = """# Exported networks: {name}

<!-- Written from the cards of the networks (of those in data/networks by `make docs`). -->

{n} networks{collapsed}, trained as [`study.yaml`](study.yaml) says. In a clone of manyseeds,

    snakemake --cores 2 --config pretrained_dir=DIR study=mine

with this folder as DIR analyses them without training: tables and figures of that study, from what lies here and the
images of `{dataset}` (`data/README.md` there says where these come from; training images are checked to be the same).

The folder of each network holds its weights after the last epoch (matrices and kernels in float16), its history, all
attempts, its accuracies at every checkpoint (evaluated before the weights were rounded), and a card with settings,
software, device and digests{activations}.

{table}
Accuracies are of the last epoch, on the images trained on and on the test images of whoever trained{lossless}.
Minutes are those of all attempts, beside other trainings on the same device.

Trained with {software}.
"""


def page(name: str, instances: Mapping[Instance, Path]) -> str:
    """Return the page that tells readers of an export what is in it, as Markdown.

    Parameters
    ----------
    name
        Of the study that trained the networks.
    instances
        Folder of each.
    """
    instances = dict(sorted(instances.items()))
    cards = {instance: read_card(path) for instance, path in instances.items()}
    rows = {instance: _facts(path, cards[instance]["trained"]) for instance, path in instances.items()}
    n_collapsed = sum(row["outcome"] != "accepted" for row in rows.values())
    lossless = any(row["lossless"] is not None for row in rows.values())
    software = dict.fromkeys(_software(card["trained"]) for card in cards.values())
    n_followed = sum(bool(card["recorded"]["epochs"]) for card in cards.values())
    return PAGE.format(
        name=name,
        n=len(rows),
        collapsed=f", {n_collapsed} of them collapsed" if n_collapsed else "",
        dataset=next(iter(cards.values()))["settings"]["data"]["dataset"],
        activations=f"; {n_followed} of them also activations at several epochs, in float16" if n_followed else "",
        table=_table(rows, lossless=lossless),
        lossless=", and on those of these whose pixels are the originals" if lossless else "",
        software="; ".join(software),
    )


def _facts(folder: Path, trained: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page says of one network."""
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
    """Name the software and the device of a training."""
    versions = ", ".join(f"{package} {version}" for package, version in trained["software"].items())
    return f"{versions}, on {trained['device']}"
