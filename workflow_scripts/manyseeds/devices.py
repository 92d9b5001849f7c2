"""Devices: which one a job computes on, and the settings that give the same bits there every time."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from manyseeds import processors
from manyseeds.errors import StudyError
from manyseeds.gpu_usage import Meter

LOCKS = Path(tempfile.gettempdir()) / "manyseeds-gpus"
"""Folder of the lock files through which the jobs of all studies on a host share its GPUs."""

JOBS_PER_GPU = "MANYSEEDS_JOBS_PER_GPU"
"""Environment variable: how many jobs may compute on one GPU at the same time; 1 if it is not set."""

HEURISTICS_B = "TORCH_CUDNN_USE_HEURISTIC_MODE_B"
"""Environment variable of torch: 1 lets cuDNN choose other kernels, which have other bits."""

claimed = torch.device("cpu")
"""The device that this process computes on."""

meter: Meter | None = None
"""Meter of the claimed GPU, if there is one."""

_held: list[FileLock] = []
"""Locks of this process. The system releases them when the process ends, even if it is killed."""


def claim_device(report: Callable[[str], None]) -> torch.device:
    """Claim a visible GPU for this process until it ends and return it, or the CPU if there is no GPU.

    If all GPUs are taken, wait for one. CUDA_VISIBLE_DEVICES says which are visible, and numbers them. Locks therefore
    identify a GPU by its UUID.

    Raises
    ------
    StudyError
        If the environment variable `JOBS_PER_GPU` is not a positive integer.
    """
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")  # one queue per stream, instead of 8 for all
    if not torch.cuda.is_available():
        processors.keep_freed_memory()
        return torch.device("cpu")
    names = [str(torch.cuda.get_device_properties(number).uuid) for number in range(torch.cuda.device_count())]
    global claimed, meter
    claimed = torch.device("cuda", claim(places(names, jobs_per_gpu()), LOCKS, report) % len(names))
    torch.cuda.set_device(claimed)
    meter = Meter(claimed)
    return claimed


def jobs_per_gpu() -> int:
    """Return how many jobs may compute on one GPU at the same time (`JOBS_PER_GPU`).

    Raises
    ------
    StudyError
        If the environment variable is not a positive integer.
    """
    stated = os.environ.get(JOBS_PER_GPU, "1")
    if not (stated.isascii() and stated.isdigit() and int(stated) > 0):
        raise StudyError(f"Environment variable {JOBS_PER_GPU}: found {stated!r}, expected a positive integer.")
    return int(stated)


def places(names: Sequence[str], jobs: int) -> list[str]:
    """Return a name for each place on GPUs: first one place on every GPU, then a second on every GPU, and so on.

    The first places have the names of the GPUs, so that studies which share a GPU and others exclude each other.

    Parameters
    ----------
    names
        Names of the GPUs.
    jobs
        Number of places on each GPU.
    """
    return [f"{name}+{number}" if number else name for number in range(jobs) for name in names]


def claim(names: Sequence[str], folder: Path, report: Callable[[str], None], *, poll: float = 1.0) -> int:
    """Lock a name that no other process holds, waiting if needed, and return its place in `names`.

    Parameters
    ----------
    folder
        Folder of the lock files, shared by all processes and users that compete.
    poll
        Seconds between two attempts while all names are held.
    """
    folder.mkdir(exist_ok=True, parents=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o1777)  # writable for all users: the first one makes the folder
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
            report(f"All GPUs are taken by other jobs (locks in {folder}). Waiting for one.")
            waited = True
        time.sleep(poll)


def device_kind(device: torch.device) -> str:
    """Return the device kind. With code and package versions it determines results bit for bit.

    For a CPU it names the instruction sets that torch and oneDNN use. For a GPU it names the model and the versions of
    CUDA and cuDNN, because one version of torch is built with several of them.
    """
    if device.type == "cpu":
        return processors.kind()
    if device.type != "cuda":
        return device.type
    libraries = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    if os.environ.get(HEURISTICS_B) == "1":
        libraries += ", heuristics B"
    return f"{torch.cuda.get_device_name(device)} ({libraries})"


def make_deterministic(precision: str) -> None:
    """Set up the process to give the same bits every time: deterministic kernels, one CPU thread."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_num_threads(1)
    # `use_deterministic_algorithms` also loads the compiler, which takes a second of each job. `compiled` sets that up.
    torch.set_deterministic_debug_mode("error")
    # Each buffer is written before it is read. torch sets the property up in a way that type checkers do not see.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
