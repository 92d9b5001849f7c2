"""The explorer: one HTML file with everything that it shows, which loads nothing from elsewhere.

Numbers come from tables, with the line of the table's CSV file in which they are. RDMs, maps and agreement of two
networks come from `parts`. The page itself is in `assets/`: HTML, styles and scripts without a library. They draw SVG
and canvas elements. A library of charts would take as much room as the data, and has no pictures, no RDMs and no
keyboard.
"""

import base64
import html
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps

from manyseeds.comparison.consistency import has_categories
from manyseeds.explorer import packing
from manyseeds.explorer.contents import SCRIPTS, TABLES
from manyseeds.explorer.parts import LARGEST_8, LARGEST_16, STEPS_OF_R, UNDEFINED, Arrays
from manyseeds.explorer.pictures import Sheet
from manyseeds.figures import style
from manyseeds.figures.bars import FEWEST_NETWORKS
from manyseeds.figures.comparators import NAMES as COMPARATOR_NAMES
from manyseeds.figures.selection import MEASURE_NAMES, n_collapsed, network_name

KIND_NAMES = {
    "exemplar": "pairs of stimuli",
    "centroid": "pairs of category centroids",
    "within_category": "pairs of stimuli within categories",
    "within_category_mean": "within each category, then averaged",
    "random_centroid": "centroids of random groups",
}
METHOD_NAMES = {
    "jackknife": "jackknife over networks",
    "jackknife_simultaneous": "jackknife, all layers at once",
    "components": "components of variance",
    "pairs": "bootstrap of pairs",
    "instances": "bootstrap of networks",
    "stimuli": "bootstrap of stimuli",
    "both": "bootstrap of networks and stimuli",
    "partitions": "random groupings",
    "partitions_pairs": "random groupings and pairs",
}
NORMALISATION_NAMES = {"none": "raw patterns", "cocktail": "cocktail blank: mean pattern subtracted"}


def page(
    study: str,
    assets: Mapping[str, str],
    measure: str,
    tables: Mapping[str, pd.DataFrame],
    parts: Mapping[tuple[str, str], Arrays],
    stimuli: pd.DataFrame,
    sheet: Sheet | None,
) -> str:
    """Return the page of a study as HTML.

    Parameters
    ----------
    assets
        Text of each file of `ASSETS`.
    measure
        Dissimilarity measure of the RDMs.
    tables
        Whole tables of `TABLES`, with all their rows; some may be missing.
    parts
        Arrays of each explored group (`parts.of_group`), by architecture and condition.
    stimuli
        Columns stimulus, category and category_name, in order.
    sheet
        Pictures of the stimuli; None if the study does not have any.
    """
    explored = list(parts)
    data = {
        "measure": MEASURE_NAMES[measure],
        "measureKey": measure,
        "groups": _groups(tables["instances"], explored),
        "stimuli": _stimuli(stimuli),
        "sheet": sheet and {"columns": sheet.columns, "width": sheet.width, "height": sheet.height},
        "tables": {name: packing.columns(_chosen(name, table, measure, explored)) for name, table in tables.items()},
        **_names(),
    }
    blobs = [packing.blob("data", packing.text(data).encode())]
    blobs += [packing.blob(f"part{place}", _joined(part)) for place, part in enumerate(parts.values())]
    return packing.filled(
        assets["page.html"],
        STUDY=html.escape(study),
        STYLE=assets["page.css"],
        SCRIPT="\n".join(['"use strict";', "{", *(assets[name] for name in SCRIPTS), "}"]),
        SHEET="" if sheet is None else _image(sheet),
        DATA="\n".join(blobs),
    )


# Rows of tables


