"""Signals that ask a job to end.

They are recorded, so that the job can first save its state and then ask to be run again.
"""

import signal
import threading
from types import FrameType

EXIT_AGAIN = 75
"""Exit code of a job that was interrupted and must be run again (EX_TEMPFAIL of sysexits.h)."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""SIGTERM: a cluster preempts the job, or its time is over. SIGINT: Ctrl-C."""


class Interrupted(Exception):
    """A job was asked to end and has saved its state; the same command continues it."""


class Interruption:
    """A context in which SIGTERM and SIGINT are recorded in `signal` instead of ending the process.

    It does nothing outside the main thread, because Python handles signals only there.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        """Name of the latest signal; None if there was none."""

    def __enter__(self) -> "Interruption":
        is_main = threading.current_thread() is threading.main_thread()
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS} if is_main else {}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def heed(self, where: str) -> None:
        """Raise `Interrupted` if a signal has come; call it only when everything is saved.

        Raises
        ------
        Interrupted
            With the name of the signal, and the place in the work (`where`).
        """
        if self.signal:
            raise Interrupted(
                f"Interrupted by {self.signal} {where}. Everything is saved: run the same command again to continue."
            )

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
