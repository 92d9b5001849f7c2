"""torchvision's networks, also beside a build of torch that torchvision was not compiled for.

torchvision's wheel is compiled for CUDA. Beside a CPU build of torch its compiled operators do not load, and its import
fails where it describes one of them: "operator torchvision::nms does not exist". They prune the boxes of detectors, and
no classifier calls them. So it is enough to declare that they exist, and only where the import fails: where they load,
they declare themselves.
"""

import importlib
from types import ModuleType

import torch

MODELS = "torchvision.models"
PRUNING = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
OPERATORS = ("nms", "qnms")

_declared: list[torch.library.Library] = []
"""Operators are forgotten with the library that declared them."""


def import_models() -> ModuleType:
    """Import `torchvision.models`; whatever else than its missing operators makes that fail is raised."""
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
