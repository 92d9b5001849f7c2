"""The user's own weights, read without executing any code of the file."""

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
        If the file cannot be read, holds more than a plain state dict, or has a weight that is not finite. A file that
        holds more is not unpickled, because that could run any code.
    """
    weights = _read_safetensors(path) if path.suffix == ".safetensors" else _read_state_dict(path)
    return {name: _as_array(tensor, f"{path}: {name}") for name, tensor in weights.items()}


def _as_array(tensor: Tensor, name: str) -> NDArray:
    """Return a tensor as an array; floating-point numbers become float32 and must be finite."""
    odd = tensor.is_complex() or tensor.is_quantized or tensor.is_nested or tensor.is_meta
    if odd or tensor.layout != torch.strided:
        raise StudyError(f"{name}: expected a dense tensor of real numbers, found {_kind(tensor)}.")
    tensor = tensor.detach()  # a parameter tracks gradients, and numpy refuses it
    if tensor.is_floating_point():
        tensor = tensor.float()
    if not torch.isfinite(tensor).all():
        raise StudyError(f"{name}: found values that are not finite as float32, expected finite values.")
    return tensor.numpy()


def _kind(tensor: Tensor) -> str:
    """Return type, layout and device of a tensor in torch's words."""
    return f"{tensor.dtype}, {tensor.layout}, on the device {tensor.device}"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as problem:  # not only SafetensorError: a damaged header can cause other errors
        raise StudyError(f"{path}: not a complete safetensors file ({problem}).") from problem


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        raise StudyError(
            f"{path}: found more than a plain state dict; it was not loaded, since that could run any code. "
            "Save it by torch.save(model.state_dict(), path)."
        ) from problem
    except Exception as problem:  # on a damaged pickle, torch's reader can raise anything
        reason = f"{type(problem).__name__}: {problem}"
        raise StudyError(f"{path}: not a complete file of torch.save ({reason}).") from problem
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise StudyError(f"{path}: expected a plain state dict, which holds only parameter names and their tensors.")
    return dict(state)
