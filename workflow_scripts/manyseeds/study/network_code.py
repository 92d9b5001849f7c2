"""Code of networks that are imported: whose it is, and digests of the user's own. No network is imported here.

Read while the Snakefile is parsed, so only the standard library is imported.
"""

import hashlib
import site
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path

from manyseeds.errors import StudyError
from manyseeds.io.code_digest import module_digest
from manyseeds.study.architectures import ALL_CNNS, TIMM
from manyseeds.study.study import OWN_ACTIVATIONS, Study, network_name

TORCHVISION = "torchvision.models"
"""Module of the networks that are named without a path."""

LIBRARIES = (TORCHVISION, "timm.models")
"""Modules whose networks the study of an export may name."""


def imported_module(architecture: str) -> str | None:
    """Return the module from which a network is imported; None for an All-CNN."""
    if architecture in ALL_CNNS:
        return None
    return "timm.models" if architecture.startswith(TIMM) else architecture.rpartition(".")[0] or TORCHVISION


def is_of_library(architecture: str) -> bool:
    """Return whether a network is an All-CNN, or belongs to torchvision or timm as pip and conda install them.

    A package of the same name in another folder, such as one of ``PYTHONPATH``, does not count.
    """
    module = imported_module(architecture)
    if module is None:
        return True
    if module not in LIBRARIES:
        return False
    found = _find(module.partition(".")[0])
    return found is None or (found.origin is not None and _is_installed(Path(found.origin)))


def _is_installed(path: Path) -> bool:
    """Return whether a file or folder is in a folder of installed packages."""
    folders = {*site.getsitepackages(), site.getusersitepackages(), *map(sysconfig.get_path, ("purelib", "platlib"))}
    return any(path.resolve().is_relative_to(Path(folder).resolve()) for folder in folders)


def _find(package: str) -> ModuleSpec | None:
    """Return where a package or module without dots would be imported from, without importing it.

    Unlike `importlib.util.find_spec`, it does not believe modules that are imported already.
    """
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return next((found for finder in finders if (found := finder.find_spec(package, None))), None)


def own_digests(study: Study) -> dict[str, str]:
    """Return the digest of the code of each network that is the user's own, by the network's name.

    All-CNNs and networks of torchvision have none. Nor does a module that is not found: the job that imports it says
    so. A network of timm has timm's version instead.

    Raises
    ------
    StudyError
        If a file of the user's code cannot be read as Python.
    """
    if study.mode == OWN_ACTIVATIONS:
        return {}
    digests = {network_name(entry): _own_digest(entry["architecture"]) for entry in study.config["networks"]}
    return {name: digest for name, digest in digests.items() if digest}


def _own_digest(architecture: str) -> str:
    """Return the digest of a network's own code, or an empty text if it has none."""
    module = imported_module(architecture)
    if architecture.startswith(TIMM):
        return _version("timm")  # the same name may be another network in another version
    if module is None or module in LIBRARIES:
        return ""
    try:
        parts = [module_digest(module, root, package) for root, package in _roots(module.partition(".")[0])]
    except (OSError, ValueError, SyntaxError, RecursionError) as problem:
        where = getattr(problem, "filename", None) or module
        raise StudyError(
            f"networks: the code of the architecture {architecture} cannot be read as Python ({where}: "
            f"{type(problem).__name__}: {problem})."
        ) from problem
    return combined(*parts) if parts else ""


def _version(package: str) -> str:
    """Return the version of an installed package; an empty text if it is not installed."""
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return ""


def combined(*digests: str) -> str:
    """Return one digest of several."""
    return hashlib.blake2b("\n".join(digests).encode(), digest_size=16).hexdigest()


def _roots(package: str) -> Iterator[tuple[Path, str | None]]:
    """Yield the folders from which a package is imported, and the package to which its imports are restricted.

    In a folder of the user all modules are the user's. In a folder of installed packages only this package is.
    """
    found = _find(package)
    if found is None:
        return
    folders = [Path(folder) for folder in found.submodule_search_locations or ()]
    files = [] if folders or not found.has_location or found.origin is None else [Path(found.origin)]
    for path in folders + files:
        yield path.absolute().parent, package if _is_installed(path) else None
