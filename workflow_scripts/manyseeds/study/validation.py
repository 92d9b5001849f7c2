"""Check a configuration against its schema: one clear sentence per error, defaults for missing keys."""

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from manyseeds.errors import StudyError, breaks_lines

Config = Mapping[str, Any]

INTEGERS = 2**63
"""Integers must be smaller than this, so that tables can hold them."""

DEPTH = 100
"""Maximum number of levels of a config. One with more refers to itself (``&`` and ``*`` in YAML)."""

SHOWN = 200
"""Maximum number of characters of a wrong value that are shown."""

# JSON Schema takes 3.0 for an integer; range() and torch do not.
_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def check_keys_once(text: str, source: str) -> None:
    """Check that a config in YAML or JSON has each key once: readers keep the last value and drop the others.

    Text that is not YAML is left to the reader, which refuses it.

    Raises
    ------
    StudyError
        At the first key that occurs again; names it with both lines.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)  # the loader in C crashes on thousands of levels
    except (yaml.YAMLError, RecursionError):
        return
    waiting: list[tuple[yaml.Node | None, tuple[str | int, ...]]] = [(root, ())]
    seen: set[int] = set()  # a node may hold itself (`&` and `*`)
    while waiting:
        node, where = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _check_mapping(node, where, source)
            waiting += [(part, (*where, key.value)) for key, part in node.value if isinstance(key, yaml.ScalarNode)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(part, (*where, index)) for index, part in enumerate(node.value)]


def _check_mapping(node: yaml.MappingNode, where: tuple[str | int, ...], source: str) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        line, name = key.start_mark.line + 1, (key.tag, key.value)  # with its type: 1 and "1" are two keys
        if name in lines:
            place = _cut(dotted((*where, key.value)))
            raise StudyError(f"{source}: line {line} sets the key {place} again, which line {lines[name]} sets.")
        lines[name] = line


def check_plain(value: Any, where: tuple[str | int, ...] = ()) -> None:
    """Check that a configuration holds only types of JSON; YAML also has dates, sets and references.

    Raises
    ------
    StudyError
        At the first value of another type, text with control characters, or number that is not finite or too large.
    """
    key = f"Config key {dotted(where)}" if where else "The config"
    if len(where) > DEPTH:
        raise StudyError(f"Config key {where[0]}: found more than {DEPTH} levels, expected the levels of config.yaml.")
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str) or breaks_lines(name):
                found = dotted((*where, _cut(ascii(name))))
                raise StudyError(
                    f"Config key {found}: expected a key that is text without control characters; put it in quotes."
                )
            check_plain(part, (*where, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            check_plain(part, (*where, index))
    elif isinstance(value, str):
        if breaks_lines(value):
            raise StudyError(f"{key}: found {_cut(json.dumps(value))}, expected text without control characters.")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise StudyError(f"{key}: found {value}, expected a finite number.")
    elif isinstance(value, int):
        if abs(value) >= INTEGERS:
            raise StudyError(f"{key}: found an integer of {value.bit_length()} bits, expected less than {INTEGERS}.")
    elif value is not None:
        raise StudyError(
            f"{key}: found {_cut(ascii(value))}, expected text, a number, true, false, null, a list or keys; "
            "put text that looks like anything else in quotes."
        )


def with_types(value: Any, schema: Config) -> Any:
    """Turn text into a number, truth value or null where the schema expects one.

    Snakemake reads all nested values on its command line as text, as in ``--config "training={epochs: 3}"``.
    """
    if isinstance(value, Mapping):
        known, others = schema.get("properties", {}), schema.get("additionalProperties") or {}
        return {key: with_types(part, known.get(key, others)) for key, part in value.items()}
    if isinstance(value, list):
        return [with_types(entry, schema.get("items", {})) for entry in value]
    return _parsed(value, _types(schema)) if isinstance(value, str) else value


def _types(schema: Config) -> set[str]:
    """Return the JSON types of a schema; a key without any, such as an enumeration, holds text."""
    types = schema.get("type", "string")
    return {types} if isinstance(types, str) else set(types)


def _parsed(text: str, types: set[str]) -> Any:
    """Return the value that a text represents. YAML does not parse the numbers: it takes 1e-4 for text."""
    if text == "null" and "null" in types:
        return None
    if types <= {"string", "null", "object"}:
        return text
    parse = float if "number" in types else yaml.safe_load
    try:
        return parse(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return text


def with_defaults(value: Any, schema: Config) -> Any:
    """Fill in the schema's defaults and put keys into its order: equal studies get equal configs."""
    if isinstance(value, Mapping) and "properties" in schema:
        present = {key: value.get(key, part.get("default")) for key, part in schema["properties"].items()}
        return {key: with_defaults(present[key], part) for key, part in schema["properties"].items()}
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(entry, schema["items"]) for entry in value]
    return value


