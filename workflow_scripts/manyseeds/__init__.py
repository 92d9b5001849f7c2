"""How far the internal representations of networks agree that differ only in a random seed (Mehrer et al., 2020).

In a notebook::

    import manyseeds as ms

    table = ms.consistency({0: {"conv1": a0, "fc": b0}, 1: {"conv1": a1, "fc": b1}, ...}, categories)
    ms.plot.depth(table)
    study = ms.open_study("results/digits")

Functions are imported when they are first used, so that the package itself imports nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manyseeds import plot as plot
    from manyseeds.errors import StudyError as StudyError
    from manyseeds.notebook import cka as cka
    from manyseeds.notebook import consistency as consistency
    from manyseeds.notebook import consistency_of_rdms as consistency_of_rdms
    from manyseeds.notebook import outside as outside
    from manyseeds.notebook import pairs as pairs
    from manyseeds.notebook import procrustes as procrustes
    from manyseeds.notebook import rdm as rdm
    from manyseeds.notebook import similarity as similarity
    from manyseeds.results import Results as Results
    from manyseeds.results import open_study as open_study
    from manyseeds.statistics.flips import flip as flip

_MODULES = {
    "StudyError": "errors",
    "cka": "notebook",
    "consistency": "notebook",
    "consistency_of_rdms": "notebook",
    "outside": "notebook",
    "pairs": "notebook",
    "procrustes": "notebook",
    "rdm": "notebook",
    "similarity": "notebook",
    "Results": "results",
    "open_study": "results",
    "flip": "statistics.flips",
}
"""Public name -> the module that defines it."""

__all__ = [*_MODULES, "plot"]  # pyright: ignore[reportUnsupportedDunderAll] the block above imports them


def __getattr__(name: str) -> object:
    if name == "plot":
        return import_module("manyseeds.plot")
    if name in _MODULES:
        return getattr(import_module(f"manyseeds.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'manyseeds' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
