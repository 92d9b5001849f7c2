"""Digests of code: what must be run again when the code changes, and what need not.

Snakemake sees neither the modules that a script imports nor that an edited comment changes nothing. A digest of the
syntax trees of a script and of all `manyseeds` modules it imports, directly or not, sees both; rules carry it among
their parameters.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = __name__.partition(".")[0]
"""Only this package is followed: everything else is either a pinned dependency or, as `job`, logging."""


def code_digest(script: Path, *modules: str) -> str:
    """Return a digest of what a script executes: its own code and that of the `manyseeds` modules it reaches by import.

    Comments, docstrings and formatting leave it as it is.

    Parameters
    ----------
    script
        A Python file; the package lies beside it.
    modules
        Dotted names of modules that the script reaches otherwise than by an import statement.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(reached_files(script, *modules)):
        name = file.relative_to(script.parent).as_posix()
        digest.update(f"{name}\n{canonical_source(file)}\n".encode())
    return digest.hexdigest()


def reached_files(script: Path, *modules: str) -> set[Path]:
    """Return a script and the files of the package that it executes by importing them, directly or not."""
    root = script.parent
    reached: set[Path] = set()
    waiting = [script, *(file for name in modules for file in _files_of(name, root))]
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting.extend(_imports(file, root) - reached)
    return reached


@cache
def canonical_source(file: Path) -> str:
    """Return the source of a Python file without comments, docstrings and formatting."""
    return ast.unparse(_WithoutDocstrings().visit(ast.parse(file.read_text(encoding="utf-8"), str(file))))


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops every statement that is but a string: docstrings, those of attributes too."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]
        return node


@cache
def _imports(file: Path, root: Path) -> frozenset[Path]:
    """Return the files of the package that the import statements of a file load, inside functions too."""
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    names = (name for node in ast.walk(tree) for name in _imported_names(node, file, root))
    return frozenset(imported for name in names for imported in _files_of(name, root))


def _imported_names(node: ast.AST, file: Path, root: Path) -> Iterator[str]:
    """Yield the dotted names that an import statement may load; `from a import b` may load the module a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = file.relative_to(root).parent.parts
        base = parents[: len(parents) - node.level + 1] if node.level else ()
        module = ".".join((*base, *filter(None, [node.module])))
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """Yield the files that importing a dotted name executes: the module and the packages around it."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return
    for depth in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:depth])
        yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())
