"""Cards of exported networks: how each was trained, and what lies beside it, told without opening anything else.

Read while the Snakefile is parsed: nothing but the standard library is imported.
"""

import json
from pathlib import Path
from typing import Any

from manyseeds.errors import StudyError
from manyseeds.study.instances import CARD

FIELDS = {"settings": dict, "images": dict, "recorded": dict, "files": dict, "trained": dict}
"""What a card says: the settings that determine the weights, digests of the training images and of the stimuli, the
epochs and layers of recorded activations, SHA-256 of the files beside it, and software, device and seconds of the
training.
"""

LATER: dict[str, dict[str, Any]] = {
    "network": {"last_3x3": "valid"},
    "recipe": {"compile": False},
    "collapse": {"judge_after": [], "dead": "ignore", "enabled": True},
}
"""Settings that are younger than the first cards, and what they were before they could be chosen."""


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
    for section, younger in LATER.items():
        if isinstance(card["settings"].get(section), dict):
            card["settings"][section] = younger | card["settings"][section]
    return card
