"""Write the pages that are made from the workflow itself: every table with its columns, every figure with its tables,
and the networks that come with it.

Run by `make docs`; a test says when a page is behind.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.exchange import readme  # noqa: E402
from manyseeds.figures.catalogue import FIGURES, Entry  # noqa: E402
from manyseeds.study.user_folders import find_exported  # noqa: E402

Schema = Mapping[str, Any]

TABLES_HEAD = """# Tables

<!-- Written by `make docs` from workflow_scripts/manyseeds/schemas/tables; change it there. -->

Every table lies in `results/<study>/tables/` as Parquet and as CSV. One row is one observation; a value is null (an
empty field in CSV) where a column does not apply or a number is not defined. A job that would write anything else than
what stands here fails. Accuracies and consistencies are fractions; intervals are of 95 %.
"""

FIGURES_HEAD = """# Figures

<!-- Written by `make docs` from workflow_scripts/manyseeds/figures/catalogue.py; change it there. -->

`snakemake --cores 2 fig4` makes `results/<study>/figures/fig4.pdf` and `.png`, and what they need; the name of every
figure is such a target. Figures are drawn from tables alone, and names follow Mehrer et al. (2020). Asked for a figure
that a study has not, Snakemake ends with one sentence that says what the study lacks. Of networks that have a condition
called `baseline` all but fig8, supp3 and comparison show that condition alone, of others all conditions.

| figure | shows | drawn from | needs |
|---|---|---|---|
"""


def tables_page(schemas: Iterable[Schema]) -> str:
    """The page of all tables: a list, then for each its columns in order."""
    schemas = list(schemas)
    contents = "\n".join(f"* [`{schema['title']}`](#{schema['title']}): {schema['description']}" for schema in schemas)
    return "\n".join([TABLES_HEAD, contents, *map(_table, schemas)]) + "\n"


def _table(schema: Schema) -> str:
    rows = [
        f"| `{name}` | {_values(column)} | {column['description']} |" for name, column in schema["properties"].items()
    ]
    heading = f"\n## {schema['title']}\n\n{schema['description']}\n\n| column | values | meaning |\n|---|---|---|"
    return "\n".join([heading, *rows])


def _values(column: Schema) -> str:
    """The type of a column, with what is allowed of it, as in "number from 0 to 1, or null"."""
    types = [column["type"]] if isinstance(column["type"], str) else list(column["type"])
    (kind,) = (name for name in types if name != "null")
    text = ", ".join(f"`{value}`" for value in column["enum"]) if "enum" in column else kind
    text += "".join(
        f" {word} {column[key]:g}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in column
    )
    return f"{text}, or null" if "null" in types else text


def figures_page(figures: Mapping[str, Entry]) -> str:
    """The page of all figures: one row each."""
    return FIGURES_HEAD + "".join(_figure(name, entry) for name, entry in figures.items())


def _figure(name: str, entry: Entry) -> str:
    tables = ", ".join(f"[`{table}`](tables.md#{table})" for table in entry.tables)
    wanted = "; ".join(requirement.wanted for requirement in entry.requires)
    return f"| `{name}` | {entry.title} | {tables} | {wanted} |\n"


def pages() -> dict[Path, str]:
    """Path and text of each generated page."""
    paths = sorted((ROOT / "workflow_scripts/manyseeds/schemas/tables").glob("*.schema.json"))
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    made = {ROOT / "docs/tables.md": tables_page(schemas), ROOT / "docs/figures.md": figures_page(FIGURES)}
    exports = [path for path in sorted((ROOT / "data/networks").glob("*")) if path.is_dir()]
    return made | {path / "README.md": readme.page(path.name, find_exported(path)) for path in exports}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
