"""Networks as torch modules: All-CNNs, those of torchvision and timm, any importable `torch.nn.Module`."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyseeds.errors import StudyError
from manyseeds.models import constructors, layer_presets, pooling, spec
from manyseeds.models.all_cnn import AllCNN
from manyseeds.models.spec import Network, Weights


def build(network: Network, image_shape: tuple[int, int, int], n_categories: int) -> nn.Module:
    """Return the module of a network; its weights have no meaning until `load` sets them.

    Parameters
    ----------
    image_shape
        Height, width and number of channels of an input image.
    n_categories
        Number of the data's categories. The network has an output for each, or `network.outputs` outputs.

    Raises
    ------
    StudyError
        If the architecture is not found, or does not accept images of this shape.
    """
    height, width, channels = image_shape
    n_outputs = network.n_outputs(n_categories)
    if network.architecture in spec.ALL_CNNS:
        module = AllCNN(network, channels, n_outputs)
    else:
        module = constructors.construct(network.architecture, n_outputs, network.kwargs or {})
        pooling.replace_pooling(module)
    _check_forward(module, network, (1, channels, height, width), n_outputs)
    return module


def _check_forward(module: nn.Module, network: Network, shape: tuple[int, ...], n_outputs: int) -> None:
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
    if tuple(logits.shape) != (1, n_outputs):
        wanted = f"but the data have {n_outputs} categories" if network.outputs is None else f"expected {n_outputs}"
        raise StudyError(
            f"networks: {network.architecture} returns an output of shape {tuple(logits.shape[1:])}, {wanted}."
        )


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
    check_fit(expected, found, source=source)


def check_fit(expected: Shapes, found: Shapes, *, source: str) -> None:
    """Check that weights have the expected names and shapes (`check_shapes`)."""
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

    `spec.Network.named_layers` names them, or a preset does (`layer_presets`). Otherwise they are all convolutions and
    linear layers (of All-CNNs after their ReLU).

    Raises
    ------
    StudyError
        If `layers` names a module that the network does not have. Also if it names none, and the network has neither a
        convolution nor a linear layer.
    """
    available = {name: child for name, child in module.named_modules() if name}
    if isinstance(network.layers, str):
        return layer_presets.find(network.layers, network.architecture, available)
    paths = network.named_layers
    if paths is None:
        paths = {name: name for name, child in available.items() if isinstance(child, layer_presets.WEIGHTED)}
        if not paths:
            raise StudyError(
                f"networks: {network.architecture} has no convolution or linear layer; list in `layers` the modules to "
                f"analyse, out of {', '.join(available)}."
            )
    for path in paths.values():
        if path not in available:
            raise StudyError(f"networks: {network.architecture} has no layer {path!r}; it has {', '.join(available)}.")
    return {name: available[path] for name, path in paths.items()}
