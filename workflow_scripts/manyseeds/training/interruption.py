"""Signals that ask a job to end: noted, so that it can write its state first and say that it wants to be run again."""

import signal
import threading
from types import FrameType

EXIT_AGAIN = 75
"""Exit code of a job that was interrupted and is to be run again (EX_TEMPFAIL of sysexits.h)."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""SIGTERM: a cluster preempts the job, or its time is up; SIGINT: Ctrl-C."""


class Interrupted(Exception):
    """A job was asked to end, and has saved what it had: the same command carries on."""


class Interruption:
    """While the context lasts, SIGTERM and SIGINT are noted in `signal` instead of ending the process.

    Outside the main thread, where Python lets nobody handle signals, nothing changes.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        """Name of the latest signal that came; None: none did."""

    def __enter__(self) -> "Interruption":
        is_main = threading.current_thread() is threading.main_thread()
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS} if is_main else {}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def heed(self, where: str) -> None:
        """Give way to a signal that came, now that everything is saved.

        Raises
        ------
        Interrupted
            Saying by which signal, and where in the work.
        """
        if self.signal:
            raise Interrupted(f"Interrupted by {self.signal} {where}. All is saved: the same command carries on.")

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
