"""The first page of the report: main numbers, networks that were lost, settings, and where the results come from."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd
import yaml

from manyseeds.explorer import packing
from manyseeds.figures import selection
from manyseeds.figures.catalogue import main_measure
from manyseeds.report.origin import Origin
from manyseeds.results import left_out, needed_networks

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Facts:
    """What the page says beside numbers from tables.

    Attributes
    ----------
    study
        Name of the study.
    settings
        The keys of its config that determine something (`settings.shown`).
    stimuli
        Numbers of stimuli and categories, as text (`stimulus_counts`).
    notices
        Sentences on what the study leaves out or ignores.
    origin
        Software and devices of the results.
    commit
        Commit of the workflow; None if it is not known.
    seconds
        Processor seconds of the jobs of each rule.
    """

    study: str
    settings: Mapping[str, Any]
    stimuli: str
    notices: Sequence[str]
    origin: Origin
    commit: str | None
    seconds: Mapping[str, float]


def page(assets: Mapping[str, str], tables: Tables, facts: Facts, figure: bytes | None) -> str:
    """Return the first page as HTML.

    Parameters
    ----------
    assets
        Text of each file of `contents`, by name.
    tables
        Tables by name; `instances` and `consistency_summary`, and others if the study has them.
    figure
        Picture of consistency against depth as PNG; None if the study does not have it.
    """
    settings = yaml.safe_dump(dict(facts.settings), sort_keys=False, allow_unicode=True, width=110)
    return packing.filled(
        assets["overview.html"],
        STUDY=html.escape(facts.study),
        STYLE=assets["page.css"],
        FIGURE="" if figure is None else _figure(figure),
        NUMBERS=table(main_numbers(tables)),
        ANSWERS=listed(needed_networks(tables["howmany_answer"]) if "howmany_answer" in tables else []),
        LOST=listed([*left_out(tables["instances"]), *facts.notices]),
        MAIN=table(main_settings(facts)),
        SETTINGS=f"<pre>{html.escape(settings)}</pre>",
        ORIGIN=table(origin_rows(facts)),
        SECONDS=table(second_rows(facts.seconds)),
    )


def main_numbers(tables: Tables) -> pd.DataFrame:
    """Return a row for each shown group: networks, consistency in its first and last layer, and accuracy."""
    summary = tables["consistency_summary"]
    if summary.empty:
        return pd.DataFrame()
    measure, rows = main_measure(summary["measure"]), []
    for group in selection.groups(summary):
        curve = selection.consistency_curve(summary, group, kind="exemplar", measure=measure, ci_method="jackknife")
        if curve.empty:
            continue
        row = {"networks": group.title, "count": selection.network_counts(group, tables["instances"])}
        for place, name in ((0, "first layer"), (-1, "last layer")):
            row[f"consistency, {name}"] = _estimate(curve.iloc[place])
        if "accuracy_summary" in tables:
            row["accuracy"] = selection.accuracy_note(tables["accuracy_summary"], group) or "not tested"
        rows.append(row)
    return pd.DataFrame(rows)


def _estimate(row: pd.Series) -> str:
    """Return a mean with its jackknife interval, as text."""
    ends = "no interval" if pd.isna(row["ci_low"]) else f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
    return "undefined" if pd.isna(row["mean"]) else f"{row['layer']}: {row['mean']:.3f} ({ends})"


MAIN_SETTINGS = (
    *("activations_dir", "networks_dir", "pretrained_dir", "data.dataset", "stimuli.per_category", "measures", "seed"),
    *("data.preprocessing", "instances", "training.epochs", "training.batch_size", "training.learning_rate"),
    *("training.precision", "dropout.rates"),
)
"""Keys of the config that the first page shows at once, if the study's settings have them."""


def stimulus_counts(stimuli: pd.DataFrame) -> str:
    """Return the numbers of stimuli and categories as text, from the table of stimuli."""
    n_categories = stimuli["category"].nunique() if (stimuli["category_name"] != "").all() else 0
    return f"{len(stimuli):,} " + (f"of {n_categories:,} categories" if n_categories else "without categories")


def main_settings(facts: Facts) -> pd.DataFrame:
    """Return networks and conditions by name, numbers of stimuli, and the main keys of the config with their values."""
    settings = facts.settings
    rows = [
        ("networks", ", ".join(entry["name"] or entry["architecture"] for entry in settings["networks"])),
        ("conditions", ", ".join(entry["name"] for entry in settings["conditions"])),
        ("stimuli", facts.stimuli),
    ]
    for key in MAIN_SETTINGS:
        value: Any = settings
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            rows.append((key, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return pd.DataFrame(rows, columns=["key", "value"])


def origin_rows(facts: Facts) -> pd.DataFrame:
    """Return software, devices, dates and commit of the results."""
    rows = [(name, ", ".join(versions)) for name, versions in facts.origin.software.items()]
    rows.append(("devices", "; ".join(facts.origin.devices)))
    if facts.origin.gpu:
        rows.append(("GPUs, all jobs together", str(facts.origin.gpu)))
    rows.append(("first and last file", f"{facts.origin.first} to {facts.origin.last}"))
    rows.append(("commit of the workflow", facts.commit or "not known: the workflow is not in a git repository"))
    rows.append(("processor seconds", f"{sum(facts.seconds.values()):,.0f}"))
    return pd.DataFrame(rows, columns=["what", "value"])


def second_rows(seconds: Mapping[str, float]) -> pd.DataFrame:
    """Return the processor seconds of each rule, the most first."""
    most = sorted(seconds.items(), key=lambda item: -item[1])
    return pd.DataFrame([(rule, f"{value:,.1f}") for rule, value in most], columns=["rule", "processor seconds"])


# HTML


def table(rows: pd.DataFrame) -> str:
    """Return rows as an HTML table."""
    if rows.empty:
        return "<p>No networks were compared.</p>"
    return rows.to_html(index=False, border=0, na_rep="", justify="left")


def listed(sentences: Iterable[str]) -> str:
    """Return sentences as an HTML list, or nothing."""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


LONGEST_LINE = 5000


def _figure(png: bytes) -> str:
    # In lines: docutils refuses long ones when Snakemake puts this page on its first.
    lines = "\n".join(wrap(base64.b64encode(png).decode(), LONGEST_LINE))
    address = f"data:image/png;base64,{lines}"
    alt = "Consistency of networks against depth, with intervals. The table below has the first and the last layer."
    return f'<img alt="{alt}" src="{address}">'
