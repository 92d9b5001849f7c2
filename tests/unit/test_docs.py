"""The pages: generated ones are up to date, links lead somewhere, lines are short, and the README stays short."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import nbformat
import pytest
import yaml
from places import ROOT
from snakemake.utils import update_config

from manyseeds.figures import catalogue
from manyseeds.study.checks import checked_study

sys.path.insert(0, str(ROOT / "docs"))

import hooks
from generate import config_page, config_schema, pages, tables_page
from rulegraph import PICTURE, TARGETS, rules

README_LINES, README_WORDS, LONGEST_LINE = 170, 1400, 100

LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")
FENCE = re.compile(r"^(```+|\$\$).*?^\1$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def markdown() -> Iterator[Path]:
    """Yield the repository's own pages, notebooks too: no environments, results or sites."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("results", "site")]
        yield from (Path(folder, name) for name in sorted(names) if name.endswith((".md", ".ipynb")))


PAGES = {path.relative_to(ROOT).as_posix(): path for path in markdown()}


def read(page: Path) -> str:
    """Return the Markdown of a page; of a notebook, that of its text."""
    if page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    cells = nbformat.read(page, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def prose(text: str) -> list[str]:
    """Return the lines of a page that are neither code, nor formulas, nor rows of tables, nor headings or pictures."""
    without = FENCE.sub("", COMMENT.sub("", text))
    return [line for line in without.splitlines() if not line.startswith(("|", "    ", "#", "!["))]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for path, anchor in LINK.findall(FENCE.sub("", read(page))):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(read(target))):
            yield f"{path}#{anchor}" if anchor else path


@pytest.mark.parametrize(("page", "text"), pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_a_generated_page_is_in_step(page, text):
    assert page.read_text(encoding="utf-8") == text, f"{page.name} is behind: run `make docs`"


def test_the_gallery_has_a_picture_and_a_sentence_for_each_figure_of_the_default_study():
    entries = yaml.safe_load((ROOT / "docs/gallery.yaml").read_text(encoding="utf-8"))
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    update_config(config, yaml.safe_load((ROOT / "studies/digits.yaml").read_text(encoding="utf-8")))
    assert (
        set(catalogue.by_default(checked_study(config, config_schema()))) <= entries.keys() <= catalogue.FIGURES.keys()
    )
    for name, about in entries.items():
        assert (ROOT / "docs" / about.get("picture", f"figures/gallery/{name}.png")).is_file(), name
        assert max(len(sentence.split()) for sentence in re.split(r"[.?:;]", about["read"])) <= 25, name
        study = re.search(r"--configfile (\S+)", about.get("study", "--configfile studies/digits.yaml"))[1]
        assert (ROOT / study).is_file(), study
    pictures = {path.stem for path in (ROOT / "docs/figures/gallery").iterdir()}
    assert pictures == {name for name, about in entries.items() if "picture" not in about}


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= README_LINES
    assert len(text.split()) <= README_WORDS
    assert [line for line in text.splitlines() if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("name", PAGES)
def test_lines_of_prose_are_short(name):
    assert [line for line in prose(read(PAGES[name])) if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    assert list(broken(PAGES[name])) == []


def test_every_page_is_in_the_site():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:")[1].split("\n\n")[0]
    here = {path.stem for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".ipynb")}
    assert here <= set(re.findall(r"([\w-]+)\.md", navigation))


def test_every_column_is_explained_with_what_it_may_hold():
    columns = {
        "n": {"type": ["integer", "null"], "minimum": 0, "maximum": 9, "description": "Number."},
        "kind": {"type": "string", "enum": ["a", "b"], "description": "Kind."},
    }
    page = tables_page([{"title": "example", "description": "An example.", "properties": columns}])
    assert "* [`example`](#example): An example." in page
    assert "| `n` | integer from 0 to 9, or null | Number. |" in page
    assert "| `kind` | `a`, `b` | Kind. |" in page


def test_every_key_is_explained_with_its_default_and_what_it_may_hold():
    text = {"type": "string", "description": "A <b>."}
    counts = {"type": ["array", "null"], "items": {"type": "integer", "minimum": 1}, "description": "Counts."}
    rate = {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.5, "description": "Rate."}
    inner = {"description": "Inner.", "properties": {"counts": counts}}
    entries = {"description": "One.", "properties": {"name": text, "rate": rate}, "required": ["name"]}
    schema = {
        "properties": {
            "plain": text,
            "section": {
                "description": "A section.",
                "properties": {"size": {"anyOf": [{"const": "auto"}, rate]} | rate} | {"inner": inner},
            },
            "entries": {"type": "array", "description": "Entries.", "items": entries},
        }
    }
    page = config_page(schema, {"plain": "x", "section": {"size": "auto", "inner": {"counts": None}}, "entries": []})
    for row in (
        "| `plain` | `x` | text | A &lt;b>. |",
        "## `section`\n\nA section.",
        "| `size` | `auto` | `auto` or number from 0 to below 1 | Rate. |",
        "| `inner.counts` | `null` | list of integers from 1, or null | Counts. |",
        "## `entries[]`",
        "| `name` | required | text | A &lt;b>. |",
        "| `rate` | `0.5` | number from 0 to below 1 | Rate. |",
    ):
        assert row in page


def test_the_picture_of_the_rules_has_every_rule():
    drawn = set(re.findall(r"<title>(\w+)</title>", PICTURE.read_text(encoding="utf-8"))) - {"rules"}
    assert drawn == set(rules()), "the picture is behind: run `make rulegraph`"
    assert len(drawn) > 20
    assert drawn.isdisjoint(TARGETS)


@pytest.mark.parametrize("study", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_editors_find_the_schema_of_a_study_and_accept_it(study):
    first, _ = study.read_text(encoding="utf-8").split("\n", 1)
    path = first.removeprefix("# yaml-language-server: $schema=")
    assert (study.parent / path).resolve() == ROOT / "workflow_scripts/manyseeds/schemas/config.schema.json"
    jsonschema.validate(yaml.safe_load(study.read_text(encoding="utf-8")), config_schema())


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("5 Consistency and intervals", "5-consistency-and-intervals"),
        ("`conditions[]`", "conditions"),
        ("A small run on CIFAR-10", "a-small-run-on-cifar-10"),
        ("Digits: the default study", "digits-the-default-study"),
        ("consistency_summary", "consistency_summary"),
    ],
)
def test_anchors_are_githubs(heading, anchor):
    assert anchors(f"# Title\n\n## {heading}\n") == {"title", anchor}


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("README.md", "index.md"),
        ("docs/methods.md", "methods.md"),
        ("docs/tutorial.ipynb", "tutorial.md"),
        ("docs/figures/digits_supp3.png", "figures/digits_supp3.png"),
        ("config.yaml", "repository/config.yaml.txt.md"),
        ("data/networks/cifar10_small/README.md", "repository/data/networks/cifar10_small/README.md"),
        ("workflow_scripts/manyseeds", "api/manyseeds.md"),
        ("workflow_scripts/manyseeds/errors.py", "api/manyseeds.md"),
        ("workflow_scripts/manyseeds/representations", "api/representations.md"),
        ("workflow_scripts/manyseeds/representations/measures.py", "api/representations.md"),
        (
            "workflow_scripts/manyseeds/schemas/config.schema.json",
            "repository/workflow_scripts/manyseeds/schemas/config.schema.json.txt.md",
        ),
    ],
)
def test_links_lead_to_pages_of_the_site(target, page):
    assert hooks._page(target) == page


