"""Weights that users bring: read without executing anything."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from manyseeds.errors import StudyError


def read_user_weights(path: Path) -> dict[str, NDArray]:
    """Read the weights of a network: safetensors, or a state dict that `torch.save` wrote.

    Returns
    -------
    dict
        Arrays by parameter name; floating-point ones as float32.

    Raises
    ------
    StudyError
        If the file cannot be read, holds anything but a plain state dict (it is not unpickled then, since that could
        run any code), or a weight is not finite.
    """
    weights = _read_safetensors(path) if path.suffix == ".safetensors" else _read_state_dict(path)
    return {name: _as_array(tensor, f"{path}: {name}") for name, tensor in weights.items()}


def _as_array(tensor: Tensor, name: str) -> NDArray:
    """Return a tensor as an array, floating-point numbers as float32, and finite as such."""
    odd = tensor.is_complex() or tensor.is_quantized or tensor.is_nested or tensor.is_meta
    if odd or tensor.layout != torch.strided:
        raise StudyError(f"{name} is no tensor of real numbers that stand one by one, but of {_kind(tensor)}.")
    tensor = tensor.detach()  # parameters are tensors, too
    if tensor.is_floating_point():
        tensor = tensor.float()
    if not torch.isfinite(tensor).all():
        raise StudyError(f"{name} holds values that are not finite as float32.")
    return tensor.numpy()


def _kind(tensor: Tensor) -> str:
    """Type, layout and device of a tensor, as torch calls them."""
    return f"{tensor.dtype}, {tensor.layout}, on the device {tensor.device}"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as problem:  # SafetensorError, but not only: the header is the file's
        raise StudyError(f"{path}: not a complete safetensors file ({problem}).") from problem


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        raise StudyError(
            f"{path}: holds more than a plain state dict, and is not loaded, since that could run any code; "
            "save it by torch.save(model.state_dict(), path)."
        ) from problem
    except Exception as problem:  # a damaged pickle has torch's reader stumble over anything
        reason = f"{type(problem).__name__}: {problem}"
        raise StudyError(f"{path}: not a complete file of torch.save ({reason}).") from problem
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise StudyError(f"{path}: expected a plain state dict, parameter names and their tensors, and nothing else.")
    return dict(state)
