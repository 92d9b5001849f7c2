"""Checking a configuration against its schema: one clear sentence for what is wrong, defaults for what is left out."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from manyseeds.errors import StudyError

Config = Mapping[str, Any]


def with_types(value: Any, schema: Config) -> Any:
    """Turn text into a number, truth value or null where the schema wants one.

    Snakemake reads what is nested on its command line, as in ``--config "training={epochs: 3}"``, as text throughout.
    """
    if isinstance(value, Mapping):
        return {key: with_types(part, schema.get("properties", {}).get(key, {})) for key, part in value.items()}
    if isinstance(value, list):
        return [with_types(entry, schema.get("items", {})) for entry in value]
    return _parsed(value, _types(schema)) if isinstance(value, str) else value


def _types(schema: Config) -> set[str]:
    """Return the JSON types that a schema names; a key without any, such as an enumeration, is one of text."""
    types = schema.get("type", "string")
    return {types} if isinstance(types, str) else set(types)


def _parsed(text: str, types: set[str]) -> Any:
    """Return what a text stands for; numbers are not left to YAML, which takes 1e-4 for text."""
    if text == "null" and "null" in types:
        return None
    if types <= {"string", "null"}:
        return text
    parse = float if "number" in types else yaml.safe_load
    try:
        return parse(text)
    except (ValueError, yaml.YAMLError):
        return text


def with_defaults(value: Any, schema: Config) -> Any:
    """Fill in the schema's defaults, and put keys into its order, so that equal studies have equal configs."""
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
        For the first violation in the order of keys; unknown keys with the nearest known one.
    """
    problems = sorted(Draft202012Validator(schema).iter_errors(config), key=_unknown_keys_first)
    if problems:
        raise StudyError(_sentence(problems[0]))


def _unknown_keys_first(problem: ValidationError) -> tuple[bool, str]:
    return problem.validator != "additionalProperties", problem.json_path


def _sentence(problem: ValidationError) -> str:
    """Say what is wrong: the key, what was found, what was expected."""
    where = dotted(problem.absolute_path)
    if problem.validator == "additionalProperties":
        return _unknown_key(where, problem.instance, problem.schema["properties"])
    if problem.validator == "required":
        missing = next(key for key in problem.validator_value if key not in problem.instance)
        return f"Config key {where}.{missing} is missing: {problem.schema['properties'][missing]['description']}"
    return f"Config key {where}: found {json.dumps(problem.instance)}, expected {_expectation(problem)}."


def _unknown_key(where: str, found: Config, known: Config) -> str:
    key = next(key for key in found if key not in known)
    name = f"{where}.{key}" if where else str(key)
    similar = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean {similar[0]!r}?" if similar else f"expected one of {', '.join(known)}."
    return f"Unknown config key {name!r}: {hint}"


def _expectation(problem: ValidationError) -> str:
    """Say in words what a value should have been, where the schema says it in symbols."""
    expected = problem.validator_value
    match problem.validator:
        case "type":
            types = [expected] if isinstance(expected, str) else expected
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
        case "minItems":
            return f"at least {expected} of them"
        case "uniqueItems":
            return "each only once"
        case _:
            return "what it is for: " + problem.schema["description"].rstrip(".")


def dotted(path: Iterable[str | int]) -> str:
    """Write the place of a value in a config: ``networks[0].width``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
