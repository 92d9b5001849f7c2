"""Studies that exported networks: reading them, and comparing them with the cards of the networks.

Read while the Snakefile is parsed, so only the standard library and YAML are imported.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from manyseeds.errors import StudyError
from manyseeds.exchange.cards import LATER, read_card
from manyseeds.exchange.foreign import read_yaml
from manyseeds.study import tasks
from manyseeds.study.architectures import layer_names
from manyseeds.study.instances import Instance
from manyseeds.study.network_code import imported_module, is_of_library
from manyseeds.study.study import FOLDERS, PERSONAL, PERSONAL_IN, PRETRAINED, TRAINED, Study
from manyseeds.study.user_folders import check_regular
from manyseeds.study.validation import Config, check_keys_once

STUDY = "study.yaml"
"""File of the study that trained exported networks, in their folder."""

SECTIONS = {"recipe": "training", "collapse": "collapse"}
"""Sections of a config for the settings in `LATER`. Networks need none: their defaults have always been the same."""


def read_study(folder: object) -> Config:
    """Read the study that trained exported networks; without a folder, return an empty config.

    Raises
    ------
    StudyError
        If it is missing, is not a mapping in YAML, or sets a key that each analysis sets for itself.
    """
    if not isinstance(folder, str) or not folder.strip():
        return {}
    path = Path(os.path.expanduser(folder), STUDY)
    check_regular(path.parent, [STUDY])
    try:
        config = read_yaml(path)
    except (OSError, ValueError) as problem:
        raise StudyError(f"Config key pretrained_dir: {path} cannot be read as YAML ({problem}).") from problem
    check_keys_once(path.read_text(encoding="utf-8"), str(path))
    if not isinstance(config, dict):
        raise StudyError(f"Config key pretrained_dir: {path} does not hold the keys of a config.")
    for section, key in SECTIONS.items():
        if isinstance(config.get(key, {}), dict):
            config[key] = LATER[section] | config.get(key, {})
    personal = [key for key in (*FOLDERS, *PERSONAL) if key in config]
    for section, keys in PERSONAL_IN.items():
        named = config.get(section)
        personal += [f"{section}.{key}" for key in keys if isinstance(named, dict) and key in named]
    if personal:
        raise StudyError(
            f"{path}: found the key {personal[0]}, which each analysis sets for itself; remove it from this file."
        )
    return config


def named_architectures(config: Mapping) -> list[str]:
    """Return the architectures that a config names, even before it is checked."""
    networks = config.get("networks")
    entries = [entry for entry in networks if isinstance(entry, Mapping)] if isinstance(networks, list) else []
    return [str(entry.get("architecture")) for entry in entries]


def check_architectures(study: Study, own: Collection[str]) -> None:
    """Check that a study of exported networks imports only modules that its user named, torchvision and timm.

    Importing a module runs its code, and the export may be a stranger's.

    Parameters
    ----------
    own
        Architectures that the user's own config names (`named_architectures`).

    Raises
    ------
    StudyError
        If the export names another module; names the first.
    """
    if study.mode != PRETRAINED:
        return
    for architecture in named_architectures(study.config):
        if architecture not in own and not is_of_library(architecture):
            raise StudyError(
                f"{Path(study.config['pretrained_dir'], STUDY)}: found the architecture {architecture}, whose import "
                f"would run code ({imported_module(architecture)}); expected an All-CNN, or a network of the installed "
                "torchvision or timm. If you trust this code, name the network in `networks` of your own study."
            )


def settings(study: Study, instance: Instance) -> dict[str, Any]:
    """Return the settings that determine an instance's weights, including data set and preprocessing."""
    task = tasks.task_values(study, instance)
    del task["name"]
    keys = ("dataset", "preprocessing", "image_size", "resize", "interpolation")
    data = study.select([f"data.{key}" for key in keys])
    return {**task, "training_set": tasks.training_set(study, instance.condition), **data}


def check_places(study: Study, results: Path) -> None:
    """Check that networks or activations from elsewhere do not overwrite networks trained here.

    Raises
    ------
    StudyError
        If a network was trained here; names the first.
    """
    if study.mode == TRAINED:
        return
    for trained in sorted(results.glob("networks/*/*/seed*/init.safetensors")):
        raise StudyError(
            f"{trained.parent}: this network was trained here, and results from elsewhere would overwrite it; "
            "give the study another name (--config study=NAME)."
        )


def check_exported(study: Study) -> None:
    """Check that exported networks were trained as the study says, and recorded what it follows.

    Raises
    ------
    StudyError
        If a network was trained with another setting, or an epoch or a layer was not recorded; names the first.
    """
    if study.mode != PRETRAINED:
        return
    for instance in study.instances:
        folder = study.exported[instance]
        card = read_card(folder)
        for key, found, expected in _differences(card["settings"], settings(study, instance)):
            raise StudyError(f"{folder}: trained with {key} {found}, but the study says {expected}.")
        if instance[:2] in study.followed_groups:
            wanted = {"epochs": study.analysed_epochs, "layers": _followed_layers(study, instance.architecture)}
            for kind, values in wanted.items():
                _check_recorded(folder, kind, values, card["recorded"].get(kind))


def _followed_layers(study: Study, architecture: str) -> list[str]:
    """Return the followed layers of a network, if its layers are known before it is built."""
    known = layer_names(study.network(architecture))
    return [layer for layer in study.config["trajectory"]["layers"] if known is not None and layer in known]


def _check_recorded(folder: Path, kind: str, wanted: Sequence, recorded: object) -> None:
    recorded = recorded if isinstance(recorded, list) else []
    missing = next((value for value in wanted if value not in recorded), None)
    if missing is not None:
        raise StudyError(
            f"Config key trajectory.{kind}: found {missing}, but {folder} recorded the {kind} {_written(recorded)}; "
            "choose among these, or do not follow the training (trajectory.epochs: [])."
        )


def _written(values: list) -> str:
    return ", ".join(map(str, values)) or "(none)"


CONFIG_KEYS = {
    "recipe": "training",
    "root_seed": "seed",
    "recipe.dropout": "dropout",
    "recipe.dropout_after": "dropout.after",
}
"""Config keys of the settings that have other names or places in a config."""


def _differences(found: Any, expected: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the dotted config keys in which two nested values differ, with both values."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for name in {**expected, **found}:
            dotted = f"{key}.{name}" if key else str(name)
            yield from _differences(found.get(name), expected.get(name), dotted)
    elif found != expected:
        section, *rest = key.split(".")
        name = CONFIG_KEYS.get(key) or ".".join([CONFIG_KEYS.get(section, section), *rest])
        yield name, json.dumps(found)[:100], json.dumps(expected)[:100]
