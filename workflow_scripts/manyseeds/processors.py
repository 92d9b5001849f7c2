"""CPUs: the instruction sets that torch and oneDNN really use, and the reuse of freed memory."""

import ctypes
import os
import subprocess
import sys
import tempfile
from functools import cache

import torch

ISA_LINE = "cpu,isa:"
"""Text before the name of the instruction set in oneDNN's verbose output."""

_PROBE = """
import torch
with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON), torch.no_grad():
    torch.conv2d(torch.ones(8, 8, 8, 8), torch.ones(8, 8, 3, 3))
"""
"""Program that lets oneDNN compute a convolution and print its verbose output."""


def kind() -> str:
    """Return the kind of this CPU: torch's capability and oneDNN's effective instruction set.

    Results differ in their last bits between kinds. Environment variables can lower both sets (ATEN_CPU_CAPABILITY,
    ONEDNN_MAX_CPU_ISA).
    """
    return f"cpu ({torch.backends.cpu.get_cpu_capability()}, oneDNN: {instruction_set()})"


def model() -> str:
    """Return the model name of the CPU, for records, or an empty text if the system does not say."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return ""


@cache
def instruction_set() -> str:
    """Return oneDNN's name for its highest instruction set in use; ``none`` if torch lacks oneDNN.

    oneDNN prints the name only in the header of its verbose output, once per process. Torch does not export a function
    that returns it.
    """
    if not torch.backends.mkldnn.is_available():
        return "none"
    return _named_in(_verbose_output()) or _named_in(_verbose_output_of_another_process()) or "unknown"


def _named_in(output: str) -> str | None:
    return next((line.split(ISA_LINE, 1)[1].strip() for line in output.splitlines() if ISA_LINE in line), None)


def _verbose_output() -> str:
    """Return the text that oneDNN writes to standard output while it computes a convolution."""
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
    """Return the verbose output of a new process.

    This process may already have printed the header, for example under ONEDNN_VERBOSE=1.
    """
    return subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False).stdout


def multiplies_bf16() -> bool:
    """Return whether this CPU has instructions for products of bfloat16 matrices that torch may use."""
    has_instructions = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    usable = "AVX-512" in instruction_set() or "AVX10" in instruction_set()  # lower sets only convert bf16
    return has_instructions and usable and "bfloat16" in instruction_set() and bool(torch.backends.mkldnn.enabled)


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next step instead of returning it to the system.

    Each step needs the same buffers, and fresh pages can cost more time than filling them: 5 to 23 % of a step on the
    virtual machines measured. Results do not depend on it. Nothing is done under other C libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # numbers of the parameters in malloc.h
    mallopt(mmap_max, 0)  # allocate everything on the heap, which keeps freed memory
    mallopt(trim_threshold, -1)  # never return the end of the heap
    mallopt(top_pad, 64 * 2**20)
