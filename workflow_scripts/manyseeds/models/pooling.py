"""Stand-ins for layers whose backward pass torch cannot repeat bit by bit on GPUs, and refuses if asked to."""

import torch
from torch import Tensor, nn


class AveragePooling(nn.Module):
    """Adaptive average pooling as two matrix products: the function of `nn.AdaptiveAvgPool2d`, without parameters too.

    Each output is the mean of a rectangle of inputs, hence of the rows' means: y = R x Cᵀ.
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
        """Make the matrices for maps of a size, once: they come from the CPU, which a captured step cannot wait for."""
        height, width = maps.shape[-2:]
        if self.rows is None or (self.rows.shape[1], self.columns.shape[1]) != (height, width):
            with torch.inference_mode(False):  # else no step of a training could use them later
                self.rows = averaging(height, self.height).to(maps.device)
                self.columns = averaging(width, self.width).to(maps.device)


def averaging(n_inputs: int, n_outputs: int) -> Tensor:
    """Return the matrix [n_outputs, n_inputs] whose row k averages inputs floor(k·m/n) to ceil((k+1)·m/n) - 1.

    m inputs, n outputs: the windows of `nn.AdaptiveAvgPool2d`, which overlap where n does not divide m.
    """
    matrix = torch.zeros(n_outputs, n_inputs)
    for output in range(n_outputs):
        first, end = output * n_inputs // n_outputs, -(-(output + 1) * n_inputs // n_outputs)
        matrix[output, first:end] = 1 / (end - first)
    return matrix


def replace_pooling(module: nn.Module) -> None:
    """Put `AveragePooling` in the place of a module's adaptive average poolings; those to one value are a plain mean,
    which torch can repeat.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d):
                size = child.output_size if isinstance(child.output_size, tuple) else (child.output_size,) * 2
                if None not in size and size != (1, 1):
                    setattr(parent, name, AveragePooling(*size))
