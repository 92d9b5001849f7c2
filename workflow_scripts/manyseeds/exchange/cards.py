"""Cards of exported networks: how each was trained, and which files belong to it.

Read while the Snakefile is parsed, so only the standard library is imported and no other file is opened.
"""

from pathlib import Path
from typing import Any

from manyseeds.errors import StudyError
from manyseeds.exchange.foreign import read_json
from manyseeds.study.instances import CARD

FIELDS = {"settings": dict, "images": dict, "recorded": dict, "files": dict, "trained": dict}
"""Entries of a card: the settings that determine the weights; digests of the training images and of the stimuli; epochs
and layers of recorded activations; SHA-256 of the files beside it; software, device and seconds of the training.
"""

LATER: dict[str, dict[str, Any]] = {
    "network": {"last_3x3": "valid"},
    "recipe": {"compile": False},
    "collapse": {"judge_after": [], "dead": "ignore", "enabled": True},
    "data": {"resize": None, "interpolation": "bilinear"},
}
"""Settings that the first cards do not have yet, with the values that applied before they could be chosen."""


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of an exported network.

    Raises
    ------
    StudyError
        If it cannot be read, or does not have all entries.
    """
    path = folder / CARD
    try:
        card = read_json(path)
    except (OSError, ValueError, RecursionError) as problem:
        raise StudyError(f"{path} cannot be read ({problem}).") from problem
    if not isinstance(card, dict) or not all(isinstance(card.get(key), kind) for key, kind in FIELDS.items()):
        raise StudyError(f"{path} is not the card of an exported network: expected the entries {', '.join(FIELDS)}.")
    for section, younger in LATER.items():
        if isinstance(card["settings"].get(section), dict):
            card["settings"][section] = younger | card["settings"][section]
    return card
