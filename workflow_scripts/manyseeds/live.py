"""Bars on a terminal while a run lasts: its jobs, and the trainings that are under way.

They replace the lists of files of each job, which stay in Snakemake's log. Only the standard library is imported.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from manyseeds.progress import Training, ago, minutes, read_training

SECONDS = 1.0
"""Between two drawings."""

MOST_TRAININGS = 8
"""Trainings with a bar of their own."""

LONGEST_BAR = 30
CLEAR = "\r\x1b[J"
"""Go to the start of the line, and clear all below it."""


def is_watched(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can move its cursor, and not a file or a pipe."""
    with suppress(ValueError, AttributeError):  # closed, or no stream of a file
        return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return False


class Bars:
    """Bars below the lines of a run. It is a stream: lines that are written to it are above the bars.

    The cursor waits at the first bar. So a line that another process writes there pushes the bars down.
    """

    def __init__(self, stream: TextIO, study: Path, n_jobs: int) -> None:
        self._stream, self._study, self._total, self._done = stream, study, n_jobs, 0
        self._begun, self._lock, self._stopped = time.time(), threading.RLock(), threading.Event()
        self._stopped.set()

    @property
    def is_shown(self) -> bool:
        """Whether bars are being drawn."""
        return not self._stopped.is_set()

    def start(self) -> None:
        """Draw bars until `stop`."""
        self._stopped.clear()
        threading.Thread(target=self._draw_again_and_again, daemon=True).start()

    def stop(self) -> None:
        """Remove the bars."""
        with self._lock:
            if self.is_shown:
                self._stopped.set()
                self._put(CLEAR)

    def count(self, done: int, total: int) -> None:
        """Note how many jobs are done, of how many."""
        self._done, self._total = done, total

    def write(self, text: str) -> int:
        """Write a text above the bars."""
        with self._lock:
            if self.is_shown:
                self._put(CLEAR)
            self._put(text)
        return len(text)

    def flush(self) -> None:
        """Write at once what the stream has kept."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()

    def _draw_again_and_again(self) -> None:
        while self.is_shown:
            with self._lock, suppress(OSError):
                if self.is_shown:
                    self._draw()
            self._stopped.wait(SECONDS)

    def _draw(self) -> None:
        now, width = time.time(), shutil.get_terminal_size().columns - 1
        shown = [
            line[:width] for line in lines(self._done, self._total, now - self._begun, self._trainings(now), width)
        ]
        self._put(CLEAR + "\n".join(shown) + "\r" + f"\x1b[{len(shown) - 1}A" * (len(shown) > 1))

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _trainings(self, now: float) -> list[Training]:
        """Return the trainings that have written to their logs since the run began, and have not ended."""
        found = []
        for path in sorted(self._study.glob("logs/train_cohort/*/*/*.log")):
            with suppress(OSError):  # a log that has just been removed
                if path.stat().st_mtime >= self._begun:
                    found.append(read_training(path, now))
        return [each for each in found if each and each.is_running and each.last]


def lines(done: int, total: int, seconds: float, trainings: Sequence[Training], width: int) -> Iterator[str]:
    """Yield the lines of the bars: jobs, and each training with its epochs and the time that is left.

    Parameters
    ----------
    seconds
        Time since the run began.
    width
        Columns of the terminal.
    """
    names = [each.last["name"] + _others(each) for each in trainings[:MOST_TRAININGS]]
    room = max(map(len, ["jobs", *names]))
    size = max(5, min(LONGEST_BAR, width - room - 45))
    yield f"{'jobs':{room}}  {bar(done, total, size)}  {done} of {total}, {ago(seconds)}"
    for each, name in zip(trainings, names, strict=False):
        epoch, epochs = int(each.last["epoch"]), int(each.last["epochs"])
        left = f"about {minutes(each.minutes_left or 0)} left"
        yield f"{name:{room}}  {bar(epoch, epochs, size)}  epoch {epoch} of {epochs}, {left}"
    if len(trainings) > MOST_TRAININGS:
        yield f"and {len(trainings) - MOST_TRAININGS} more trainings"


def _others(training: Training) -> str:
    return f" and {training.last['others']} others" if training.last["others"] != "0" else ""


def bar(done: int, total: int, size: int) -> str:
    """Return a bar of `size` characters."""
    filled = round(size * min(done, total) / total) if total else 0
    return "█" * filled + "░" * (size - filled)
