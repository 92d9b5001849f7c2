"""Distortions of images by name: their strengths, domains and needs (methods 11).

Read while the Snakefile is parsed, so only the standard library is imported. A19 is Akbarinia & Gegenfurtner (2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NONE = "none"
"""The images as they are."""

COLOUR_CHANNELS = 3


@dataclass(frozen=True)
class Distortion:
    """One distortion.

    Attributes
    ----------
    a19
        Strengths in A19's code.
    whitened
        Strengths for whitened images, whose noise is amplified; empty: not used unless it is named.
    low, high
        Smallest and largest strength.
    open_low
        Whether the smallest strength itself is excluded.
    needs_colour
        Whether images must have three channels.
    """

    a19: tuple[float, ...]
    whitened: tuple[float, ...]
    low: float = 0.0
    high: float = float("inf")
    open_low: bool = False
    needs_colour: bool = False

    @property
    def domain(self) -> str:
        """The domain in words."""
        if self.high < float("inf"):
            return f"numbers from {self.low:g} to {self.high:g}"
        return f"numbers {'above' if self.open_low else 'from'} {self.low:g}"

    def holds(self, strength: float) -> bool:
        """Return whether a strength is in the domain."""
        return (strength > self.low if self.open_low else strength >= self.low) and strength <= self.high


DISTORTIONS: Mapping[str, Distortion] = {
    "salt_pepper": Distortion((0.01, 0.05, 0.1), (0.001, 0.003, 0.01), high=1),
    "gaussian": Distortion((0.01, 0.05, 0.1), (1e-4, 3e-4, 1e-3)),
    "speckle": Distortion((0.01, 0.05, 0.1), (1e-3, 3e-3, 1e-2)),
    # A19's code takes the number of grey levels of the image, rounded up to a power of two: 256 for most.
    "poisson": Distortion((256,), (1000, 3000, 10000), open_low=True),
    "gamma": Distortion((0.1, 0.3, 0.5, 0.8, 1.2, 2), (0.3, 0.5, 2), open_low=True),
    "contrast": Distortion((0.01, 0.05, 0.15, 0.3, 0.5, 0.75, 1), (0.3, 0.5, 0.75), high=1),
    "illuminant": Distortion((0.05, 0.25, 0.5, 0.75), (0.05, 0.25, 0.5, 0.75), high=1, needs_colour=True),
    "blur": Distortion((0.1, 0.3, 0.5, 0.7, 0.9), (0.5, 0.7, 0.9)),
    "chromaticity": Distortion((0, 0.1, 0.25, 0.5), (0, 0.25, 0.5), high=1, needs_colour=True),
    "red_green": Distortion((0, 0.1, 0.25, 0.5), (), high=1, needs_colour=True),
    "yellow_blue": Distortion((0, 0.1, 0.25, 0.5), (), high=1, needs_colour=True),
    "lightness": Distortion((0, 0.1, 0.25, 0.5), (), high=1, needs_colour=True),
}


def default_strengths(name: str, preset: str) -> tuple[float, ...]:
    """Return the strengths of a distortion in a preset, `a19` or `whitened`; A19's where the other has none."""
    distortion = DISTORTIONS[name]
    return distortion.a19 if preset == "a19" else distortion.whitened or distortion.a19


def all_names(preset: str, *, colour: bool) -> list[str]:
    """Return the distortions that a preset has and the images allow."""
    return [
        name
        for name, distortion in DISTORTIONS.items()
        if (colour or not distortion.needs_colour) and (preset == "a19" or distortion.whitened)
    ]


def why_wrong(name: str, strengths: Sequence[float]) -> str | None:
    """Return what is wrong with strengths, as "found ..., expected ..."; None if nothing is."""
    outside = next((strength for strength in strengths if not DISTORTIONS[name].holds(strength)), None)
    if outside is not None:
        return f"found {outside:g}, expected {DISTORTIONS[name].domain}"
    if list(strengths) != sorted(set(strengths)):
        return f"found {', '.join(f'{strength:g}' for strength in strengths)}, expected increasing numbers"
    return None
