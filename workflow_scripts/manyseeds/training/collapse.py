"""The rule that accepts or rejects an attempt at an instance (methods 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DEAD_MINIBATCHES = 100
"""Number of minibatches in a row, each with equal outputs for its images, after which a network may be dead."""


@dataclass(frozen=True)
class Evaluation:
    """Evaluation of a network on a set of images, with dropout off.

    `loss` is the mean cross-entropy. `is_constant` says whether all images have the same output.
    """

    loss: float
    accuracy: float
    n_categories: int
    n_categories_predicted: int
    is_constant: bool = False


ACCEPTED, NOT_FINITE, DEAD, UNDERFIT, MISSING = "accepted", "not_finite", "dead", "underfit", "missing_category"
"""Outcomes of an attempt (methods 3)."""


@dataclass(frozen=True)
class CollapseRule:
    """When an attempt at an instance is rejected, and how often it is redrawn (methods 3).

    Attributes
    ----------
    judge_after
        Completed epochs after which an attempt is judged. It is always judged after the last epoch.
    dead
        ``redraw``: a dead network is rejected at the end of the epoch in which it died. ``ignore``: it is judged like
        any other network.
    enabled
        If false, only weights or losses that are not finite reject an attempt.
    """

    min_train_accuracy: float
    require_every_category: bool
    max_attempts: int
    judge_after: tuple[int, ...] = ()
    dead: str = "redraw"
    enabled: bool = True

    @classmethod
    def declared(
        cls,
        n_categories: int,
        *,
        dropout: float,
        min_train_accuracy: float | None,
        require_every_category: bool | None,
        max_attempts: int,
        judge_after: Sequence[int],
        dead: str,
        enabled: bool,
    ) -> "CollapseRule":
        """Return a rule with its defaults filled in.

        The default of `min_train_accuracy` is twice chance; for two categories, where that is 1, it is 0.75.
        Every category must be predicted by default without dropout and with at most 10 categories.
        """
        if min_train_accuracy is None:
            min_train_accuracy = min(2 / n_categories, (1 + 1 / n_categories) / 2)
        if require_every_category is None:
            require_every_category = dropout == 0 and n_categories <= 10
        return cls(min_train_accuracy, require_every_category, max_attempts, tuple(judge_after), dead, enabled)

    @property
    def redraws_dead(self) -> bool:
        """Whether dead networks are redrawn."""
        return self.enabled and self.dead == "redraw"

    def judge(
        self, evaluation: "Evaluation", *, is_lost: bool = False, seems_dead: bool = False
    ) -> tuple[str, str | None]:
        """Return the outcome of an evaluation on the training set, and the reason for a rejection.

        Parameters
        ----------
        is_lost
            Whether weights are no longer finite.
        seems_dead
            Whether outputs were equal within each of the last minibatches of an epoch.
        """
        if not np.isfinite(evaluation.loss):
            return NOT_FINITE, "loss is not finite"
        if is_lost:
            return NOT_FINITE, "weights are not finite"
        if not self.enabled:
            return ACCEPTED, None
        if self.redraws_dead and seems_dead and evaluation.is_constant:
            return DEAD, "its output is the same for every training image"
        if evaluation.accuracy < self.min_train_accuracy:
            return UNDERFIT, f"training accuracy {evaluation.accuracy:.4f} is below {self.min_train_accuracy:.4f}"
        predicted, expected = evaluation.n_categories_predicted, evaluation.n_categories
        if self.require_every_category and predicted < expected:
            return MISSING, f"only {predicted} of {expected} categories are ever predicted"
        return ACCEPTED, None
