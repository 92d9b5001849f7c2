"""CPUs: which instructions torch and oneDNN really use on one, and how its memory is kept from step to step."""

import ctypes
import os
import subprocess
import sys
import tempfile
from functools import cache

import torch

ISA_LINE = "cpu,isa:"
"""How oneDNN's verbose output begins the name of its instruction set."""

_PROBE = """
import torch
with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON), torch.no_grad():
    torch.conv2d(torch.ones(8, 8, 8, 8), torch.ones(8, 8, 3, 3))
"""
"""A convolution that oneDNN computes, and tells of."""


def kind() -> str:
    """Return what of this CPU decides on bits: torch's capability and oneDNN's effective instruction set.

    Both heed the environment (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA).
    """
    return f"cpu ({torch.backends.cpu.get_cpu_capability()}, oneDNN: {instruction_set()})"


def model() -> str:
    """Return the name of the CPU, for records; where the system does not tell, nothing."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return ""


@cache
def instruction_set() -> str:
    """Return the instruction set that oneDNN uses at most, in its own words; ``none`` where torch lacks oneDNN.

    oneDNN names it in the header of its verbose output alone, once a process. Torch exports no function that does.
    """
    if not torch.backends.mkldnn.is_available():
        return "none"
    return _named_in(_verbose_output()) or _named_in(_verbose_output_of_another_process()) or "unknown"


def _named_in(output: str) -> str | None:
    return next((line.split(ISA_LINE, 1)[1].strip() for line in output.splitlines() if ISA_LINE in line), None)


def _verbose_output() -> str:
    """Return what oneDNN writes to the process's standard output while it computes a convolution."""
    sys.stdout.flush()
    standard = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            exec(_PROBE, {})
            ctypes.CDLL(None).fflush(None)  # C's own buffer
        finally:
            os.dup2(standard, 1)
            os.close(standard)
        file.seek(0)
        return file.read().decode(errors="replace")


def _verbose_output_of_another_process() -> str:
    """Return the same of a new process: in this one the header has been printed already, as under ONEDNN_VERBOSE=1."""
    return subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False).stdout


def multiplies_bf16() -> bool:
    """Return whether this CPU has instructions that multiply bfloat16 matrices, and torch may use them."""
    has_instructions = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    usable = "AVX-512" in instruction_set() or "AVX10" in instruction_set()  # below, bf16 is only converted
    return has_instructions and usable and "bfloat16" in instruction_set() and torch.backends.mkldnn.enabled


def keep_freed_memory() -> None:
    """Keep memory that is freed for the next step instead of giving it back to the system, where the C library is
    glibc.

    Each step needs the same buffers, and a system may take longer to hand out fresh pages than a convolution to fill
    them: 5 to 23 % of a step on the virtual machines that this was measured on. No bit depends on it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # parameters' numbers in malloc.h
    mallopt(mmap_max, 0)  # all from the heap, which keeps what is freed
    mallopt(trim_threshold, -1)  # and never gives its end back
    mallopt(top_pad, 64 * 2**20)
