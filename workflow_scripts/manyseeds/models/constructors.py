"""Construction of networks that are no All-CNNs: of torchvision, of timm, and at an import path."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from manyseeds.errors import StudyError
from manyseeds.models import torchvision_import
from manyseeds.study.architectures import ALL_CNNS, TIMM


def construct(architecture: str, n_outputs: int, kwargs: Mapping[str, Any]) -> nn.Module:
    """Build a network of torchvision (`resnet18`) or timm (`timm:resnet18`), or the object at an import path.

    Parameters
    ----------
    n_outputs
        Number of outputs, under the constructor's name for that argument, if it has one.
    kwargs
        Other arguments of the constructor.

    Raises
    ------
    StudyError
        If it is not found, cannot be built, or is no `torch.nn.Module`.
    """
    builder = _of_timm(architecture) if architecture.startswith(TIMM) else _builder(architecture)
    try:
        module = builder(**_outputs(builder, n_outputs), **kwargs)
    except (Exception, SystemExit) as problem:  # foreign code may raise anything
        given = "".join(f", {name}={value!r}" for name, value in kwargs.items())
        raise StudyError(
            f"networks: {architecture} cannot be built for {n_outputs} outputs{given} "
            f"({type(problem).__name__}: {problem})."
        ) from problem
    if not isinstance(module, nn.Module):
        raise StudyError(f"networks: {architecture} returns a {type(module).__name__}, expected a torch.nn.Module.")
    return module


def _outputs(builder: Callable, n_outputs: int) -> dict[str, int]:
    """Return the number of outputs under a builder's name for that argument, if it has one."""
    accepted = inspect.signature(builder).parameters
    for argument in ("num_classes", "n_categories"):
        if argument in accepted:
            return {argument: n_outputs}
    # torchvision's builders pass **kwargs on to their module's num_classes.
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values())
    return {"num_classes": n_outputs} if takes_any else {}


def import_timm(name: str, key: str):
    """Import timm, which must have a network.

    Parameters
    ----------
    name
        The network's name in timm.
    key
        Key of the config that needs it, for the error.

    Raises
    ------
    StudyError
        If timm is not installed, its import fails, or it does not have the network.
    """
    try:
        torchvision_import.import_models()  # which timm imports, and which a CPU build of torch needs help with
        timm = importlib.import_module("timm")
    except (Exception, SystemExit) as problem:
        raise StudyError(
            f"{key}: {TIMM}{name} needs the package timm, which cannot be imported ({type(problem).__name__}: "
            f"{problem}); install it (pip install timm)."
        ) from problem
    if not timm.is_model(name):
        similar = timm.list_models(f"*{name.partition('_')[0]}*")[:5]
        hint = f"; it has {', '.join(similar)} ..." if similar else "; timm.list_models() names all"
        raise StudyError(f"{key}: timm {timm.__version__} has no network {name!r}{hint}.")
    return timm


def _of_timm(architecture: str) -> Callable[..., nn.Module]:
    """Return the builder of a network of timm, without its pretrained weights."""
    name = architecture.removeprefix(TIMM)
    timm = import_timm(name, "networks")

    def builder(num_classes: int, **kwargs) -> nn.Module:
        return timm.create_model(name, pretrained=False, num_classes=num_classes, **kwargs)

    return builder


def _builder(architecture: str):
    """Return the callable that an architecture names: `package.module.name`, or a torchvision model."""
    module_name, _, attribute = architecture.rpartition(".")
    try:
        module = importlib.import_module(module_name) if module_name else torchvision_import.import_models()
    except (Exception, SystemExit) as problem:  # any way to fail, e.g. RuntimeError from a mismatched binary
        raise StudyError(
            f"networks: architecture {architecture!r} needs the module {module_name or torchvision_import.MODELS}, "
            f"which cannot be imported ({type(problem).__name__}: {problem})."
        ) from problem
    builder = getattr(module, attribute, None)
    if not callable(builder):
        raise StudyError(
            f"networks: architecture {architecture!r} is unknown: expected {', '.join(ALL_CNNS)}, "
            f"a torchvision model's name, {TIMM} with a timm model's name, or the import path of a torch.nn.Module."
        )
    return builder
