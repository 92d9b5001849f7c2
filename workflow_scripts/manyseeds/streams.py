"""Random streams: the address of a draw determines it, so the state of a generator is never saved.

An address is (root seed, purpose, seed, attempt, epoch, step). A counter-based generator (Philox) can start at any
address: the permutation of epoch 217 can be drawn without the 216 before it. An interrupted training therefore
continues with the same bits (methods 2).
"""

import hashlib
from typing import TypedDict

import numpy as np


class Address(TypedDict):
    """Where the draws of an attempt begin in a stream: arguments of `generator`, without epoch and step."""

    root_seed: int
    purpose: str
    seed: int
    attempt: int


def generator(
    root_seed: int, purpose: str, seed: int, *, attempt: int = 0, epoch: int = 0, step: int = 0
) -> np.random.Generator:
    """Return a generator that starts at one address of one stream.

    Parameters
    ----------
    root_seed
        The study's `seed`: the root of all its streams.
    purpose
        Use of the draws: a stream of a training (`study.architectures.STREAMS`), or a path such as
        ``resampling/stimuli``.
    seed
        Seed of this stream. All instances share it if their condition does not vary the stream.
    attempt, epoch, step
        Address within the stream. Different addresses never overlap: epoch and step are separate words of the
        256-bit counter, whose lowest word counts the blocks drawn.

    Returns
    -------
    numpy.random.Generator
        A fresh generator; equal arguments give equal draws on every platform.
    """
    name = f"{root_seed}/{purpose}/{seed}/{attempt}".encode()
    key = np.frombuffer(hashlib.blake2b(name, digest_size=16).digest(), dtype="<u8").astype(np.uint64)
    counter = np.array([0, step, epoch, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def torch_seed(root_seed: int, purpose: str, seed: int, *, attempt: int = 0, epoch: int = 0, step: int = 0) -> int:
    """Return a 63-bit seed at one address of a stream, for a device's own generator.

    Dropout masks are drawn on the device.
    """
    address = generator(root_seed, purpose, seed, attempt=attempt, epoch=epoch, step=step)
    return int(address.integers(2**63))
