"""Shared parts of the figures on kernels and errors: names, and labels of strengths."""

from collections.abc import Sequence

import pandas as pd

from manyseeds.study.distortions import NONE

PAIR = ["pair_kind", "seed_a", "variant_a", "seed_b", "variant_b"]
"""Columns that identify a pair in a group."""

DISTORTION_NAMES = {
    NONE: "none",
    "salt_pepper": "salt and pepper",
    "gaussian": "Gaussian noise",
    "speckle": "speckle",
    "poisson": "Poisson noise",
    "gamma": "gamma",
    "contrast": "contrast",
    "illuminant": "illuminant",
    "blur": "blur",
    "chromaticity": "chromaticity",
    "red_green": "red-green",
    "yellow_blue": "yellow-blue",
    "lightness": "lightness",
}

MATCHING_NAMES = {
    "index": "kernels, by index",
    "greedy": "kernels, greedy",
    "optimal": "kernels, optimal",
    "propagated": "kernels, whole networks matched",
    "consistency": "consistency, last layer",
}


def distortions_of(table: pd.DataFrame) -> list[str]:
    """Return the distortions of a table in order, without the images as they are."""
    return [name for name in dict.fromkeys(table["distortion"].dropna()) if name != NONE]


def strength_labels(strengths: Sequence[float]) -> list[str]:
    """Return tick labels of no distortion and of strengths."""
    return ["none", *(f"{strength:g}" for strength in strengths)]
