"""Write the pages that are made from the workflow: tables, figures, gallery, keys of the config, exported networks.

Run by `make docs`; a test says when a page is behind.
"""

import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.exchange import readme  # noqa: E402
from manyseeds.figures.catalogue import FIGURES, Entry  # noqa: E402
from manyseeds.study.user_folders import find_exported  # noqa: E402

Schema = Mapping[str, Any]

TABLES_HEAD = """# Tables

<!-- Written by `make docs` from workflow_scripts/manyseeds/schemas/tables; change it there. -->

Every table is in `results/<study>/tables/`, as Parquet and as CSV. One row is one observation. A
value is null if a column does not apply or a number is not defined. The field in CSV is then empty.
A job that would write anything else fails. Accuracies and consistencies are fractions. Intervals
have a level of 95 %, but those of table `claims` have their own.
[Methods 5](methods.md#5-consistency-and-intervals) defines each `ci_method`.
"""

FIGURES_HEAD = """# Figures

<!-- Written by `make docs` from workflow_scripts/manyseeds/figures/catalogue.py; change it there. -->

`snakemake --cores 2 fig4` makes `results/<study>/figures/fig4.pdf`, `.png` and `.svg`, and all that
they need. Each figure is such a target. Those called `fig` and `supp` have the numbers of Mehrer et
al. (2020). Figures are drawn from tables alone, but `conserved_images` also shows the stimuli.
Building a figure trains only the networks that it shows. [Running](running.md#what-a-figure-costs)
says how many networks and jobs each figure takes.

If a study lacks something that a figure needs, Snakemake stops and names it. Most figures show the
condition `baseline` alone, or all conditions of networks that have no baseline. `fig8`, `supp3` and
`comparison` show other conditions too. A figure names the groups that have fewer than two accepted
networks. If no network of a figure is left, the figure says so.

| figure | shows | drawn from | needs |
|---|---|---|---|
"""

GALLERY_HEAD = """# Gallery

<!-- Written by `make docs` from docs/gallery.yaml and docs/figures/; change it there. -->

Each figure, the command that drew it, and what to read off it. Most pictures are of the default
study: five small networks of each architecture on handwritten digits, too small for conclusions.
[Figures](figures.md) lists tables and requirements. Captions are in the report (`make report`).
"""

CONFIG_HEAD = """# Configuration

<!-- Written by `make docs` from config.yaml and workflow_scripts/manyseeds/schemas/config.schema.json. -->

A study is a YAML file with the keys in which it differs from [`config.yaml`](../config.yaml). [Your
own](your-own.md#a-study) explains such files. The column *default* has the value of `config.yaml`,
which holds if a study does not set the key. For entries of a list, the column has the value of an
entry without the key.
"""


def tables_page(schemas: Iterable[Schema]) -> str:
    """The page of all tables: a list, then for each its columns in order."""
    schemas = list(schemas)
    contents = "\n".join(
        _wrapped(f"* [`{schema['title']}`](#{schema['title']}): {schema['description']}", "  ") for schema in schemas
    )
    return "\n".join([TABLES_HEAD, contents, *map(_table, schemas)]) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    """A paragraph in lines of at most 100 characters."""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _table(schema: Schema) -> str:
    rows = [
        f"| `{name}` | {_values(column)} | {column['description']} |" for name, column in schema["properties"].items()
    ]
    heading = (
        f"\n## {schema['title']}\n\n{_wrapped(schema['description'])}\n\n| column | values | meaning |\n|---|---|---|"
    )
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


def gallery_page(figures: Mapping[str, Entry], entries: Mapping[str, Mapping[str, str]]) -> str:
    """The page with a picture of each figure that a run has drawn; figures without one are named at the end."""
    sections = [_picture(name, figures[name], entries[name]) for name in figures if name in entries]
    missing = ", ".join(f"`{name}`" for name in figures if name not in entries)
    rest = _wrapped(f"No run has a picture of these figures yet: {missing}.")
    return "\n".join([GALLERY_HEAD, *sections, *(["## Without a picture\n", f"{rest}\n"] if missing else [])])


def _picture(name: str, entry: Entry, about: Mapping[str, str]) -> str:
    """The section of one figure."""
    path = about.get("picture", f"figures/gallery/{name}.png")
    command = f"    snakemake --cores 2 {name} {about.get('study', '')}".rstrip()
    read = _wrapped(" ".join(about["read"].split()))
    title = entry.title if entry.title.endswith("?") else f"{entry.title}."
    return f"## {name}\n\n**{title}**\n\n{command}\n\n![{entry.title}]({path})\n\n{read}\n"


