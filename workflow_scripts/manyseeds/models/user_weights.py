"""The user's own weights, read without executing any code of the file."""

import pickle
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeGuard, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from manyseeds.errors import StudyError
from manyseeds.models.build import Shapes

UNREADABLE = ("F4", "F6_E2M3", "F6_E3M2")
"""Types of safetensors that torch does not convert to float32."""

ENTRIES = ("state_dict", "model_state_dict", "model")
"""Entries in which training frameworks keep a state dict beside other things."""

PREFIXES = ("module.", "_orig_mod.")
"""Beginnings that DataParallel and `torch.compile` put before the names of all parameters."""


Value = TypeVar("Value")

Check = Callable[[Shapes], None]
"""Called with the shapes of all weights before they are converted. It raises a `StudyError` if they are wrong."""


def read_user_weights(path: Path, check: Check = lambda shapes: None) -> dict[str, NDArray]:
    """Read the weights of a network: safetensors, or a state dict that `torch.save` wrote.

    The state dict may be an entry of a checkpoint (`ENTRIES`); the other entries are left out.

    Parameters
    ----------
    check
        Called with the shapes of all weights before they take memory. A file of 1 kB may declare a weight of many GB.

    Returns
    -------
    dict
        Arrays by parameter name; floating-point ones as float32.

    Raises
    ------
    StudyError
        If the file cannot be read, holds more than a plain state dict, or has a weight that is not finite. A file that
        holds more is not unpickled, because that could run any code. Also if `check` raises one.
    """
    weights = _read_safetensors(path, check) if path.suffix == ".safetensors" else _read_state_dict(path)
    for name, tensor in weights.items():
        _check_dense(tensor, f"{path}: {name}")
    check({name: tuple(tensor.shape) for name, tensor in weights.items()})
    return {name: _as_array(tensor, f"{path}: {name}") for name, tensor in weights.items()}


def _check_dense(tensor: Tensor, name: str) -> None:
    odd = tensor.is_complex() or tensor.is_quantized or tensor.is_nested or tensor.is_meta
    if odd or tensor.layout != torch.strided:
        raise StudyError(f"{name}: expected a dense tensor of real numbers, found {_kind(tensor)}.")


def without_prefixes(weights: Mapping[str, Value], expected: Iterable[str]) -> dict[str, Value]:
    """Return weights, or their shapes, without the prefixes that wrappers put before all names (`PREFIXES`).

    A prefix stays if the names that the network expects have it too.
    """
    expected, renamed = list(expected), dict(weights)
    for _ in PREFIXES:  # one wrapper may be inside the other
        for prefix in PREFIXES:
            if renamed and _all_begin(renamed, prefix) and not _all_begin(expected, prefix):
                renamed = {name.removeprefix(prefix): array for name, array in renamed.items()}
    return renamed


def _all_begin(names: Iterable[str], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def _as_array(tensor: Tensor, name: str) -> NDArray:
    """Return a tensor as an array; floating-point numbers become float32 and must be finite."""
    tensor = tensor.detach()  # a parameter tracks gradients, and numpy refuses it
    try:
        if tensor.is_floating_point():
            tensor = tensor.float()
        array = tensor.numpy()
    except (RuntimeError, TypeError) as problem:  # torch has types of 4 bits and less, and cannot convert them
        raise StudyError(
            f"{name}: found values of type {tensor.dtype}, which cannot be converted to float32 or to integers; save "
            "them as float32."
        ) from problem
    if not np.isfinite(array).all():
        raise StudyError(f"{name}: found values that are not finite as float32, expected finite values.")
    return array


def _kind(tensor: Tensor) -> str:
    """Return type, layout and device of a tensor in torch's words."""
    return f"{tensor.dtype}, {tensor.layout}, on the device {tensor.device}"


def _read_safetensors(path: Path, check: Check) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            kinds = {name: part.get_dtype() for name, part in slices.items()}
    except Exception as problem:  # not only SafetensorError: a damaged header can cause other errors
        raise StudyError(f"{path}: not a complete safetensors file ({problem}).") from problem
    check(shapes)
    for name, kind in kinds.items():
        if kind in UNREADABLE:
            raise StudyError(f"{path}: {name} has the type {kind}, which torch cannot convert; save it as F32.")
    try:
        return load_file(path)
    except Exception as problem:  # not only SafetensorError: damaged values can cause other errors
        raise StudyError(f"{path}: not a complete safetensors file ({problem}).") from problem


def _check_stored(path: Path) -> None:
    """Check that the parts of a file of `torch.save` are not compressed: few bytes could then become many GB."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as file:
        parts = file.infolist()
    size, declared = path.stat().st_size, sum(part.file_size for part in parts)
    if declared > size:
        raise StudyError(
            f"{path}: found a compressed archive of {declared:,} bytes in a file of {size:,}, expected a file as "
            "torch.save writes it, which is not compressed."
        )


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        _check_stored(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except StudyError:
        raise
    except pickle.UnpicklingError as problem:
        raise StudyError(
            f"{path}: found more than a plain state dict; it was not loaded, since that could run any code. "
            "Save it by torch.save(model.state_dict(), path)."
        ) from problem
    except Exception as problem:  # on a damaged pickle, torch's reader can raise anything
        reason = f"{type(problem).__name__}: {problem}"
        raise StudyError(f"{path}: not a complete file of torch.save ({reason}).") from problem
    entries = [state.get(name) for name in ENTRIES] if isinstance(state, Mapping) else []
    state = next((entry for entry in entries if _is_plain(entry) and entry), state)
    if not _is_plain(state):
        raise StudyError(
            f"{path}: expected a state dict, which holds only parameter names and their tensors, or a checkpoint with "
            f"one in its entry {' or '.join(ENTRIES)}."
        )
    return dict(state)


def _is_plain(state: object) -> TypeGuard[Mapping[str, Tensor]]:
    """Return whether an object is a plain state dict."""
    return isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
