"""Weights that users bring: read without executing anything."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from manyseeds.errors import StudyError


def read_weights(path: Path) -> dict[str, NDArray]:
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
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise StudyError(f"{path}: {name} holds values that are not finite.")
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).numpy() for name, tensor in weights.items()
    }


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise StudyError(f"{path}: not a complete safetensors file ({problem}).") from problem


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        raise StudyError(
            f"{path}: holds more than a plain state dict, and is not loaded, since that could run any code; "
            "save it by torch.save(model.state_dict(), path)."
        ) from problem
    except (RuntimeError, EOFError, OSError, ValueError) as problem:
        raise StudyError(f"{path}: not a complete file of torch.save ({problem}).") from problem
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise StudyError(f"{path}: expected a plain state dict, parameter names and their tensors, and nothing else.")
    return dict(state)
