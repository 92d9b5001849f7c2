"""Estimates of the declared claims from a study's tables, and the verdicts on them: table `claims` (methods 14).

Every interval is a delete-one-network jackknife: the statistic is computed again without each network in turn.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from manyseeds.paper.claims import (
    Claims,
    Estimate,
    Gate,
    Statement,
    Verdict,
    gate_values,
    judge_gates,
    outcome,
    verdict,
)
from manyseeds.statistics.resampling import LEVEL, jackknife_ends

Statistic = Callable[[Collection[int]], float]
"""Returns a statistic of the networks with some seeds; NaN where it is not defined."""


@dataclass(frozen=True)
class Tables:
    """Tables of one group of networks: accepted networks alone, and dropout off.

    Attributes
    ----------
    seeds
        Seeds of the accepted networks.
    epochs
        Numbers of the epochs that claims name: `last`, and `first_milestone` if the learning rate falls.
    """

    seeds: Sequence[int]
    epochs: Mapping[str, int]
    accuracy: pd.DataFrame
    consistency: pd.DataFrame
    consistency_across: pd.DataFrame
    clustering: pd.DataFrame
    contrasts: pd.DataFrame

    def accuracies(self, split: str) -> list[float]:
        """Return the accuracy of each network after the last epoch: on lossless images where some are not."""
        rows = self.accuracy[(self.accuracy["split"] == split) & (self.accuracy["epoch"] == self.epochs["last"])]
        has_lossless = split == "test" and (rows["subset"] == "lossless").any()
        chosen = rows[rows["subset"] == ("lossless" if has_lossless else "all")].set_index("seed")["accuracy"]
        return [float(chosen.get(seed, np.nan)) for seed in self.seeds]

    def epoch(self, name: str) -> int | None:
        """Return the number of an epoch that a claim names; None if the study does not have it."""
        return int(name) if name.isdecimal() else self.epochs.get(name)


def judge(declared: Claims, tables: Tables) -> pd.DataFrame:
    """Return the rows of the table `claims` without the columns of the group.

    Gates are judged first. If they fail, no claim is computed.
    """
    training, test = tables.accuracies("train"), tables.accuracies("test")
    gate, values = judge_gates(declared.gates, training, test), gate_values(training, test)
    rows = []
    for statement in declared.gates:
        value = values[statement.statistic]
        found = outcome(statement, Estimate(value, value, value))
        rows.append(_row(statement, {"estimate": value}, found, found))
    for claim in declared.claims:
        computed = {each.key: {} if gate is Gate.FAILED else estimate(each, tables) for each in claim.statements}
        estimates = {key: _estimate(numbers) for key, numbers in computed.items()}
        decided = verdict(claim, estimates, gate)
        for each in claim.statements:
            single = decided if gate is Gate.FAILED else outcome(each, estimates[each.key])
            rows.append(_row(each, computed[each.key], single, decided))
    return pd.DataFrame(rows).assign(n_networks=len(tables.seeds), gate=str(gate))


def _row(statement: Statement, numbers: Mapping[str, float], single: Verdict, decided: Verdict) -> dict[str, Any]:
    refuted = statement.refuted_if
    return {
        "claim": statement.claim,
        "statistic": statement.statistic,
        "measure": statement.measure or None,
        "kind": " ".join(statement.comparison) or None,
        "layer": " ".join(statement.layers) or None,
        "epochs": " ".join(statement.epochs),
        "published": statement.published,
        "published_as": statement.published_as or None,
        **{name: numbers.get(name, np.nan) for name in NUMBERS},
        "level": statement.level,
        "confirmed_if": statement.confirmed_if.text,
        "refuted_if": refuted.text if refuted else None,
        "outcome": str(single),
        "verdict": str(decided),
    }


NUMBERS = ("estimate", "ci_low", "ci_high", "ci_low_95", "ci_high_95", "p")
"""Columns that are computed from the networks."""


def _estimate(numbers: Mapping[str, float]) -> Estimate | None:
    if not numbers:
        return None
    return Estimate(*(numbers.get(name, np.nan) for name in ("estimate", "ci_low", "ci_high", "p")))


def estimate(statement: Statement, tables: Tables) -> dict[str, float]:
    """Return the numbers of a statement: estimate, both intervals, and p where it is declared.

    Ends of intervals are NaN where the jackknife is not defined, and without a declared scale.
    """
    statistic = STATISTICS[statement.statistic](statement, tables)
    value = statistic(tables.seeds)
    numbers = {"estimate": value}
    if statement.scale and np.isfinite(value) and statement.level is not None:
        without = np.array([statistic([each for each in tables.seeds if each != seed]) for seed in tables.seeds])
        for suffix, level in (("", statement.level), ("_95", LEVEL)):
            ends = jackknife_ends(value, without, scale=statement.scale, level=level)
            numbers[f"ci_low{suffix}"], numbers[f"ci_high{suffix}"] = ends
    if statement.statistic == RANDOM_GROUPING:
        numbers["p"] = _p(statement, tables)
    return numbers


# Statistics


def mean_consistency(
    tables: Tables,
    seeds: Collection[int],
    *,
    layer: str,
    kind: str,
    measure: str,
    epoch: int | None,
    blank: str = "none",
) -> float:
    """Return the mean consistency over the pairs of some networks; NaN if the tables do not have it."""
    rows = tables.consistency
    chosen = rows[
        (rows["layer"] == layer)
        & (rows["kind"] == kind)
        & (rows["measure"] == measure)
        & (rows["epoch"] == epoch)
        & (rows["normalisation"] == blank)
        & (rows["dropout_samples"] == 0)
        & rows["seed_a"].isin(seeds)
        & rows["seed_b"].isin(seeds)
    ]
    return float(chosen["consistency"].mean())


def _means(statement: Statement, tables: Tables) -> Callable[..., float]:
    """Return `mean_consistency` with a statement's first layer, kind and epoch, unless others are given."""
    first = {
        "layer": statement.layers[0],
        "kind": statement.comparison[0],
        "measure": statement.measure,
        "epoch": tables.epoch(statement.epochs[0]),
    }
    return lambda seeds, **others: mean_consistency(tables, seeds, **first | others)


