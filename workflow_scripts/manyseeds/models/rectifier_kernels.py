"""GPU kernels of a rectifier with bias, in Triton's language.

Import this module only where `rectifier.compiler` finds Triton.

In memory, responses are rows of channels. Each place of each image has one row. A program takes some rows at a time.
"""

import triton  # pyright: ignore[reportMissingImports] - not with torch's builds for CPUs
import triton.language as tl  # pyright: ignore[reportMissingImports]


@triton.jit
def forward(responses, bias, n_rows, N_CHANNELS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Replace responses by max(responses + bias, 0); NaN stays NaN."""
    first = tl.program_id(0).to(tl.int64) * ROWS
    rows, columns = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    inside = (first + rows < n_rows)[:, None] & (columns < N_CHANNELS)[None, :]
    here = responses + first * N_CHANNELS + rows[:, None] * N_CHANNELS + columns[None, :]
    values = tl.load(here, mask=inside, other=0.0).to(tl.float32)
    values += tl.load(bias + columns, mask=columns < N_CHANNELS, other=0.0).to(tl.float32)[None, :]
    tl.store(here, tl.where(values <= 0.0, 0.0, values).to(responses.dtype.element_ty), mask=inside)


@triton.jit
def backward(
    gradients,
    outputs,
    results,
    sums,
    n_rows,
    STEPS: tl.constexpr,
    N_CHANNELS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Write the gradients with respect to responses, and of each program their sum over its rows in float32.

    A program takes `STEPS` times `ROWS` rows, so sums do not depend on the GPU.
    """
    rows, columns = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    total = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    for step in range(STEPS):
        first = (tl.program_id(0).to(tl.int64) * STEPS + step) * ROWS
        inside = (first + rows < n_rows)[:, None] & (columns < N_CHANNELS)[None, :]
        at = first * N_CHANNELS + rows[:, None] * N_CHANNELS + columns[None, :]
        output = tl.load(outputs + at, mask=inside, other=0.0)
        gradient = tl.where(output <= 0.0, 0.0, tl.load(gradients + at, mask=inside, other=0.0))
        tl.store(results + at, gradient, mask=inside)
        total += gradient.to(tl.float32)
    tl.store(sums + tl.program_id(0) * N_CHANNELS + columns, tl.sum(total, axis=0), mask=columns < N_CHANNELS)
