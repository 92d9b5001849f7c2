"""Platforms: what a training ran on, as far as it decides on the bits of the weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manyseeds.errors import StudyError

CPU = "cpu"
"""Every kind of CPU begins with this word."""


@dataclass(frozen=True)
class Platform:
    """What a training ran on, as far as it decides on the bits of the weights.

    Attributes
    ----------
    device
        Kind of the device (`devices.device_kind`).
    precision
        Arithmetic of the training: fp32, tf32 or bf16.
    compiler
        The C++ compiler of compiled steps, with its version; None where steps are not compiled.
    """

    device: str
    precision: str
    compiler: str | None = None

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Platform":
        """Read a platform from the metadata of a file of weights; what they do not name is empty."""
        return cls(metadata.get("device", ""), metadata.get("precision", ""), metadata.get("compiler") or None)

    @property
    def metadata(self) -> dict[str, str]:
        """The platform as metadata of a file of weights, which are text."""
        return {"device": self.device, "precision": self.precision, "compiler": self.compiler or ""}

    @property
    def is_cpu(self) -> bool:
        """Whether the device is a CPU."""
        return self.device.startswith(CPU)

    def __str__(self) -> str:
        """Name the device, the precision and the compiler."""
        return ", ".join(filter(None, (self.device, self.precision, self.compiler)))


def check_comparable(device: str, trained_on: str, marker: Path | str) -> None:
    """Check that what was trained on a GPU is not trained again on a CPU, which makes other bits and takes days.

    Parameters
    ----------
    device, trained_on
        Kinds of the device here (`devices.device_kind`), and of that on which the other instances of a block of seeds
        were trained.
    marker
        The file that says so.

    Raises
    ------
    StudyError
        Saying what lets a job do it that asks for a GPU.
    """
    if device.startswith(CPU) and not trained_on.startswith(CPU):
        raise StudyError(
            f"The weights of this network are gone, those of its block were trained on {trained_on}, and this job has "
            f"no GPU: delete {marker} and the network's folder beside it, and run the same command again, so that a "
            "job trains it that asks for one."
        )