def _consistency(statement: Statement, tables: Tables) -> Statistic:
    return _means(statement, tables)


def _layer_difference(statement: Statement, tables: Tables) -> Statistic:
    mean = _means(statement, tables)
    return lambda seeds: mean(seeds) - mean(seeds, layer=statement.layers[1])


def _kind_difference(statement: Statement, tables: Tables) -> Statistic:
    mean = _means(statement, tables)
    return lambda seeds: mean(seeds) - mean(seeds, kind=statement.comparison[1])


def _epoch_difference(statement: Statement, tables: Tables) -> Statistic:
    mean, second = _means(statement, tables), tables.epoch(statement.epochs[1])
    return lambda seeds: mean(seeds) - mean(seeds, epoch=second)


def _cocktail_minus_none(statement: Statement, tables: Tables) -> Statistic:
    mean = _means(statement, tables)
    return lambda seeds: mean(seeds, blank="cocktail") - mean(seeds)


def _cci_over_layers(statement: Statement, tables: Tables) -> Statistic:
    """Correlate mean clustering index and mean consistency over the layers."""
    mean, rows, last = _means(statement, tables), tables.clustering, tables.epoch(statement.epochs[0])
    rows = rows[(rows["measure"] == statement.measure) & (rows["normalisation"] == "none") & (rows["epoch"] == last)]

    def statistic(seeds: Collection[int]) -> float:
        cci = rows[rows["seed"].isin(seeds)].groupby("layer")["cci"].mean()
        return _pearson([(cci.get(layer, np.nan), mean(seeds, layer=layer)) for layer in statement.layers])

    return statistic


def _accuracy_over_epochs(statement: Statement, tables: Tables) -> Statistic:
    """Correlate mean consistency and mean test accuracy over the analysed epochs but 0."""
    mean, layer = _means(statement, tables), statement.layers[0]
    tested = tables.accuracy[(tables.accuracy["split"] == "test") & (tables.accuracy["subset"] == "all")]
    compared = tables.consistency[(tables.consistency["layer"] == layer) & (tables.consistency["epoch"] > 0)]
    epochs = sorted({*compared["epoch"]} & {*tested["epoch"]})

    def statistic(seeds: Collection[int]) -> float:
        accuracy = tested[tested["seed"].isin(seeds)].groupby("epoch")["accuracy"].mean()
        return _pearson([(mean(seeds, epoch=epoch), accuracy[epoch]) for epoch in epochs if epoch in accuracy])

    return statistic


def _same_minus_different(statement: Statement, tables: Tables) -> Statistic:
    """Compare each network with itself at an earlier epoch, and different networks at the later epoch."""
    mean, rows = _means(statement, tables), tables.consistency_across
    earlier, later = map(tables.epoch, statement.epochs)
    own = rows[
        (rows["layer"] == statement.layers[0])
        & (rows["kind"] == statement.comparison[0])
        & (rows["measure"] == statement.measure)
        & (rows["normalisation"] == "none")
        & (rows["epoch_a"] == earlier)
        & (rows["epoch_b"] == later)
        & (rows["seed_a"] == rows["seed_b"])
    ]
    return lambda seeds: float(own.loc[own["seed_a"].isin(seeds), "consistency"].mean()) - mean(seeds, epoch=later)


def _pearson(points: Sequence[tuple[float, float]]) -> float:
    """Return the correlation over points; NaN below three points, or where one is undefined or none vary."""
    values = np.array(points, dtype=float)
    if len(values) < 3 or not np.isfinite(values).all() or not np.ptp(values, axis=0).all():
        return float("nan")
    return float(np.corrcoef(values.T)[0, 1])


RANDOM_GROUPING = "centroid_above_random_grouping"


def _p(statement: Statement, tables: Tables) -> float:
    """Return the p-value of the table `contrasts`; NaN without random groups."""
    rows = tables.contrasts
    chosen = rows[
        (rows["contrast"] == "centroid_minus_random_centroid")
        & (rows["layer"] == statement.layers[0])
        & (rows["measure"] == statement.measure)
    ]
    return float(chosen["p"].iloc[0]) if len(chosen) else float("nan")


STATISTICS: dict[str, Callable[[Statement, Tables], Statistic]] = {
    "layer_difference": _layer_difference,
    "centroid_minus_exemplar": _kind_difference,
    RANDOM_GROUPING: _kind_difference,
    "within_category_minus_exemplar": _kind_difference,
    "cci_consistency_over_layers": _cci_over_layers,
    "epoch_difference": _epoch_difference,
    "consistency_accuracy_over_epochs": _accuracy_over_epochs,
    "same_minus_different_networks": _same_minus_different,
    "consistency": _consistency,
    "cocktail_minus_none": _cocktail_minus_none,
}
"""By name in ``data/claims.csv``: what computes a statistic of a statement."""
