"""Studies made of config.yaml and of what a test sets itself."""

import json

import yaml
from places import ROOT

from manyseeds.study.checks import checked_study
from manyseeds.study.study import Study

SCHEMA = json.loads((ROOT / "workflow_scripts/manyseeds/schemas/config.schema.json").read_text())


def default() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def merged(base: dict, overlay: dict) -> dict:
    """Merge as Snakemake merges config files: dicts key by key, all else replaced."""
    both = {key: merged(base[key], value) for key, value in overlay.items() if isinstance(base.get(key), dict)}
    return base | overlay | {key: value for key, value in both.items() if isinstance(overlay[key], dict)}


def study(**overlay) -> Study:
    return checked_study(merged(default(), overlay), SCHEMA)


def schema_keys(schema: dict, prefix: str = "") -> dict[str, dict]:
    """All keys that a schema knows, dotted; those of list entries with []."""
    keys = {}
    for key, part in schema.get("properties", {}).items():
        keys[prefix + key] = part
        keys |= schema_keys(part, f"{prefix}{key}.") | schema_keys(part.get("items", {}), f"{prefix}{key}[].")
    return keys
