"""Citations of docs/methods.md resolve: "methods 5" names a section of that page."""

import io
import os
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from places import ROOT

PAGE = ROOT / "docs/methods.md"
SUFFIXES = {".py", ".smk", ".yaml", ".md", ".csv", ".json"}
CODE = {".py", ".smk"}

NUMBERS = r"\d+(?:(?:,? and |, )\d+)*"
CITATION = re.compile(rf"\b[Mm]ethods(?:,? sections?)? ({NUMBERS})\b")
CAPITALS = re.compile(r"(?<![`\w])METHODS2?(?![`\w])")
"""The name of a document that the repository does not have; in backticks it is a constant of a module."""

FEWEST = 20
"""Fewer citations mean that the pattern no longer finds them."""


def files() -> Iterator[Path]:
    """Yield the repository's own texts: no environments, no results and no images."""
    for folder, folders, names in os.walk(ROOT):
        place = Path(folder)
        folders[:] = [name for name in folders if not name.startswith((".", "__")) and name not in ("results", "site")]
        if place == ROOT / "data":
            folders[:] = [name for name in folders if name == "networks"]
        for path in (place / name for name in names):
            if path.suffix in SUFFIXES and path not in (PAGE, Path(__file__)):
                yield path


def prose(path: Path) -> str:
    """Return the text of a file, of code only comments and strings, with single spaces."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in CODE:
        kinds = (tokenize.COMMENT, tokenize.STRING)
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        text = "\n".join(token.string for token in tokens if token.type in kinds)
    return joined(text)


def joined(text: str) -> str:
    """Return a text on one line, without the marks of comments."""
    return re.sub(r"\s+(?:#\s)?", " ", text)


def cited(text: str) -> list[int]:
    """Return the numbers of the sections that a text cites."""
    return [int(number) for found in CITATION.findall(text) for number in re.findall(r"\d+", found)]


def sections() -> list[int]:
    """Return the numbers in the headings of the page."""
    return [int(number) for number in re.findall(r"^## (\d+) \w", PAGE.read_text(encoding="utf-8"), re.MULTILINE)]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The prose of each file, by its path."""
    return {path.relative_to(ROOT).as_posix(): prose(path) for path in files()}


def test_each_citation_names_a_section(texts):
    found = [(path, number) for path, text in texts.items() for number in cited(text)]
    assert len(found) >= FEWEST
    assert [citation for citation in found if citation[1] not in sections()] == []


def test_no_file_cites_a_document_that_is_not_here(texts):
    assert [path for path, text in texts.items() if CAPITALS.search(text)] == []


def test_sections_have_one_heading_each_and_ascend():
    assert sections() == sorted(set(sections()))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("as in methods 5.", [5]),
        ("See methods 5 and 9, and a paper of 2020", [5, 9]),
        ("(methods, section 10; fig. 2)", [10]),
        ("methods, sections 2, 3 and 14", [2, 3, 14]),
        ("# in methods\n# 7", [7]),
        ("the five methods, 3 of them; methods3; many methods", []),
    ],
)
def test_citations_are_found(text, numbers):
    assert cited(joined(text)) == numbers


def test_capitals_are_found():
    assert all(map(CAPITALS.search, ["see METHODS, section 5", "METHODS2 13.3", "METHODS.md"]))
    assert not CAPITALS.search("a name in `METHODS`, or of MANY_METHODS")


def test_lines_are_short_and_links_lead_somewhere():
    text = PAGE.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) > 100] == []
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_choices_name_keys_and_files_that_exist():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    _, choices = PAGE.read_text(encoding="utf-8").split("## Choices that are ours")
    names = [name for row in choices.splitlines() if row.startswith("| ") for name in last_names(row)]
    assert len(names) > 20
    assert [name for name in names if not is_key(name, config) and not is_file(name)] == []


def last_names(row: str) -> list[str]:
    """Return the names in backticks in the last column of a row, but for columns of tables."""
    cell = row.strip("| ").split("|")[-1]
    return [] if "column" in cell else re.findall(r"`([^`]+)`", cell)


def is_key(name: str, config: object) -> bool:
    for part in name.split("."):
        values = config[0] if isinstance(config, list) else config
        if not isinstance(values, dict) or part.removesuffix("[]") not in values:
            return False
        config = values[part.removesuffix("[]")]
    return True


def is_file(name: str) -> bool:
    return any((folder / name).is_file() for folder in (ROOT, ROOT / "workflow_scripts/manyseeds"))