def check_schema(config: Config, schema: Config) -> None:
    """Check a configuration against its JSON Schema.

    Raises
    ------
    StudyError
        For the first violation in the order of keys; an unknown key comes with the most similar known one. Also for a
        missing key that does not have a default and cannot be null.
    """
    problems = sorted(_Validator(schema).iter_errors(config), key=_unknown_keys_first)
    if problems:
        raise StudyError(_sentence(problems[0]))
    _check_complete(config, schema)


def _check_complete(config: Config, schema: Config, where: tuple[str, ...] = ()) -> None:
    for key, part in schema["properties"].items():
        if key in config and "properties" in part:
            _check_complete(config[key], part, (*where, key))
        elif key not in config and "default" not in part and "null" not in _types(part):
            raise StudyError(_missing((*where, key), part))


def _unknown_keys_first(problem: ValidationError) -> tuple[bool, str]:
    return problem.validator != "additionalProperties", problem.json_path


def _sentence(problem: ValidationError) -> str:
    """Return a sentence on a violation: the key, what was found, what was expected."""
    where, schema = dotted(problem.absolute_path), _violated(problem)
    if problem.validator == "additionalProperties":
        return _unknown_key(where, cast(Config, problem.instance), schema["properties"])
    if problem.validator == "required":
        missing = next(key for key in schema["required"] if key not in cast(Config, problem.instance))
        return _missing((*problem.absolute_path, missing), schema["properties"][missing])
    return f"Config key {where}: found {_cut(json.dumps(problem.instance))}, expected {_expectation(problem)}."


def _violated(problem: ValidationError) -> Config:
    """Return the part of the schema that a value violates; `iter_errors` sets it in all its errors."""
    return cast(Config, problem.schema)


def _missing(where: Iterable[str | int], schema: Config) -> str:
    return f"Config key {dotted(where)} is missing: {schema['description']}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def _unknown_key(where: str, found: Config, known: Config) -> str:
    key = next(key for key in found if key not in known)
    name = f"{where}.{key}" if where else str(key)
    similar = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean {similar[0]!r}?" if similar else f"expected one of {', '.join(known)}."
    return f"Unknown config key {_cut(repr(name))}: {hint}"


def _expectation(problem: ValidationError) -> str:
    """Return the schema's expectation in words."""
    schema = _violated(problem)
    expected = schema[str(problem.validator)]
    match problem.validator:
        case "type":
            types = [expected] if isinstance(expected, str) else expected
            names = schema.get("items", {}).get("enum")
            if names and "array" in types:
                of_names = f"array of {', '.join(map(str, names))}, as in [{names[0]}]"
                types = [*(each for each in types if each != "array"), of_names]
            return " or ".join(types)
        case "enum":
            return "one of " + ", ".join(map(str, expected))
        case "minimum":
            return f"at least {expected}"
        case "maximum":
            return f"at most {expected}"
        case "exclusiveMinimum":
            return f"more than {expected}"
        case "exclusiveMaximum":
            return f"less than {expected}"
        case "maxLength":
            return f"at most {expected} characters"
        case "minItems":
            return f"at least {expected} of them"
        case "uniqueItems":
            return "each only once"
        case _:
            return "a value that fits its description: " + schema["description"].rstrip(".")


def dotted(path: Iterable[str | int]) -> str:
    """Return the place of a value in a config as text: ``networks[0].width``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
