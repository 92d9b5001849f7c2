"""Digests of code: they decide which jobs run again when the code changes.

Snakemake does not see the modules that a script imports, and it takes an edited comment for a change. A digest of
syntax trees solves both problems. It covers a script and all `manyseeds` modules that it imports, directly or
indirectly. Rules have it among their parameters. Networks of the user's own have such a digest too.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = __name__.partition(".")[0]
"""Only imports of this package are followed in scripts. The others are pinned dependencies or, like `_job`, logging."""


def code_digest(script: Path, *modules: str) -> str:
    """Return a digest of the code of a script and of the `manyseeds` modules that it imports.

    It does not depend on comments, docstrings, formatting or the version of Python.

    Parameters
    ----------
    script
        A Python file; the package lies beside it.
    modules
        Dotted names of modules that the script loads without an import statement.
    """
    return _digest(reached_files(script, *modules), script.parent)


def module_digest(module: str, root: Path, package: str | None = None) -> str:
    """Return a digest of the code of a module and of the modules that it imports from the same root.

    Parameters
    ----------
    module
        Dotted name of the module.
    root
        Folder from which it is imported.
    package
        Top-level package to which the imported modules are restricted; None: all modules in `root`.

    Raises
    ------
    OSError, ValueError, SyntaxError, RecursionError
        If one of the files cannot be read as Python.
    """
    return _digest(_reached(_files_of(module, root, package), root, package), root)


def _digest(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(files):
        name = file.relative_to(root).as_posix()
        digest.update(f"{name}\n{canonical_code(file)}\n".encode())
    return digest.hexdigest()


def reached_files(script: Path, *modules: str) -> set[Path]:
    """Return a script and the files of the package that it imports, directly or indirectly."""
    root = script.parent
    return _reached([script, *(file for name in modules for file in _files_of(name, root, PACKAGE))], root, PACKAGE)


def _reached(files: Iterable[Path], root: Path, package: str | None) -> set[Path]:
    """Return files and all that they import, directly or indirectly."""
    reached: set[Path] = set()
    waiting = [*files]
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting.extend(_imports(file, root, package) - reached)
    return reached


def canonical_code(file: Path) -> str:
    """Return the syntax tree of a Python file, without docstrings, as text."""
    return _read(file)[0]


@cache
def _read(file: Path) -> tuple[str, tuple[ast.Import | ast.ImportFrom, ...]]:
    """Return the canonical code of a file and its imports, from one pass: it takes most of the time of a digest."""
    writer = _Writer()
    code = writer.written(ast.parse(file.read_bytes(), str(file)))  # bytes: a file names its encoding
    return code, tuple(writer.imports)


class _Writer:
    """Writes syntax trees as text that is the same in all versions of Python, without what has no effect.

    Neither `ast.unparse` nor `ast.dump` gives such a text. Python 3.12 quotes f-strings differently and has additional
    empty fields; 3.13 omits empty fields. With their texts, another version of Python would compute everything again.

    Attributes
    ----------
    imports
        Import statements in what was written.
    """

    def __init__(self) -> None:
        self.imports: list[ast.Import | ast.ImportFrom] = []

    def written(self, value: object) -> str:
        """Return a part of a syntax tree as text: a node, a list of parts, or a constant."""
        if isinstance(value, ast.AST):
            return self._node(value)
        if isinstance(value, list):
            return f"[{', '.join([self.written(each) for each in value])}]"
        return ascii(value)

    def _node(self, node: ast.AST) -> str:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.append(node)
        fields = []
        for name in _sorted_fields(type(node)):
            value = getattr(node, name, None)
            if isinstance(value, list):
                value = _executed(node, name, value)
            if value is not None and value != []:
                fields.append(f"{name}={self.written(value)}")
        return f"{type(node).__name__}({', '.join(fields)})"


@cache
def _sorted_fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(sorted(kind._fields))


def _executed(node: ast.AST, name: str, parts: list) -> list:
    """Return the parts of a field of a node that have an effect.

    Early releases of Python 3.12 leave empty parts in nested formats of f-strings.
    """
    if isinstance(node, ast.JoinedStr):
        return [part for part in parts if not (isinstance(part, ast.Constant) and part.value == "")]
    kept = [part for part in parts if not _has_no_effect(part)]
    if not kept and name == "body" and not isinstance(node, ast.Module):
        return [ast.Pass()]
    return kept


def _has_no_effect(part: object) -> bool:
    """Whether a part is code for type checkers, or a statement that is only a string, as docstrings are."""
    if isinstance(part, ast.Expr):
        return isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)
    if isinstance(part, ast.If) and isinstance(part.test, ast.Name | ast.Attribute):
        return ast.unparse(part.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return False


@cache
def _imports(file: Path, root: Path, package: str | None) -> frozenset[Path]:
    """Return the files of the package that a file imports, including imports inside functions."""
    names = (name for node in _read(file)[1] for name in _imported_names(node, file, root))
    return frozenset(imported for name in names for imported in _files_of(name, root, package))


def _imported_names(node: ast.Import | ast.ImportFrom, file: Path, root: Path) -> Iterator[str]:
    """Yield the dotted names that an import statement may load; `from a import b` may load the module a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    parents = file.relative_to(root).parent.parts
    base = parents[: len(parents) - node.level + 1] if node.level else ()
    module = ".".join((*base, *filter(None, [node.module])))
    yield module
    yield from (f"{module}.{alias.name}" for alias in node.names)


def _files_of(name: str, root: Path, package: str | None) -> Iterator[Path]:
    """Yield the files that importing a dotted name executes: the module and the packages around it.

    The own `__init__` of manyseeds is left out: it only names functions for notebooks, which no script uses.
    """
    parts = name.split(".")
    if package not in (None, parts[0]):
        return
    for depth in range(1 if package != PACKAGE else 2, len(parts) + 1):
        path = root.joinpath(*parts[:depth])
        yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())
