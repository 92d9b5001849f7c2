"""Drawing of any figure of a study, also if its networks collapsed."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from manyseeds.figures import bars, depth, selection, style
from manyseeds.figures.catalogue import NothingToDraw
from manyseeds.figures.selection import Labels, Tables, architecture_name, condition_name, network_name


@style.journal_style()
def draw(
    module: str,
    tables: Tables,
    interval: str = bars.CHOICES[-1],
    left_out: Iterable[tuple[str, str]] = (),
    *,
    overlay: bool = False,
    labels: Labels | None = None,
) -> Figure:
    """Draw the figure of a module, with a note on groups that have nothing to compare.

    Collapsed networks are a finding. If no network is left, the figure is a sentence that says so.

    Parameters
    ----------
    module
        Import path; its `draw` takes the tables.
    tables
        The tables that `catalogue.FIGURES` names, for the groups that the figure shows.
    left_out
        Groups of the study that the figure does not show, as pairs of architecture and condition.
    overlay
        Whether conditions of an architecture share panels, in figures that can.
    labels
        Names of architectures and conditions in the figure.
    """
    with selection.labelled(labels or {}), depth.overlaid(overlay), bars.chosen(interval):
        try:
            figure = import_module(module).draw(tables)
        except NothingToDraw as nothing:
            figure = style.only_words(str(nothing))
        if "instances" in tables:
            style.footnote(figure, [lonely_note(tables["instances"])])
        style.footnote(figure, [left_out_note(left_out)])
    return figure


REPORT_DPI = 135
REPORT_COLOURS = 64
"""Resolution and number of colours of a figure in the report."""
NEARLY_WHITE = 247


def for_report(png: Path | str, path: Path | str) -> None:
    """Write a figure's PNG with fewer pixels and colours, which takes a seventh of the room."""
    with Image.open(png) as figure:
        share = REPORT_DPI / style.PNG_DPI
        size = (max(1, round(figure.width * share)), max(1, round(figure.height * share)))
        small = figure.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    # An octree keeps the hues of thin lines, which a median cut mixes with grey.
    few = small.quantize(REPORT_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = few.getpalette() or []
    few.putpalette([255 if value > NEARLY_WHITE else value for value in palette])  # the octree's white is a light grey
    few.save(path, format="PNG", optimize=True)


def pictures(path: str, n_shown: int) -> pd.DataFrame:
    """Return the pictures of the stimuli in the column image, by position, and how many a strip shows as `n_shown`."""
    images = pd.DataFrame({"image": list(np.load(path))})
    images.attrs["n_shown"] = n_shown
    return images


def left_out_note(groups: Iterable[tuple[str, str]]) -> str:
    """Return a note on the conditions that a figure leaves out, or "" if there are none."""
    conditions: dict[str, list[str]] = {}
    for architecture, condition in groups:
        conditions.setdefault(architecture_name(architecture), []).append(condition_name(condition))
    words = [f"{architecture}, {', '.join(names)}" for architecture, names in conditions.items()]
    return f"Conditions not shown here: {'; '.join(words)}." if words else ""


def lonely_note(instances: pd.DataFrame) -> str:
    """Return a note on groups with fewer than two accepted networks, or "" if there are none."""
    accepted = instances.assign(accepted=~instances["collapsed"].astype(bool))
    counts = accepted.groupby(["architecture", "condition"], sort=False)["accepted"].agg(["sum", "size"])
    lonely = [
        f"{network_name(*group)} ({n_accepted} of {n_networks})"
        for group, n_accepted, n_networks in counts.itertuples(name=None)
        if n_accepted < 2
    ]
    return f"Fewer than two accepted networks, so nothing to compare: {', '.join(lonely)}." if lonely else ""
