"""Pages of one file: their assets, and tables and bytes in them.

Data are compressed and in scripts that do not run. `assets/data.js` reads them.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 7
"""Significant digits of numbers in a page, unless it needs fewer."""


def read_assets(paths: Iterable[Path | str]) -> dict[str, str]:
    """Return the text of each file by its name."""
    return {Path(path).name: Path(path).read_text(encoding="utf-8") for path in paths}


def filled(whole: str, **texts: str) -> str:
    """Return a text with others in the places of its marks, such as <!--STUDY-->."""
    for name, text in texts.items():
        whole = whole.replace(f"<!--{name}-->", text)
    return whole


def columns(table: pd.DataFrame, digits: int = DIGITS) -> dict[str, Any]:
    """Return a table as columns for JSON: numbers, or codes of texts with the texts.

    Parameters
    ----------
    digits
        Significant digits of numbers.
    """
    return {str(name): _column(values, digits) for name, values in table.items()}


def _column(values: pd.Series, digits: int) -> dict[str, Any]:
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        whole = np.equal(np.mod(numbers, 1), 0).all()
        return {"numbers": numbers.astype(np.int64).tolist() if whole else [float(f"{x:.{digits}g}") for x in numbers]}
    codes, texts = pd.factorize(values)
    return {"codes": codes.tolist(), "texts": list(map(str, texts))}


def text(data: Mapping[str, Any]) -> str:
    """Return JSON without spaces; undefined numbers become null."""
    return json.dumps(_nulled(data), separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def _nulled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _nulled(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_nulled(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def blob(name: str, content: bytes) -> str:
    packed = base64.b64encode(zlib.compress(content, 9)).decode()
    return f'<script type="text/plain" id="{name}">{packed}</script>'
