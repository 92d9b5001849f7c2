"""What every script of the workflow begins with: its log, one thread, one sentence where the input is wrong."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@contextmanager
def job(snakemake) -> Iterator[Callable[[str], None]]:
    """Run a script's body: everything it prints goes to its log, and it computes with as many threads as its rule has.

    Yields a function that writes a line with the time of day to the log. A `StudyError` ends the job with its
    sentence, on the terminal and in the log; any other exception leaves its traceback in the log.
    """
    for variable in THREAD_LIMITS:  # read when numpy and torch are imported: scripts import them inside this context
        os.environ[variable] = str(snakemake.threads)
    terminal = sys.stderr
    with open(snakemake.log[0], "w", encoding="utf-8", buffering=1) as log:
        sys.stdout = sys.stderr = log
        try:
            yield lambda line: print(time.strftime("%H:%M:%S"), line, flush=True)
        except Exception as problem:
            from manyseeds.errors import StudyError

            if isinstance(problem, StudyError):
                message = str(problem)
                print(message, file=log)
            else:
                message = f"{type(problem).__name__}: {problem} (traceback in {snakemake.log[0]})"
                traceback.print_exc(file=log)
            print(f"\n{snakemake.rule}: {message}\n", file=terminal, flush=True)
            sys.exit(1)
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, terminal
