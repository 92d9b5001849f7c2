"""Sentences of the jobs that failed in a run, kept so that its last lines can repeat them."""

from contextlib import suppress
from pathlib import Path

FILE = "logs/.failures"
"""File of the sentences, in a study's results."""

MOST_REPEATED = 2
"""Number of sentences that the last lines of a run repeat."""


def note(root: Path, sentence: str) -> None:
    """Add a job's sentence. A disk that is full loses it; the job's log and the terminal have it too."""
    with suppress(OSError), (root / FILE).open("a", encoding="utf-8") as file:
        file.write(" ".join(sentence.split()) + "\n")


def last(root: Path) -> list[str]:
    """Return the last different sentences of a run, at most `MOST_REPEATED`."""
    try:
        lines = (root / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return list(dict.fromkeys(reversed(lines)))[:MOST_REPEATED][::-1]


def forget(root: Path) -> None:
    """Remove the sentences of an earlier run."""
    with suppress(OSError):
        (root / FILE).unlink()
