"""Platforms: kind of device, precision and compiler, which help to determine the bits of the weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manyseeds.errors import StudyError

CPU = "cpu"
"""Names of kinds of CPUs begin with this word."""


@dataclass(frozen=True)
class Platform:
    """Properties of hardware and arithmetic that affect the bits of the weights.

    Attributes
    ----------
    device
        Kind of the device (`devices.device_kind`).
    precision
        Precision of the training: fp32, tf32 or bf16.
    compiler
        Name and version of the compiler; None if nothing is compiled. On a CPU it compiles steps, and on a GPU the
        rectifier's kernels (`models.rectifier`).
    """

    device: str
    precision: str
    compiler: str | None = None

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Platform":
        """Read a platform from the metadata of a weights file; missing entries are empty."""
        return cls(metadata.get("device", ""), metadata.get("precision", ""), metadata.get("compiler") or None)

    @property
    def metadata(self) -> dict[str, str]:
        """The platform as metadata of a weights file (strings only)."""
        return {"device": self.device, "precision": self.precision, "compiler": self.compiler or ""}

    @property
    def is_cpu(self) -> bool:
        """Whether the device is a CPU."""
        return self.device.startswith(CPU)

    def __str__(self) -> str:
        """Return device, precision and compiler, joined by commas."""
        return ", ".join(filter(None, (self.device, self.precision, self.compiler)))


def check_comparable(device: str, trained_on: str, marker: Path | str) -> None:
    """Check that a network of a block trained on a GPU is not retrained on a CPU.

    A CPU would take days and give other bits than the rest of the block has.

    Parameters
    ----------
    device
        Kind of the device of this job (`devices.device_kind`).
    trained_on
        Kind of the device that trained the other instances of the block of seeds.
    marker
        File that records this kind.

    Raises
    ------
    StudyError
        If the block was trained on a GPU and this job has none.
    """
    if device.startswith(CPU) and not trained_on.startswith(CPU):
        raise StudyError(
            f"{marker}: the weights of a network of this block are missing. The block was trained on {trained_on}, and "
            "this job has no GPU. Delete this file and the network's folder beside it, then run the same command "
            "again: a job with a GPU will train the network."
        )
