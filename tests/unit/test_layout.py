"""The package's map: which subpackage may import which, and that no modules import each other in a circle."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from places import ROOT

PACKAGE = ROOT / "workflow_scripts" / "manyseeds"

PAGE = (ROOT / "docs/design.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \[(.+?)\]", PAGE.split("## The map of the package")[1].split("## ")[0], re.MULTILINE)
ORDER = tuple(name for row in ROWS for name in re.findall(r"`(\w+)/?`", row))
"""Subpackages and modules of the page's map: each imports only from itself and from those before it."""

FILES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or node.level or not (node.module or "").startswith("manyseeds"):
            continue
        module = node.module.removeprefix("manyseeds").removeprefix(".")
        for alias in node.names:
            inner = f"{module}.{alias.name}".removeprefix(".")
            yield inner if inner in FILES else module


IMPORTS = {module: set(imported(path)) for module, path in FILES.items() if module != "__init__"}


def test_each_part_of_the_package_has_its_place():
    assert {module.split(".")[0] for module in FILES} == {*ORDER, "__init__"}


@pytest.mark.parametrize("module", IMPORTS)
def test_no_import_points_up(module):
    own = module.split(".")[0]
    allowed = ORDER[: ORDER.index(own) + 1] if own in ORDER else ()
    assert {name.split(".")[0] for name in IMPORTS[module]} <= {*allowed}


def test_no_modules_import_each_other_in_a_circle():
    assert len(list(TopologicalSorter(IMPORTS).static_order())) >= len(IMPORTS)  # else graphlib.CycleError


def test_io_and_study_know_nothing_that_takes_long_to_import():
    """They are read while the Snakefile is parsed, or by every job."""
    slow = {"torch", "matplotlib", "sklearn", "scipy"}
    for module, path in FILES.items():
        if module.split(".")[0] in ("errors", "io", "study"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
            names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            assert not {name.split(".")[0] for name in names} & slow, module


def test_subpackages_have_no_code_of_their_own():
    """A fat `__init__` would enter the digest of every script that imports from the subpackage."""
    for module, path in FILES.items():
        if module.endswith(".__init__") and not module.startswith("figures"):
            assert path.read_text() == "", module


def test_what_most_jobs_import_loads_neither_torch_nor_scipys_statistics():
    """They take 1.4 and 0.5 seconds of each start. Functions that need them import them."""
    modules = ("figures.catalogue", "figures.drawing", "comparison.within_group", "statistics.stimulus_resampling")
    imports = "; ".join(f"import manyseeds.{name}" for name in (*modules, "statistics.group_summaries", "io.tables"))
    code = f"import sys; {imports}; print(*{{'torch', 'scipy.stats'}} & sys.modules.keys())"
    environment = {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")
