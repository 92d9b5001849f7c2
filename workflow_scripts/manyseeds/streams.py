"""Random streams: every draw follows from (root seed, purpose, seed, attempt, epoch, step), so nothing random is ever
saved.

A counter-based generator (Philox) is addressed, not advanced: the permutation of epoch 217 can be drawn without drawing
the 216 before it, which is what makes an interrupted training continue with the same bits (methods 2).
"""

import hashlib

import numpy as np


def generator(
    root_seed: int, purpose: str, seed: int, *, attempt: int = 0, epoch: int = 0, step: int = 0
) -> np.random.Generator:
    """Return the generator that stands at one address of one stream.

    Parameters
    ----------
    root_seed
        The study's `seed`: the root of all its streams.
    purpose
        What is drawn: a stream of a training (`study.study.STREAMS`), or a path such as ``resampling/stimuli``.
    seed
        Seed of this stream (not necessarily the instance's: streams that a condition does not vary share one).
    attempt, epoch, step
        Address within the stream. Different addresses never overlap: epoch and step are separate words of the
        256-bit counter, the lowest word of which counts the blocks drawn.

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
    """Return a 63-bit seed for a device's own generator at one address of a stream (dropout masks are drawn there)."""
    address = generator(root_seed, purpose, seed, attempt=attempt, epoch=epoch, step=step)
    return int(address.integers(2**63))
