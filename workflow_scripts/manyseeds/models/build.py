"""Networks as torch modules: All-CNNs, torchvision architectures, any importable `torch.nn.Module`."""

import importlib
import inspect
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyseeds.errors import StudyError
from manyseeds.models import pooling, spec, torchvision_import
from manyseeds.models.all_cnn import AllCNN
from manyseeds.models.spec import Network, Weights


def build(network: Network, image_shape: tuple[int, int, int], n_categories: int) -> nn.Module:
    """Return the module of a network; its weights have no meaning until `load` sets them.

    Parameters
    ----------
    image_shape
        Height, width and number of channels of an input image.
    n_categories
        Number of logits.

    Raises
    ------
    StudyError
        If the architecture is not found, or does not accept images of this shape.
    """
    height, width, channels = image_shape
    if network.architecture in spec.ALL_CNNS:
        module = AllCNN(network, channels, n_categories)
    else:
        module = _foreign(network.architecture, n_categories)
        pooling.replace_pooling(module)
    _check_forward(module, network, (1, channels, height, width), n_categories)
    return module


def _foreign(architecture: str, n_categories: int) -> nn.Module:
    """Build a torchvision architecture, or the object at an import path, for a number of categories."""
    builder = _builder(architecture)
    try:
        module = builder(**_arguments(builder, n_categories))
    except (Exception, SystemExit) as problem:  # foreign code may raise anything
        raise StudyError(
            f"networks: {architecture} cannot be built for {n_categories} categories "
            f"({type(problem).__name__}: {problem})."
        ) from problem
    if not isinstance(module, nn.Module):
        raise StudyError(f"networks: {architecture} returns a {type(module).__name__}, expected a torch.nn.Module.")
    return module


def _arguments(builder: Callable, n_categories: int) -> dict[str, int]:
    """Return the number of categories under a builder's name for that argument, if it has one."""
    accepted = inspect.signature(builder).parameters
    for argument in ("num_classes", "n_categories"):
        if argument in accepted:
            return {argument: n_categories}
    # torchvision's builders pass **kwargs on to their module's num_classes.
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values())
    return {"num_classes": n_categories} if takes_any else {}


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
            f"networks: architecture {architecture!r} is unknown: expected {', '.join(spec.ALL_CNNS)}, "
            "a torchvision model's name, or the import path of a torch.nn.Module."
        )
    return builder


def _check_forward(module: nn.Module, network: Network, shape: tuple[int, ...], n_categories: int) -> None:
    """Check with one blank image, before any training, that a network fits the images."""
    try:
        with torch.no_grad():
            logits = module.eval()(torch.zeros(shape))
    except (Exception, SystemExit) as problem:  # usually RuntimeError; torchvision's transformers raise AssertionError
        raise StudyError(
            f"networks: {network.architecture} does not accept images of height x width x channels "
            f"{shape[2]} x {shape[3]} x {shape[1]} ({type(problem).__name__}: {problem})."
        ) from problem
    if not isinstance(logits, Tensor):
        raise StudyError(
            f"networks: {network.architecture} returns a {type(logits).__name__}, expected a torch.Tensor."
        )
    if tuple(logits.shape) != (1, n_categories):
        raise StudyError(
            f"networks: {network.architecture} returns an output of shape {tuple(logits.shape[1:])}, "
            f"but the data have {n_categories} categories."
        )


WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear)
"""Convolutions and linear layers. They are analysed if a network does not name its layers, and `he_normal` draws them.
All other parameters (scales and shifts of normalisations, embeddings ...) are initialised by their modules.
"""


Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of parameters and buffers by name."""


def check_shapes(module: nn.Module, found: Shapes, *, source: str) -> None:
    """Check that weights are those of a network, by their names and shapes.

    Raises
    ------
    StudyError
        If a parameter is missing, unexpected or of another shape. The error names `source`.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name, shape in expected.items():
        if name not in found:
            raise StudyError(f"{source}: the network's parameter {name} {shape} is missing.")
        if found[name] != shape:
            raise StudyError(f"{source}: {name} has shape {found[name]}, but the network expects {shape}.")
    unexpected = sorted(set(found) - set(expected))
    if unexpected:
        raise StudyError(f"{source}: the network has no parameter named {unexpected[0]}.")


def load(module: nn.Module, weights: Weights, *, source: str) -> None:
    """Load weights into a module, all of them or none.

    Raises
    ------
    StudyError
        If the weights do not fit (`check_shapes`), or are integers where the network has floating-point numbers.
    """
    check_shapes(module, {name: tuple(array.shape) for name, array in weights.items()}, source=source)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and weights[name].dtype.kind != "f":
            raise StudyError(f"{source}: {name} holds {weights[name].dtype}, but the network expects float32.")
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in weights.items()})


def weights_of(module: nn.Module) -> dict[str, NDArray]:
    """Return a module's parameters and buffers, contiguous in the usual axis order, for saving."""
    return {name: as_array(tensor) for name, tensor in module.state_dict().items()}


def as_array(tensor: Tensor) -> NDArray:
    """Return a copy of a tensor's values, contiguous in the usual axis order, from any device and layout."""
    return tensor.detach().cpu().contiguous().clone().numpy()


def analysed_layers(module: nn.Module, network: Network) -> dict[str, nn.Module]:
    """Return the modules whose outputs are analysed, by layer name, in order.

    `spec.Network.named_layers` names them. Otherwise they are all convolutions and linear layers (of All-CNNs after
    their ReLU).

    Raises
    ------
    StudyError
        If `layers` names a module that the network does not have. Also if it names none, and the network has neither a
        convolution nor a linear layer.
    """
    available = {name: child for name, child in module.named_modules() if name}
    paths = network.named_layers
    if paths is None:
        paths = {name: name for name, child in available.items() if isinstance(child, WEIGHTED)}
        if not paths:
            raise StudyError(
                f"networks: {network.architecture} has no convolution or linear layer; list in `layers` the modules to "
                f"analyse, out of {', '.join(available)}."
            )
    for path in paths.values():
        if path not in available:
            raise StudyError(f"networks: {network.architecture} has no layer {path!r}; it has {', '.join(available)}.")
    return {name: available[path] for name, path in paths.items()}
