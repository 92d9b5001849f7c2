"""Devices: which of them a job computes on, and how it computes there the same way every time."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from manyseeds import processors

LOCKS = Path(tempfile.gettempdir()) / "manyseeds-gpus"
"""Folder of the lock files by which the jobs of all studies on a host share its GPUs out."""

claimed = torch.device("cpu")
"""The device that this process computes on."""

_held: list[FileLock] = []
"""Locks of this process: given back when it ends, however it ends."""


def claim_device(report: Callable[[str], None]) -> torch.device:
    """Return a visible GPU that this process has to itself until it ends, waiting for one if all are taken; without any
    GPU the CPU.

    CUDA_VISIBLE_DEVICES says which are visible; a GPU is known by its UUID, whatever number it has there.
    """
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")  # a queue for each stream, not 8 for all of them
    if not torch.cuda.is_available():
        processors.keep_freed_memory()
        return torch.device("cpu")
    names = [str(torch.cuda.get_device_properties(number).uuid) for number in range(torch.cuda.device_count())]
    global claimed
    claimed = torch.device("cuda", claim(names, LOCKS, report))
    torch.cuda.set_device(claimed)
    return claimed


def claim(names: Sequence[str], folder: Path, report: Callable[[str], None], *, poll: float = 1.0) -> int:
    """Lock one of several things that no other process holds, and return its place among `names`.

    Parameters
    ----------
    folder
        Where the lock files lie: shared by all processes, and by all users, that contend.
    poll
        Seconds between two looks while all are held.
    """
    folder.mkdir(exist_ok=True, parents=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o1777)  # whoever comes first makes it for all users
    waited = False
    while True:
        for place, name in enumerate(names):
            lock = FileLock(folder / f"{name}.lock", mode=0o666)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            _held.append(lock)
            return place
        if not waited:
            report(f"All of {len(names)} GPUs are taken by other jobs (locks in {folder}): waiting for one.")
            waited = True
        time.sleep(poll)


def device_kind(device: torch.device) -> str:
    """Return the device kind. With code and package versions it determines results bit for bit.

    Of a CPU it names the instruction sets that torch and oneDNN use; of a GPU its name and the libraries whose kernels
    run there, since one version of torch is built with several of them.
    """
    if device.type == "cpu":
        return processors.kind()
    if device.type != "cuda":
        return device.type
    libraries = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    return f"{torch.cuda.get_device_name(device)} ({libraries})"


def make_deterministic(precision: str) -> None:
    """Set the process up so that the same work gives the same bits: deterministic kernels, one thread on a CPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # each buffer is written before it is read
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
