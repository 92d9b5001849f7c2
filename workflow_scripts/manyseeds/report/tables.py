"""Tables as pages of one file each, to be sorted and filtered in a browser."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from manyseeds.explorer import packing

DIGITS = 4
"""Significant digits of numbers in the report; the files of the table have all."""


def page(table: pd.DataFrame, schema: Mapping[str, Any], assets: Mapping[str, str]) -> str:
    """Return the page of a table as HTML.

    Parameters
    ----------
    schema
        Schema of the table; its descriptions are on the page.
    assets
        Text of each file of `contents`, by name.
    """
    columns = packing.columns(pd.DataFrame({name: _words(values) for name, values in table.items()}), DIGITS)
    data = {name: columns[name] | {"description": schema["properties"][name]["description"]} for name in columns}
    return packing.filled(
        assets["table.html"],
        NAME=html.escape(schema["title"]),
        DESCRIPTION=html.escape(schema["description"]),
        STYLE=assets["page.css"],
        SCRIPT="\n".join(['"use strict";', "{", assets["data.js"], assets["table.js"], "}"]),
        DATA=packing.blob("data", packing.text(data).encode()),
    )


def _words(values: pd.Series) -> pd.Series:
    """Return truth values as words; other values as they are."""
    return values.map({True: "true", False: "false"}) if pd.api.types.is_bool_dtype(values) else values