def config_page(schema: Schema, defaults: Mapping[str, Any]) -> str:
    """The page of all keys of the config: a table of keys without a section, then a table for each section."""
    properties = schema["properties"]
    sections = {name: each for name, each in properties.items() if _entries(each) is not None}
    plain = [_key(name, each, _yaml(defaults[name])) for name, each in properties.items() if name not in sections]
    tables = [_keys("General", "Keys without a section.", plain)]
    for name, each in sections.items():
        items = each.get("items")
        title = f"{name}[]" if items else name
        rows = _entry_rows(items) if items else _section_rows(each, defaults[name])
        tables.append(_keys(f"`{title}`", each["description"], rows))
    return "\n".join([CONFIG_HEAD, *tables])


def _entries(schema: Schema) -> Schema | None:
    """The keys of a section, or of the entries of a list of mappings; None of a plain key."""
    return schema.get("properties") or schema.get("items", {}).get("properties")


def _keys(title: str, description: str, rows: Iterable[str]) -> str:
    return "\n".join(
        [f"## {title}\n\n{_wrapped(description)}\n\n| key | default | values | meaning |\n|---|---|---|---|", *rows, ""]
    )


def _section_rows(schema: Schema, defaults: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    """Rows of a section; keys of a mapping in it are dotted."""
    for name, each in schema["properties"].items():
        if "properties" in each:
            yield f"| `{prefix}{name}` | | | {_cell(each['description'])} |"
            yield from _section_rows(each, defaults[name], f"{prefix}{name}.")
        else:
            yield _key(prefix + name, each, _yaml(defaults[name]))


def _entry_rows(schema: Schema) -> Iterable[str]:
    """Rows of the keys of a list's entries."""
    for name, each in schema["properties"].items():
        yield _key(name, each, "required" if name in schema["required"] else _yaml(each["default"]))


def _key(name: str, schema: Schema, default: str) -> str:
    return f"| `{name}` | {default} | {_cell(_allowed(schema))} | {_cell(schema['description'])} |"


def _yaml(value: Any) -> str:
    """A value as it is written in YAML."""
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return f"`{text.replace(chr(34), '')}`"


def _cell(text: str) -> str:
    """A text that a cell of a table can hold: Markdown takes `<` for HTML, and `|` for the end of the cell."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def _allowed(schema: Schema, many: bool = False) -> str:
    """What a key may hold, as in "list of integers from 1, or null"; `many`: in the plural."""
    if "enum" in schema:
        return _either([f"`{value}`" for value in schema["enum"]])
    if "anyOf" in schema:
        return _either([_allowed(each) for each in schema["anyOf"]])
    if "const" in schema:
        return f"`{schema['const']}`"
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    text = _either([_of_type(kind, schema, many) for kind in types if kind != "null"])
    return f"{text}, or null" if "null" in types else text


def _either(texts: Sequence[str]) -> str:
    return ", ".join(texts[:-1]) + " or " + texts[-1] if len(texts) > 1 else texts[0]


def _of_type(kind: str, schema: Schema, many: bool) -> str:
    """What a key of one type may hold."""
    if kind == "array":
        return f"{'lists' if many else 'list'} of {_allowed(schema['items'], many=True)}"
    names = {"boolean": "`true` or `false`", "object": "mapping", "string": "text"}
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "to below"}
    limits = [f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema]
    return names.get(kind, f"{kind}{'s' if many else ''} {' '.join(limits)}".strip())


def config_schema() -> Schema:
    """The schema of the config."""
    return json.loads((ROOT / "workflow_scripts/manyseeds/schemas/config.schema.json").read_text(encoding="utf-8"))


def pages() -> dict[Path, str]:
    """Path and text of each generated page."""
    paths = sorted((ROOT / "workflow_scripts/manyseeds/schemas/tables").glob("*.schema.json"))
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    defaults = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    made = {
        ROOT / "docs/tables.md": tables_page(schemas),
        ROOT / "docs/figures.md": figures_page(FIGURES),
        ROOT / "docs/config.md": config_page(config_schema(), defaults),
        ROOT / "docs/gallery.md": gallery_page(FIGURES, yaml.safe_load((ROOT / "docs/gallery.yaml").read_text())),
    }
    exports = [path for path in sorted((ROOT / "data/networks").glob("*")) if path.is_dir()]
    return made | {path / "README.md": readme.page(path.name, find_exported(path)) for path in exports}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