def _chosen(name: str, table: pd.DataFrame, measure: str, explored: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return the rows and columns of a table that the page shows, with their lines in the CSV file."""
    rows = table.assign(line=np.arange(2, len(table) + 2))  # the first line has the names of the columns
    if "measure" in rows and name not in ("consistency_summary", "comparators_summary"):
        rows = rows[rows["measure"] == measure]
    for column, value in WANTED.get(name, {}).items():
        rows = rows[rows[column].fillna(value) == value]
    if name in OF_EXPLORED:
        groups = pd.MultiIndex.from_frame(rows[["architecture", "condition"]])
        rows = rows[groups.isin(list(explored))]
    if name in OF_LAST_EPOCH and len(rows):
        rows = rows[rows["epoch"] == rows.groupby(["architecture", "condition"])["epoch"].transform("max")]
    return rows[[*TABLES[name], "line"]]


WANTED: dict[str, dict[str, str | int]] = {
    "consistency_summary": {"dropout_samples": 0},
    "consistency": {"dropout_samples": 0, "kind": "exemplar", "normalisation": "none"},
    "mds": {"level": "second_level"},
    "stimulus_agreement": {"scope": "all"},
    "agreement_reliability": {"what": "stimuli_all"},
    "accuracy": {"split": "test", "subset": "all"},
}
"""Values of columns in the rows that the page shows, by table."""

OF_EXPLORED = ("consistency", "accuracy", "history", "second_level", "mds", "stimulus_agreement")
"""Tables of which the page shows only the explored groups."""

OF_LAST_EPOCH = ("consistency", "stimulus_agreement", "agreement_reliability")
"""Tables of which the page shows the last epoch alone."""


# Facts beside the tables


def _groups(instances: pd.DataFrame, explored: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the groups of the study, the explored ones first, with their numbers of networks."""
    found = []
    keys = list(dict.fromkeys(zip(instances["architecture"], instances["condition"], strict=True)))
    for group in [*explored, *(key for key in keys if key not in explored)]:
        rows = instances[(instances["architecture"] == group[0]) & (instances["condition"] == group[1])]
        redrawn = (rows["attempts"].fillna(1) > 1) & ~rows["collapsed"].astype(bool)
        found.append(
            {
                "architecture": group[0],
                "condition": group[1],
                "title": network_name(*group),
                "networks": len(rows),
                "collapsed": n_collapsed(rows),
                "redrawn": int(redrawn.sum()),
                "part": f"part{explored.index(group)}" if group in explored else None,
            }
        )
    return found


def _stimuli(stimuli: pd.DataFrame) -> dict[str, Any]:
    """Return names and categories of the stimuli; without categories, one category for all."""
    known = stimuli.drop_duplicates("category").sort_values("category")
    place = {category: k for k, category in enumerate(known["category"])}
    return {
        "names": stimuli["stimulus"].astype(str).tolist(),
        "categories": [place[category] for category in stimuli["category"]],
        "categoryNames": known["category_name"].astype(str).tolist(),
        "categoryNumbers": [int(category) for category in known["category"]],
        "hasCategories": bool(has_categories(stimuli["category"])),
    }


def _names() -> dict[str, Any]:
    """Return names for readers, colours and constants of codes."""
    return {
        "measures": MEASURE_NAMES,
        "kinds": KIND_NAMES,
        "methods": METHOD_NAMES,
        "normalisations": NORMALISATION_NAMES,
        "comparators": COMPARATOR_NAMES,
        "fewest": FEWEST_NETWORKS,
        "colours": {
            "first": style.BLUE,
            "second": style.VERMILLION,
            "third": style.GREEN,
            "before": style.GREY,
            "categories": style.CATEGORY_COLOURS,
            "sequential": _ramp("viridis"),
            "diverging": _ramp("PuOr"),
        },
        "codes": {"largest8": LARGEST_8, "largest16": LARGEST_16, "steps": STEPS_OF_R}
        | {f"undefined{8 * dtype.itemsize}": code for dtype, code in UNDEFINED.items()},
    }


def _ramp(name: str) -> str:
    """Return the colours of a ramp from 0 to 254, six hexadecimal digits each."""
    colours = colormaps[name](np.linspace(0, 1, LARGEST_8 + 1), bytes=True)[:, :3]
    return bytes(colours.ravel().tolist()).hex()


# Bytes


def _joined(part: Arrays) -> bytes:
    """Return arrays as bytes: the length of a header in JSON, the header, and the arrays, each from a multiple of 8."""
    arrays = {name: _plain(array) for name, array in part.items() if array.dtype.kind != "U"}
    header: dict[str, Any] = {"texts": {name: a.tolist() for name, a in part.items() if a.dtype.kind == "U"}}
    header["arrays"], body = {}, b""
    for name, array in arrays.items():
        header["arrays"][name] = {"type": array.dtype.name, "shape": array.shape, "start": len(body)}
        body += array.tobytes() + bytes(-array.nbytes % 8)
    text = packing.text(header).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return struct.pack("<I", len(text)) + text + body


def _plain(array: np.ndarray) -> np.ndarray:
    """Return an array with its rightmost axis contiguous, and its bytes in the order of all browsers."""
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))


def _image(sheet: Sheet) -> str:
    address = f"data:image/webp;base64,{base64.b64encode(sheet.data).decode()}"
    return f'<img id="sheet" alt="" hidden src="{address}">'
