"""Code of networks that are imported: whose it is. No network is imported here.

Read while the Snakefile is parsed, so only the standard library is imported.
"""

import site
import sysconfig
from importlib.machinery import PathFinder
from pathlib import Path

from manyseeds.study.architectures import ALL_CNNS

TORCHVISION = "torchvision.models"
"""Module of the networks that are named without a path."""

LIBRARIES = (TORCHVISION, "timm.models")
"""Modules whose networks the study of an export may name."""


def imported_module(architecture: str) -> str | None:
    """Return the module from which a network is imported; None for an All-CNN."""
    return None if architecture in ALL_CNNS else architecture.rpartition(".")[0] or TORCHVISION


def is_of_library(architecture: str) -> bool:
    """Return whether a network is an All-CNN, or belongs to torchvision or timm as pip and conda install them.

    A package of the same name in another folder, such as one of ``PYTHONPATH``, does not count.
    """
    module = imported_module(architecture)
    if module is None:
        return True
    if module not in LIBRARIES:
        return False
    found = PathFinder.find_spec(module.partition(".")[0])
    return found is None or (found.origin is not None and is_installed(Path(found.origin)))


def is_installed(path: Path) -> bool:
    """Return whether a file or folder is in a folder of installed packages."""
    folders = {*site.getsitepackages(), site.getusersitepackages(), *map(sysconfig.get_path, ("purelib", "platlib"))}
    return any(path.resolve().is_relative_to(Path(folder).resolve()) for folder in folders)
