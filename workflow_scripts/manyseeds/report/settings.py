"""Keys of the config that determine something in a study, for the first page of the report.

The Snakefile reads it, so only the standard library is imported.
"""

from typing import Any

from manyseeds.study.study import FOLDERS, OWN_ACTIVATIONS, UNUSED, Study, network_name

LABELS = ("name", "label")


def shown(study: Study) -> dict[str, Any]:
    """Return the config without keys that determine nothing in the study's mode, behind the folder that it analyses."""
    unused = UNUSED.get(study.mode, frozenset())
    config = {key: value for key, value in study.portable_config.items() if key not in unused}
    folder = {key: study.config[key] for key in FOLDERS if study.config[key] is not None}
    return folder | (config if study.knows_training else config | _named(study))


def _named(study: Study) -> dict[str, Any]:
    """Return the networks and conditions that the folder has; without training they are little more than names."""
    architectures, conditions = zip(*study.groups, strict=True)
    declared = {network_name(entry): entry for entry in study.config["networks"]}
    networks = {name: declared.get(name, {"name": name}) for name in dict.fromkeys(architectures)}
    if study.mode == OWN_ACTIVATIONS:
        networks = {name: {"name": name, "label": entry.get("label")} for name, entry in networks.items()}
    labels = study.labels["condition"]
    return {
        "networks": list(networks.values()),
        "conditions": [{"name": name, "label": labels.get(name)} for name in dict.fromkeys(conditions)],
    }
