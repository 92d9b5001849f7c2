"""Variants: sets of weights made from a network, with names for paths, tables and figures (methods 11).

Read while the Snakefile is parsed, so only the standard library is imported.
"""

from typing import NamedTuple

TRAINED, EPOCH, NOISE, RESCALED, PERMUTED, FINETUNED = "trained", "epoch", "noise", "rescaled", "permuted", "finetuned"

UNTRAINED = "epoch0"
"""Name of the weights before training."""


class Variant(NamedTuple):
    """One set of weights made from an instance.

    Attributes
    ----------
    kind
        `trained`, `epoch`, `noise`, `rescaled`, `permuted` or `finetuned`.
    value
        Epoch, expected correlation, spread of the factors, or learning rate.
    distortion
        Distortion of the images of a fine-tuned variant.
    """

    name: str
    kind: str
    value: float | None = None
    distortion: str | None = None


def trained() -> Variant:
    """Return the variant of the last epoch's weights, as they are."""
    return Variant(TRAINED, TRAINED)


def at_epoch(epoch: int) -> Variant:
    """Return the variant of the weights after some epochs."""
    return Variant(f"epoch{epoch}", EPOCH, epoch)


def noise(r: float) -> Variant:
    """Return the variant with noise of an expected correlation r."""
    return Variant(f"noise_{r:g}", NOISE, r)


def rescaled(spread: float) -> Variant:
    """Return the variant with rescaled kernels."""
    return Variant(f"rescaled_{spread:g}", RESCALED, spread)


def permuted() -> Variant:
    """Return the variant with permuted channels."""
    return Variant(PERMUTED, PERMUTED)


def finetuned(distortion: str, learning_rate: float) -> Variant:
    """Return the variant that was trained further on distorted images."""
    return Variant(f"finetuned_{distortion}_{learning_rate:g}", FINETUNED, learning_rate, distortion)
