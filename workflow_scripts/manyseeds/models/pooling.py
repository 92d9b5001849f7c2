"""Replacements for layers that have no deterministic backward pass in torch on GPUs."""

import torch
from torch import Tensor, nn


class AveragePooling(nn.Module):
    """Adaptive average pooling as two matrix products, equal to `nn.AdaptiveAvgPool2d`.

    Each output is the mean of a rectangle of inputs, and so a mean of row means: y = R x Cᵀ. It has no parameters.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.register_buffer("rows", None, persistent=False)
        self.register_buffer("columns", None, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Pool maps [..., h, w] to [..., height, width]."""
        if maps.shape[-2:] == (self.height, self.width):
            return maps
        self._fit(maps)
        return self.rows.to(maps.dtype) @ maps @ self.columns.to(maps.dtype).T

    def _fit(self, maps: Tensor) -> None:
        """Make the matrices for maps of one size, once.

        They are copied from the CPU, and a captured step cannot wait for that.
        """
        height, width = maps.shape[-2:]
        if self.rows is None or (self.rows.shape[1], self.columns.shape[1]) != (height, width):
            with torch.inference_mode(False):  # otherwise training could not use them later
                self.rows = averaging(height, self.height).to(maps.device)
                self.columns = averaging(width, self.width).to(maps.device)


def averaging(n_inputs: int, n_outputs: int) -> Tensor:
    """Return the matrix [n_outputs, n_inputs] whose rows average the windows of adaptive pooling.

    With m inputs and n outputs, row k averages inputs floor(k·m/n) to ceil((k+1)·m/n) - 1, as in
    `nn.AdaptiveAvgPool2d`. Windows overlap if n does not divide m.
    """
    matrix = torch.zeros(n_outputs, n_inputs)
    for output in range(n_outputs):
        first, end = output * n_inputs // n_outputs, -(-(output + 1) * n_inputs // n_outputs)
        matrix[output, first:end] = 1 / (end - first)
    return matrix


def replace_pooling(module: nn.Module) -> None:
    """Replace a module's adaptive average poolings with `AveragePooling`.

    Poolings to one value stay: they are plain means, which torch computes deterministically.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d):
                size = child.output_size
                height, width = size if isinstance(size, tuple) else (size, size)
                if height is not None and width is not None and (height, width) != (1, 1):
                    setattr(parent, name, AveragePooling(height, width))
