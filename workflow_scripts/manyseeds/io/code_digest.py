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
"""Only this package is followed: everything else is either a pinned dependency or, as `_job`, logging."""


def code_digest(script: Path, *modules: str) -> str:
    """Return a digest of what a script executes: its own code and that of the `manyseeds` modules it reaches by import.

    Comments, docstrings and formatting leave it as it is, and so does another version of Python.

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
        digest.update(f"{name}\n{canonical_code(file)}\n".encode())
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
def canonical_code(file: Path) -> str:
    """Return the syntax tree of a Python file, without docstrings, as text."""
    return _written(_WithoutDocstrings().visit(ast.parse(file.read_text(encoding="utf-8"), str(file))))


def _written(node: object) -> str:
    """Return a part of a syntax tree as text that is the same in all versions of Python.

    That of `ast.unparse` is not (3.12 quotes f-strings differently), nor that of `ast.dump` (3.12 has additional empty
    fields, 3.13 leaves empty ones out): what one version had computed, another would compute anew.
    """
    if isinstance(node, ast.AST):
        fields = sorted((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return f"{type(node).__name__}({', '.join(f'{name}={_written(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_written, node))}]"
    return ascii(node)


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops every statement that is but a string: docstrings, those of attributes too."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        """Drop empty parts, which early releases of 3.12 leave in nested formats."""
        self.generic_visit(node)
        node.values = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
        return node

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
