"""How much of a GPU a job used: seconds, share of the time in which it computed, and memory.

torch is imported only where a GPU is: the report reads records of usage without it.
"""

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

SECONDS = 1.0
"""Between two readings. NVML reports the share of the last sixth of a second to a second."""


class Usage(NamedTuple):
    """Use of a GPU by one job.

    Attributes
    ----------
    seconds
        Time since the job claimed the GPU.
    utilisation
        Share of this time in which the GPU computed, in [0, 1]; None if NVML does not tell it, as for a MIG slice.
    peak_memory
        Most memory that torch reserved, in bytes.
    """

    seconds: float
    utilisation: float | None
    peak_memory: int

    def __str__(self) -> str:
        share = "an unknown share" if self.utilisation is None else f"{self.utilisation:.0%}"
        return (
            f"GPU: claimed for {self.seconds:.1f} s, computing in {share} of them, "
            f"{self.peak_memory / 2**30:.2f} GiB of memory at most"
        )


class Meter:
    """Reads the utilisation of a GPU in the background, until it is stopped or its process ends.

    Parameters
    ----------
    device
        A CUDA device.
    seconds
        Time between two readings.
    """

    def __init__(self, device: "torch.device", seconds: float = SECONDS) -> None:
        self._device, self._pause, self._begun = device, seconds, time.monotonic()
        self._percents: list[int] = []
        self._stopped = threading.Event()
        threading.Thread(target=self._read_again_and_again, daemon=True).start()

    def usage(self) -> Usage:
        """Return the use of the GPU until now."""
        from torch import cuda

        percents = self._percents.copy()
        share = sum(percents) / len(percents) / 100 if percents else None
        return Usage(time.monotonic() - self._begun, share, cuda.max_memory_reserved(self._device))

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()

    def _read_again_and_again(self) -> None:
        from torch import cuda

        while not self._stopped.is_set():
            try:
                self._percents.append(cuda.utilization(self._device))  # needs nvidia-ml-py
            except Exception:  # NVML has an error for each thing that a driver, a container or a MIG slice hides
                return
            self._stopped.wait(self._pause)
