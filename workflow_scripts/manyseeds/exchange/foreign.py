"""Text files of exports, which may be a stranger's: read within limits, so that none takes long or all memory.

Read while the Snakefile is parsed, so only the standard library and YAML are imported.
"""

import json
from pathlib import Path
from typing import Any

from manyseeds.study.validation import DEPTH

LARGEST_JSON, LARGEST_YAML = 2**20, 2**15
"""Largest files, in bytes. PyYAML reads about 50 kB in a second. Real studies have less than 10 kB."""

MOST_VALUES = 20_000
"""Largest number of values of a file in YAML, each counted as often as aliases (``*name``) repeat it."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    OSError, ValueError, RecursionError
        If it cannot be read, is too large or is nested too deeply.
    """
    value = json.loads(_text(path, LARGEST_JSON))
    waiting = [(value, 1)]
    while waiting:
        part, level = waiting.pop()
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        if level > DEPTH:
            raise ValueError(f"found more than {DEPTH} levels")
        waiting += [(inner, level + 1) for inner in parts]
    return value


def read_yaml(path: Path) -> Any:
    """Read a YAML file, after a look at its aliases: some lines of them can stand for billions of values.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, is too large, is nested too deeply, or refers to itself.
    """
    import yaml  # here, because each start of Snakemake imports this module

    try:
        loader = yaml.SafeLoader(_text(path, LARGEST_YAML))
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(node, {}, 1)
        return loader.construct_document(node)
    except OSError:
        raise
    except Exception as problem:  # on values of a wrong form, PyYAML raises errors of many types
        raise ValueError(" ".join(str(problem).split()) or type(problem).__name__) from problem


def _measure(node: Any, known: dict[int, tuple[int, int]], level: int) -> tuple[int, int]:
    """Return the numbers of values and of levels below a node of YAML, and of the node itself.

    `known` has those of all nodes that are measured, by identity. Each is measured once.
    """
    if id(node) not in known:
        parts = node.value if isinstance(node.value, list) else ()
        inner = [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]
        if level > DEPTH:
            raise ValueError(f"found more than {DEPTH} levels, or an alias within the value that it stands for")
        measured = [_measure(each, known, level + 1) for each in inner]
        n_values, n_levels = 1 + sum(n for n, _ in measured), 1 + max((n for _, n in measured), default=0)
        if n_values > MOST_VALUES:
            raise ValueError(f"found more than {MOST_VALUES:,} values, with those that aliases repeat")
        if n_levels > DEPTH:
            raise ValueError(f"found more than {DEPTH} levels, with those behind aliases")
        known[id(node)] = n_values, n_levels
    return known[id(node)]


def _text(path: Path, largest: int) -> str:
    if path.exists() and not path.is_file():
        raise ValueError("not a regular file")
    size = path.stat().st_size
    if size > largest:
        raise ValueError(f"found {size:,} bytes, expected at most {largest:,}")
    return path.read_text(encoding="utf-8")
