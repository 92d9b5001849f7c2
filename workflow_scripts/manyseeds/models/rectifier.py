"""Bias and ReLU of a convolution in one pass over memory, on GPUs.

torch needs four passes and sums the gradient of the bias slowly: together a third of a step of All-CNN-C in bfloat16 on
an H100. The kernels need Triton, which comes with torch's builds for CUDA on Linux, a C compiler, and a GPU of compute
capability 7.0 (Volta) or later.
"""

import importlib.util
import os
import shutil
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TYPES = (torch.float32, torch.bfloat16, torch.float16)

VALUES = 2048
"""Number of values that a program takes at a time: 16 for each of its 128 threads."""

LEAST_CAPABILITY = (7, 0)
"""Compute capability of the oldest GPUs that Triton compiles for."""

PROGRAMS = 1024
"""Largest number of programs in a backward pass, a few for each processor of a GPU."""


@cache
def compiler() -> str | None:
    """Return name and version of the compiler of the kernels; None if it, or something that it needs, is missing.

    Without it, torch's own operations compute, with other bits. Call it only where there is a GPU.
    """
    if torch.cuda.get_device_capability() < LEAST_CAPABILITY:
        return None
    if importlib.util.find_spec("triton") is None:
        return None
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return None
    import triton  # pyright: ignore[reportMissingImports] - not with torch's builds for CPUs

    return f"triton {triton.__version__}"


def applies_to(weight: Tensor) -> bool:
    """Return whether the kernels can rectify the responses of a convolution with this weight."""
    return weight.is_cuda and weight.dtype in TYPES and compiler() is not None


def rectified(responses: Tensor, bias: Tensor) -> Tensor:
    """Return max(responses + bias, 0).

    The result takes the place of the responses in memory if their channels are last there. The sum has float32
    precision. The gradient of the bias is summed in float32, always in the same order.

    Parameters
    ----------
    responses
        [batch, channels, height, width].
    bias
        [channels], float32.
    """
    return _Rectified.apply(responses.contiguous(memory_format=torch.channels_last), bias)


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx, responses: Tensor, bias: Tensor) -> Tensor:
        n_rows, sizes = _layout(responses)
        _kernels().forward[(-(-n_rows // sizes["ROWS"]),)](responses, bias, n_rows, **sizes)
        ctx.mark_dirty(responses)
        ctx.save_for_backward(responses)
        return responses

    @staticmethod
    @once_differentiable
    # torch's declaration takes any number of gradients.
    def backward(ctx, gradients: Tensor) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (outputs,) = ctx.saved_tensors
        gradients = gradients.contiguous(memory_format=torch.channels_last)
        n_rows, sizes = _layout(outputs)
        steps = -(-n_rows // (PROGRAMS * sizes["ROWS"]))
        n_programs = -(-n_rows // (steps * sizes["ROWS"]))
        results = torch.empty_like(gradients)
        sums = torch.empty(n_programs, outputs.shape[1], dtype=torch.float32, device=outputs.device)
        _kernels().backward[(n_programs,)](gradients, outputs, results, sums, n_rows, STEPS=steps, **sizes)
        return results, sums.sum(dim=0)


def _kernels() -> Any:
    """Return the module of the kernels, which needs Triton."""
    from manyseeds.models import rectifier_kernels

    return rectifier_kernels


def _layout(responses: Tensor) -> tuple[int, dict[str, int]]:
    """Return the number of rows of channels, and the sizes of what a program takes at a time."""
    batch, channels, height, width = responses.shape
    columns = 1 << (channels - 1).bit_length()
    return batch * height * width, {"N_CHANNELS": channels, "ROWS": max(1, VALUES // columns), "COLUMNS": columns}
