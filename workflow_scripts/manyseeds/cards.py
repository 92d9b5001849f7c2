"""Cards of exported networks: how each was trained, and what lies beside it, told without opening anything else.

Read while the Snakefile is parsed: nothing but the standard library is imported.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from manyseeds import tasks
from manyseeds.errors import StudyError
from manyseeds.instances import CARD, Instance
from manyseeds.study import PRETRAINED, Study

FIELDS = {"settings": dict, "recorded": dict, "files": dict, "trained": dict}
"""What a card says: the settings that determine the weights, the epochs and layers of recorded activations, SHA-256 of
the files beside it, and software, device and seconds of the training.
"""


def settings(study: Study, instance: Instance) -> dict[str, Any]:
    """Return what of a study determines an instance's weights; the data set with its preprocessing is among it."""
    task = tasks.task_values(study, instance)
    del task["name"]
    data = study.select(["data.dataset", "data.preprocessing", "data.image_size"])
    return {**task, "training_set": tasks.training_set(study, instance.condition), **data}


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of an exported network.

    Raises
    ------
    StudyError
        If it cannot be read, or is no such card.
    """
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise StudyError(f"{path} cannot be read ({problem}).") from problem
    if not isinstance(card, dict) or not all(isinstance(card.get(key), kind) for key, kind in FIELDS.items()):
        raise StudyError(f"{path} is no card of an exported network: expected the entries {', '.join(FIELDS)}.")
    return card


def check_exported(study: Study) -> None:
    """Check that exported networks were trained as the study says, and that what it follows was recorded.

    Raises
    ------
    StudyError
        Naming the first network that was trained otherwise, and in what; or of which an epoch or a layer is missing.
    """
    if study.mode != PRETRAINED:
        return
    for instance in study.instances:
        folder = study.exported[instance]
        card = read_card(folder)
        for key, found, expected in _differences(card["settings"], settings(study, instance)):
            raise StudyError(f"{folder}: trained with {key} {found}, but the study says {expected}.")
        if instance[:2] in study.followed_groups:
            wanted = {"epochs": study.analysed_epochs, "layers": study.config["trajectory"]["layers"]}
            for kind, values in wanted.items():
                _check_recorded(folder, kind, values, card["recorded"].get(kind))


def _check_recorded(folder: Path, kind: str, wanted: list, recorded: object) -> None:
    recorded = recorded if isinstance(recorded, list) else []
    missing = next((value for value in wanted if value not in recorded), None)
    if missing is not None:
        raise StudyError(
            f"Config key trajectory.{kind}: found {missing}, but of {folder} the {kind} {_written(recorded)} were "
            "recorded; take among those, or follow no training (trajectory.epochs: [])."
        )


def _written(values: list) -> str:
    return ", ".join(map(str, values)) or "(none)"


def _differences(found: Any, expected: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the dotted keys in which two nested values differ, and both values."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for name in {**expected, **found}:
            yield from _differences(found.get(name), expected.get(name), f"{key}.{name}" if key else str(name))
    elif found != expected:
        yield key, json.dumps(found), json.dumps(expected)
