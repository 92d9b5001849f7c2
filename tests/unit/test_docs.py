"""The generated pages of docs/ are in step with what they are generated from."""

import sys

import pytest
from places import ROOT

sys.path.insert(0, str(ROOT / "docs"))

from generate import pages, tables_page


@pytest.mark.parametrize(("page", "text"), pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_a_generated_page_is_in_step(page, text):
    assert page.read_text(encoding="utf-8") == text, f"{page.name} is behind: run `make docs`"


def test_every_column_is_explained_with_what_it_may_hold():
    columns = {
        "n": {"type": ["integer", "null"], "minimum": 0, "maximum": 9, "description": "Number."},
        "kind": {"type": "string", "enum": ["a", "b"], "description": "Kind."},
    }
    page = tables_page([{"title": "example", "description": "An example.", "properties": columns}])
    assert "* [`example`](#example): An example." in page
    assert "| `n` | integer from 0 to 9, or null | Number. |" in page
    assert "| `kind` | `a`, `b` | Kind. |" in page
