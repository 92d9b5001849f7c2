"""Agreement of two classifiers on the same images: errors, kappa, McNemar's test, equivalence (methods 11)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL_OF_EQUIVALENCE = 0.90
"""Level of the interval that must lie within the margin: two one-sided tests at 5 % each."""

Answers = NDArray[np.integer]


def agreement(a: Answers, b: Answers, labels: Answers) -> dict[str, Any]:
    """Compare the predictions of two networks for the same images.

    Parameters
    ----------
    a, b
        Predicted categories [m].
    labels
        Categories [m].

    Returns
    -------
    dict
        Columns of the table `error_agreement`: accuracies, their difference, `kappa`, `agreement`, `same_error`,
        numbers of images that only one network gets right, p of McNemar's test, number of images. NaN where undefined.
    """
    right_a, right_b = a == labels, b == labels
    p, q, m = float(right_a.mean()), float(right_b.mean()), len(labels)
    both_wrong = ~right_a & ~right_b
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    return {
        "accuracy_a": p,
        "accuracy_b": q,
        "difference": q - p,
        "kappa": kappa(right_a, right_b),
        "agreement": float((a == b).mean()),
        "same_error": float((a == b)[both_wrong].mean()) if both_wrong.any() else float("nan"),
        "n_only_a": only_a,
        "n_only_b": only_b,
        "mcnemar_p": mcnemar(only_a, only_b),
        "n_images": m,
    }


def kappa(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> float:
    """Return Cohen's kappa of being right [m], [m]: error consistency (Geirhos et al. 2020).

    It is below 1 if accuracies differ. NaN if agreement by chance is certain, where the authors' code gives 1.
    """
    p, q = right_a.mean(), right_b.mean()
    by_chance = p * q + (1 - p) * (1 - q)
    observed = (right_a == right_b).mean()
    return float((observed - by_chance) / (1 - by_chance)) if by_chance < 1 else float("nan")


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p of McNemar's test: that both networks are equally often the only one to be right."""
    return float(min(1.0, 2 * special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def paired_half_width(only_a: NDArray, only_b: NDArray, m: NDArray | int) -> NDArray[np.float64]:
    """Return half-widths of 90 % intervals of differences of accuracies over m images that both networks saw."""
    discordant = np.asarray(only_a, dtype=np.float64) + only_b
    error = np.sqrt(np.maximum(discordant - (np.asarray(only_a, dtype=np.float64) - only_b) ** 2 / m, 0)) / m
    return special.ndtri((1 + LEVEL_OF_EQUIVALENCE) / 2) * error


def is_equivalent(difference: NDArray, half_width: NDArray, margin: float) -> NDArray[np.bool_]:
    """Return whether whole 90 % intervals lie within the margin: two one-sided tests, each at 5 %."""
    return np.abs(difference) + half_width < margin


def holm(p: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted by Holm's method for one family; NaN stay NaN and do not count."""
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    defined = np.flatnonzero(np.isfinite(p))
    order = defined[np.argsort(p[defined], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1) if len(order) else []
    return adjusted
