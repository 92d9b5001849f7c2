"""Tensors in safetensors files whose metadata hold a digest of the contents, so damage is noticed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save

from manyseeds.errors import StudyError
from manyseeds.io.files import atomic_path

DIGEST = "digest"
"""Key of the digest in the metadata."""


TYPES = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL", "C64")
"""Types of safetensors that numpy has too."""


def digest_of(tensors: Mapping[str, NDArray]) -> str:
    """Return a digest of the names, shapes, types and values of tensors."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(f"{name}{tensors[name].shape}{tensors[name].dtype}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _digest(tensors: Mapping[str, NDArray], metadata: Mapping[str, str]) -> str:
    about = json.dumps(dict(metadata), sort_keys=True)
    return hashlib.blake2b(f"{about}{digest_of(tensors)}".encode(), digest_size=16).hexdigest()


def write(path: Path, tensors: Mapping[str, NDArray], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata, whole or not at all."""
    contents = _in_order(save(dict(tensors), {**metadata, DIGEST: _digest(tensors, metadata)}))
    with atomic_path(path) as partial:
        partial.write_bytes(contents)  # save_file's files are readable by their owner only


def _in_order(contents: bytes) -> bytes:
    """Return a safetensors file with its header sorted, so that equal contents give equal files.

    The library writes metadata in any order.
    """
    length = int.from_bytes(contents[:8], "little")
    header = json.dumps(json.loads(contents[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + contents[8 + length :]


def read_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a file that `write` wrote, without reading its tensors."""
    with safe_open(path, framework="np") as file:
        return file.metadata() or {}


def read(path: Path) -> tuple[dict[str, NDArray], dict[str, str]]:
    """Return the tensors and the metadata of a file that `write` wrote.

    Raises
    ------
    StudyError
        If the file is truncated, altered or not a safetensors file; names the file. Also if numpy does not have the
        type of a tensor.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - it is no dict
        for name, kind in kinds.items():
            if kind not in TYPES:
                raise StudyError(f"{path}: {name} has the type {kind}, expected one of {', '.join(TYPES)}.")
        tensors = load_file(path)
    except StudyError:
        raise
    except Exception as problem:  # safetensors raises its own error type, and OSError
        raise StudyError(f"{path}: cannot be read as safetensors ({problem}); delete it and run again.") from problem
    if metadata.pop(DIGEST, None) != _digest(tensors, metadata):
        raise StudyError(f"{path}: its contents have changed since it was written; delete it and run again.")
    return tensors, metadata
