"""Start of every script of the workflow: its log, its threads, one sentence if the input is wrong."""

import io
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Log(io.TextIOBase):
    """Log of a job, unbuffered. A full disk only loses lines: the job goes on, and its errors still show."""

    def __init__(self, path: str) -> None:
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


@contextmanager
def job(snakemake) -> Iterator[Report]:
    """Run a script's body with its rule's number of threads, printing to its log; yield its `Report`.

    Inputs are compared with their records first, and outputs are recorded at the end (`provenance`). A `StudyError` or
    an `Interrupted` ends the job with its sentence, on the terminal and in the log. The exit code of `Interrupted` asks
    for another run. Any other exception leaves its traceback in the log.
    """
    for variable in THREAD_LIMITS:  # read when numpy and torch are imported: scripts import them inside this context
        os.environ[variable] = str(snakemake.threads)
    terminal = sys.stderr
    with Log(snakemake.log[0]) as log:
        sys.stdout = sys.stderr = log
        try:
            from manyseeds.io import provenance

            root = provenance.root_of(snakemake.log[0])
            digests = provenance.check(snakemake.input, root)
            yield Report(snakemake.rule, log, terminal)
            options = {"rule": snakemake.rule, "params": dict(snakemake.params.items()), "inputs": digests}
            provenance.record(snakemake.output, root, device=_device(), **options)
        except KeyboardInterrupt:
            print("Interrupted.", file=log)
            sys.exit(130)
        except Exception as problem:
            from manyseeds.errors import StudyError
            from manyseeds.training.interruption import EXIT_AGAIN, Interrupted

            if isinstance(problem, StudyError | Interrupted):
                message = str(problem)
                print(message, file=log)
            else:
                message = f"{type(problem).__name__}: {problem} (traceback in {snakemake.log[0]})"
                traceback.print_exc(file=log)
            print(f"\n{snakemake.rule}: {message}\n", file=terminal, flush=True)
            sys.exit(EXIT_AGAIN if isinstance(problem, Interrupted) else 1)
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, terminal
