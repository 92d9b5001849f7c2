"""Seeds of the generators from which networks of the user's own may draw: torch's, numpy's and Python's.

Other sources, such as `numpy.random.default_rng()`, have no seed from outside. `repeatability` finds networks that draw
from them.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed torch's generators of all devices, and the global generators of numpy and Python."""
    torch.manual_seed(seed)
    seed_others(seed)


def seed_others(seed: int) -> None:
    """Seed the global generators of numpy and Python."""
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the generator that own code draws from
    random.seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generator of the CPU, numpy's and Python's in this context; restore them at its end."""
    of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        seed_all(seed)
        try:
            yield
        finally:
            np.random.set_state(of_numpy)  # noqa: NPY002
            random.setstate(of_python)


def states_of_others() -> tuple[object, ...]:
    """Return the states of the global generators of numpy and Python, to compare before and after a computation."""
    _, keys, place, *normal = np.random.get_state(legacy=True)  # noqa: NPY002
    return np.asarray(keys).tobytes(), place, *normal, random.getstate()
