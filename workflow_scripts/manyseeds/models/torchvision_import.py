"""Import of torchvision's networks, even with a build of torch for which it was not compiled.

torchvision's wheel is compiled for CUDA. With a CPU build of torch its compiled operators do not load, and the import
fails at the description of one of them: "operator torchvision::nms does not exist". These operators prune the boxes of
detectors, and no classifier calls them. It is therefore enough to declare that they exist. This is done only if the
import fails, because operators that load declare themselves.
"""

import importlib
from types import ModuleType

import torch

MODELS = "torchvision.models"
PRUNING = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
OPERATORS = ("nms", "qnms")

_declared: list[torch.library.Library] = []
"""Libraries kept alive, because torch forgets operators together with the library that declared them."""


def import_models() -> ModuleType:
    """Import `torchvision.models`; errors other than its missing operators are raised."""
    try:
        return importlib.import_module(MODELS)
    except RuntimeError as problem:
        if _declared or "operator torchvision::" not in str(problem):
            raise
    _declare_operators()
    return importlib.import_module(MODELS)


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for operator in OPERATORS:
        library.define(operator + PRUNING)
    _declared.append(library)