def test_a_notebook_becomes_a_page_with_its_outputs(tmp_path):
    v4 = nbformat.v4
    style, row = "<style scoped>\n  a {}\n</style>\n", "<tr><td>2</td></tr>"
    table = f'<div>\n{style}<table border="1" class="dataframe">{row}</table>\n</div>'
    outputs = [
        v4.new_output("stream", text="printed\n"),
        v4.new_output("execute_result", {"text/plain": "1"}),
        v4.new_output("execute_result", {"text/plain": "2", "text/html": table}),
        v4.new_output("display_data", {"text/plain": "<Figure>", "image/png": "aGk=\n"}),
    ]
    cells = [v4.new_markdown_cell("# Title"), v4.new_code_cell("x = 1", outputs=outputs, metadata={"alt": 'A "dot"'})]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "page.ipynb")
    assert hooks._markdown(tmp_path / "page.ipynb").split("\n\n") == [
        "# Title",
        '<p><a href="page.ipynb" download>This page as a notebook</a></p>',
        "```python\nx = 1\n```",
        "```text\nprinted\n```",
        "```text\n1\n```",
        f"<div>\n<table>{row}</table>\n</div>",
        '<p><img alt="A &quot;dot&quot;" style="max-height: 20rem" src="data:image/png;base64,aGk="></p>',
    ]


def test_formulas_become_mathml_with_bars_of_one_height_and_bold_digits():
    content = r'<p><span class="arithmatex">\(\lVert a \rVert &lt; \mathbf{1}\)</span></p>'
    drawn = hooks.on_page_content(content, None, None, None)
    assert drawn.startswith("<p><math")
    assert re.findall(r'<mo stretchy="false" form="(\w+)">', drawn) == ["prefix", "postfix"]
    assert "<mn>\N{MATHEMATICAL BOLD DIGIT ONE}</mn>" in drawn


def test_what_is_prose():
    text = "# T\n\nOne.\n\n| a |\n\n    code\n\n```\nfenced\n```\n\n$$\nx\n$$\n\n<!-- hidden\nlines -->\n* Two.\n"
    assert [line for line in prose(text) if line] == ["One.", "* Two."]


def test_the_site_lists_each_part_of_the_library():
    nav = re.findall(r"^ +- api/(\w+)\.md$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(nav) == sorted(hooks.parts())
