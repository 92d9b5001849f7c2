"""Rectify random responses by the kernels, and print their errors against torch's operations in float64.

    python tests/support/rectify_once.py [cuda]

On a CPU, Triton's interpreter runs the kernels. It must be asked for before Triton is imported.
"""

import json
import os
import sys

DEVICE = "cuda" if "cuda" in sys.argv else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"

import torch  # noqa: E402

from manyseeds.models import rectifier  # noqa: E402

SHAPES = [(4, 96, 8, 8), (3, 10, 6, 6), (1, 1, 1, 1), (128, 6, 32, 32)]


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    found = found.double()
    assert torch.equal(found.isnan(), expected.isnan())
    found, expected = found.nan_to_num(), expected.nan_to_num()
    return (torch.linalg.vector_norm(found - expected) / torch.linalg.vector_norm(expected).clamp_min(1e-9)).item()


def errors(shape: tuple[int, ...], kind: torch.dtype, layout: torch.memory_format, with_nan: bool) -> list[float]:
    draw = torch.Generator().manual_seed(sum(shape))
    responses, gradients = (torch.randn(shape, generator=draw).to(kind) for _ in range(2))
    bias = torch.randn(shape[1], generator=draw)
    if with_nan:
        responses[0, 0, 0, 0] = torch.nan
    leaf = responses.clone().to(DEVICE, memory_format=layout).requires_grad_()
    own_bias = bias.clone().to(DEVICE).requires_grad_()
    found = rectifier.rectified(leaf * 1, own_bias)
    found.backward(gradients.to(DEVICE))
    exact, exact_bias = (each.detach().double().requires_grad_() for each in (responses, bias))
    sums = (exact + exact_bias[:, None, None]).to(kind).double()  # outputs are rounded to their type
    expected = torch.relu(sums)
    expected.backward(gradients.double())
    with torch.inference_mode():
        alone = rectifier.rectified(responses.to(DEVICE, memory_format=layout).clone(), own_bias)
    assert torch.equal(alone.nan_to_num(), found.nan_to_num())
    pairs = [(found, expected), (leaf.grad, exact.grad), (own_bias.grad, exact_bias.grad)]
    return [error(one.detach().cpu(), other) for one, other in pairs]


found = {}
for shape in SHAPES:
    for kind in (torch.float32, torch.bfloat16):
        for layout in (torch.channels_last, torch.contiguous_format):
            for with_nan in (False, True):
                found[f"{shape}, {kind}, {layout}, NaN {with_nan}"] = errors(shape, kind, layout, with_nan)
print(json.dumps(found))
