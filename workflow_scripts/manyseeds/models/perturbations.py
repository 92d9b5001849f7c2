"""Perturbations: one weight of a network changes at one moment of its training (methods 2).

Summers & Dinneen (2021) change one bit of one weight, and Jordan (2024) multiplies one weight by 1.001.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyseeds.errors import StudyError

KERNEL_AXES = 4
"""Number of axes of the weights of a two-dimensional convolution."""

ULP = "ulp"


@dataclass(frozen=True)
class Perturbation:
    """A condition's `perturb` in the config.

    Attributes
    ----------
    kind
        ``factor``: the weight is multiplied. `ULP`: it becomes the next float32 number away from zero.
    factor
        Factor of the kind ``factor``.
    parameter
        Name of the weight's parameter; None: the weights of the first convolution.
    index
        Number of the weight in the flattened parameter.
    epoch
        Completed epochs before the change; 0: the initial weights are changed.
    """

    kind: str
    factor: float
    parameter: str | None
    index: int
    epoch: int

    def place_in(self, shapes: Mapping[str, tuple[int, ...]], source: str) -> tuple[str, tuple[int, ...]]:
        """Return the name of the perturbed parameter, and the place of the weight in it.

        Parameters
        ----------
        shapes
            Shape of each parameter, by name in the network's order.
        source
            Name of the network, for errors.

        Raises
        ------
        StudyError
            If the network does not have the parameter or the index.
        """
        name = self.parameter or next((name for name, shape in shapes.items() if len(shape) == KERNEL_AXES), None)
        if name is None:
            raise StudyError(f"{source}: found no convolution to perturb; name a parameter in conditions[].perturb.")
        if name not in shapes:
            raise StudyError(
                f"Config key conditions[].perturb.parameter: found {name!r}, expected one of the parameters of "
                f"{source}: {', '.join(shapes)}."
            )
        size = int(np.prod(shapes[name]))
        if self.index >= size:
            raise StudyError(
                f"Config key conditions[].perturb.index: found {self.index}, expected less than {size}, the size of "
                f"{name} in {source}."
            )
        return name, tuple(int(place) for place in np.unravel_index(self.index, shapes[name]))

    def changed(self, weight: float, source: str) -> np.float32:
        """Return the changed weight. Zero becomes the smallest positive float32 number by `ULP`.

        Raises
        ------
        StudyError
            If a factor does not change the weight, because it is zero; or makes it infinite.
        """
        before = np.float32(weight)
        if self.kind == ULP:
            return np.nextafter(before, np.copysign(np.float32(np.inf), before))
        with np.errstate(over="ignore"):
            after = before * np.float32(self.factor)
        if after == before or not np.isfinite(after):
            raise StudyError(
                f"{source}: the weight {before:g} times {self.factor:g} is {after:g}; expected another finite number. "
                "Perturb another weight (conditions[].perturb.index), or use the kind ulp."
            )
        return after

    def check(self, weights: Mapping[str, NDArray], source: str) -> None:
        """Check before a training that the perturbation fits the network, and changes its initial weights.

        Parameters
        ----------
        weights
            Initial weights by name.
        source
            Name of the network, for errors.
        """
        name, place = self.place_in({name: array.shape for name, array in weights.items()}, source)
        if self.epoch == 0:
            self.changed(weights[name][place], source)


def changes_forward(before: float, after: float, precision: str) -> bool | None:
    """Return whether a changed weight also changes the copy that a forward pass multiplies.

    With bf16 the copy is rounded to bfloat16, so a small change can be lost. It is None for tf32, whose rounding is the
    GPU's own.
    """
    if precision == "tf32":
        return None
    return before != after and (precision != "bf16" or as_bfloat16(before) != as_bfloat16(after))


def as_bfloat16(weight: float) -> int:
    """Return the bits of a finite float32 number rounded to bfloat16, to nearest, ties to even."""
    bits = int(np.float32(weight).view(np.uint32))
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


def recorded_change(metadata: Mapping[str, str]) -> bool | None:
    """Return `changes_forward` of a perturbed network, from the metadata of its weights; None if it is not known."""
    return json.loads(metadata["perturbed"])["changes_forward"] if "perturbed" in metadata else None
