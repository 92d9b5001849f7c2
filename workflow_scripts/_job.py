"""Start of every script of the workflow: its log, its threads, one sentence if the input is wrong."""

import gc
import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

MOST_UNWATCHED = 100_000
"""Objects after which Python looks for garbage. By its own number, 700, that is a tenth of importing torch."""

EXIT_INTERRUPTED = 130
"""Exit code of a job that a SIGINT ended, as shells have it."""


class Log(io.TextIOBase):
    """Log of a job, unbuffered. A full disk only loses lines: the job goes on, and its errors still show."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - closed with the log

    def write(self, text: str) -> int:
        """Write a text, ignoring errors of the disk."""
        with suppress(OSError):
            self._file.write(text.encode())
        return len(text)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


class Report:
    """Writes timed lines to a job's log, and lines for the person watching the run to the terminal."""

    def __init__(self, rule: str, log: Log, terminal: TextIO) -> None:
        self._rule, self._log, self._terminal = rule, log, terminal

    def __call__(self, line: str) -> None:
        """Write a line to the log."""
        print(time.strftime("%H:%M:%S"), line, file=self._log, flush=True)

    def aloud(self, line: str) -> None:
        """Write a line to the terminal."""
        with suppress(OSError):
            print(f"{self._rule}: {line}", file=self._terminal, flush=True)


def _device() -> str:
    """Return the kind of device that this job computed on, without importing torch."""
    devices = sys.modules.get("manyseeds.devices")
    return devices.device_kind(devices.claimed) if devices else "cpu"


def _gpu_usage() -> dict[str, object] | None:
    """Return what this job used of a GPU, without importing torch; None without one."""
    devices = sys.modules.get("manyseeds.devices")
    if not devices or not devices.meter:
        return None
    usage = devices.meter.usage()
    print(usage)
    return usage._asdict()


def _note_interrupts() -> list[int]:
    """Return a list to which each SIGINT, such as Ctrl-C, adds its number before it ends the job."""
    signals: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as behind `nohup`
        signal.signal(signal.SIGINT, note)
    return signals


def _explained(problem: BaseException, log: Log, *, interrupted: bool) -> tuple[str, int]:
    """Return the sentence with which a job ends, and its exit code; write the sentence or a traceback to the log.

    Parameters
    ----------
    interrupted
        Whether a SIGINT has come. Without one, only code of the user's own raises a `KeyboardInterrupt`.
    """
    from manyseeds.errors import StudyError
    from manyseeds.training.interruption import EXIT_AGAIN, Interrupted

    if isinstance(problem, Exception) and not isinstance(problem, StudyError | Interrupted):
        traceback.print_exc(file=log)
        return f"{type(problem).__name__}: {problem} (traceback in {log.path})", 1
    message, code = str(problem), EXIT_AGAIN if isinstance(problem, Interrupted) else 1
    if isinstance(problem, KeyboardInterrupt) and interrupted:
        message, code = "Interrupted.", EXIT_INTERRUPTED
    elif isinstance(problem, KeyboardInterrupt | SystemExit):
        place = _place(problem)
        kind = f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
        message = f"{place} ended the job ({kind}); raise another error there instead."
    print(message, file=log)
    return message, code


def _place(problem: BaseException) -> str:
    """Return the file and line that raised an exception, outside Python's own modules."""
    frames = traceback.extract_tb(problem.__traceback__)
    pythons = (Path("."), Path(os.__file__).parent)  # Path("."): a frozen module, "<frozen _sitebuiltins>"
    others = [frame for frame in frames if Path(frame.filename).parent not in pythons]
    return f"{others[-1].filename}, line {others[-1].lineno},"


@contextmanager
def job(snakemake) -> Iterator[Report]:
    """Run a script's body with its rule's number of threads, printing to its log; yield its `Report`.

    Inputs are compared with their records first, and outputs are recorded at the end (`provenance`). A `StudyError` or
    an `Interrupted` ends the job with its sentence, on the terminal and in the log. The exit code of `Interrupted` asks
    for another run. Code that ends the process, such as `sys.exit`, is named. Any other exception leaves its traceback
    in the log.
    """
    gc.set_threshold(MOST_UNWATCHED)
    for variable in THREAD_LIMITS:  # read when numpy and torch are imported: scripts import them inside this context
        os.environ[variable] = str(snakemake.threads)
    terminal, interrupts = sys.stderr, _note_interrupts()
    with Log(snakemake.log[0]) as log:
        sys.stdout = sys.stderr = log
        try:
            from manyseeds.io import provenance

            root = provenance.root_of(snakemake.log[0])
            digests = provenance.check(snakemake.input, root)
            yield Report(snakemake.rule, log, terminal)
            options = {"rule": snakemake.rule, "params": dict(snakemake.params.items()), "inputs": digests}
            provenance.record(snakemake.output, root, device=_device(), gpu=_gpu_usage(), **options)
        except (Exception, KeyboardInterrupt, SystemExit) as problem:
            message, code = _explained(problem, log, interrupted=bool(interrupts))
            if code != EXIT_INTERRUPTED:
                print(f"\n{snakemake.rule}: {message}\n", file=terminal, flush=True)
                from manyseeds.io import failures, provenance

                failures.note(provenance.root_of(snakemake.log[0]), f"{snakemake.rule}: {message}")
            sys.exit(code)
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, terminal
            gc.freeze()  # the process ends: going through all of torch for garbage would take half a second
