"""How many networks and stimuli a study needs: half-widths of intervals against their numbers (methods 12c).

They follow from the variance components of pair values (`pair_components`). A study with other numbers has the same
components, but other weights of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from manyseeds.statistics.intervals import PairStatistics
from manyseeds.statistics.pair_components import MIN_NETWORKS_COMPONENTS, Components, pair_components
from manyseeds.statistics.resampling import LEVEL, mean_along_last_axis, pair_products, weighted_means
from manyseeds.streams import generator

MIN_NETWORKS = 5
"""Smallest number of networks: the components without each of them need four."""

MOST_NETWORKS = 1000
"""Largest number of networks that is looked for."""

FEWEST_NETWORKS = 3
"""Smallest number of networks of a planned study: the jackknife needs three."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """What is asked: the config's `howmany`.

    Attributes
    ----------
    half_width
        Wanted half-width of the 95 % interval.
    networks, stimuli
        Numbers for which half-widths are computed.
    subsets
        Number of random subsets of the networks at hand, by which the prediction is checked.
    seed
        Root of these draws.
    """

    half_width: float
    networks: Sequence[int]
    stimuli: Sequence[int]
    subsets: int
    seed: int


@dataclass(frozen=True)
class Precision:
    """What one statistic says about studies with other numbers of networks: components, and those without each network.

    Attributes
    ----------
    whole
        Components of all N networks.
    without
        (N,) components without each network.
    of_stimuli
        Variance of the mean over resampled stimuli, times m / (m - 1) for their number m; NaN if stimuli
        were not resampled.
    n_stimuli
        Number m of stimuli.
    """

    whole: Components
    without: Components
    of_stimuli: float
    n_stimuli: int | None

    @property
    def network_share(self) -> float:
        """Share of a pair value's variance that its two networks have by themselves, from 0 to 1; NaN without any."""
        shared = 2 * max(float(self.whole.networks), 0.0)
        total = shared + float(self.whole.pairs)
        return shared / total if total > 0 else float("nan")

    def half_widths(self, n_networks: NDArray[np.int64], n_stimuli: int | None = None) -> tuple[Floats, Floats, Floats]:
        """Return half-widths (M,) of 95 % intervals for studies with some numbers of networks, and their own intervals.

        Parameters
        ----------
        n_networks
            (M,) at least 2 each.
        n_stimuli
            Number of stimuli, for intervals over new networks and new stimuli; None: these stimuli, new networks.
        """
        whole, without = (
            self._half_widths(each, n_networks, n_stimuli) for each in (_as_rows(self.whole), _as_rows(self.without))
        )
        n = len(without)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(without)
            error = np.sqrt((n - 1) / n * ((logs - logs.mean(axis=0)) ** 2).sum(axis=0))
            factor = np.exp(special.stdtrit(n - 1, (1 + LEVEL) / 2) * error)
            return whole[0], whole[0] / factor, whole[0] * factor

    def _half_widths(self, components: Components, n_networks: NDArray[np.int64], n_stimuli: int | None) -> Floats:
        """Return half-widths (R, M) for components (R, 1)."""
        variance = components.variance_of_mean(n_networks)
        if n_stimuli is not None:
            assert self.n_stimuli is not None  # known where stimuli were resampled
            variance = variance + self.of_stimuli * self.n_stimuli / n_stimuli
        quantiles = np.asarray(special.stdtrit(n_networks - 1, (1 + LEVEL) / 2), dtype=np.float64)
        return quantiles * np.sqrt(variance)

    def needed(self, half_width: float) -> tuple[float, float, float]:
        """Return the least number of networks with at most a half-width, and the same from both ends of its interval.

        NaN above `MOST_NETWORKS`. The first end is the smaller number.
        """
        numbers = np.arange(FEWEST_NETWORKS, MOST_NETWORKS + 1)
        middle, low, high = (_first(numbers, ends <= half_width) for ends in self.half_widths(numbers))
        return middle, low, high


def _as_rows(components: Components) -> Components:
    """Return components of R sets of networks as columns (R, 1)."""
    return Components(np.reshape(components.networks, (-1, 1)), np.reshape(components.pairs, (-1, 1)))


def _first(numbers: NDArray[np.int64], holds: NDArray[np.bool_]) -> float:
    return float(numbers[np.argmax(holds)]) if holds.any() else float("nan")


def precision_of(values: Floats, n_networks: int, resamples: Floats | None, n_stimuli: int | None) -> Precision | None:
    """Return the precision of a mean over pairs of networks; None below five networks or if a pair is undefined.

    Parameters
    ----------
    values
        (K,) values of all pairs of N networks.
    resamples
        (B, K) values on resampled stimuli, or None.
    """
    if n_networks < MIN_NETWORKS or not np.isfinite(values).all():
        return None
    assert n_networks > MIN_NETWORKS_COMPONENTS
    kept = pair_products(1 - np.eye(n_networks)) > 0
    without = pair_components(np.array([values[pairs] for pairs in kept]), n_networks - 1)
    of_stimuli = float("nan")
    if resamples is not None and n_stimuli is not None:
        of_stimuli = float(np.nanvar(mean_along_last_axis(resamples), ddof=1)) * n_stimuli / (n_stimuli - 1)
    return Precision(pair_components(values, n_networks), without, of_stimuli, n_stimuli)


def subset_deviation(values: Floats, n_networks: int, size: int, plan: Plan) -> float:
    """Return the standard deviation of the mean over random subsets of the networks at hand, without replacement.

    Parameters
    ----------
    values
        (K,) values of all pairs of N networks.
    size
        Number of networks in a subset, below N.
    """
    rng = generator(plan.seed, "howmany/subsets", size, epoch=n_networks)
    chosen = rng.permuted(np.tile(np.arange(n_networks) < size, (plan.subsets, 1)), axis=1)
    return float(weighted_means(values, pair_products(chosen.astype(np.float64))).std(ddof=1))


def predicted_deviation(components: Components, n_networks: int, size: int) -> float:
    """Return the same standard deviation from the components: exact for subsets without replacement.

    A negative component counts as it is, because that makes the sum exact.
    """
    networks, pairs = float(components.networks), float(components.pairs)
    of_pairs = 1 / (size * (size - 1)) - 1 / (n_networks * (n_networks - 1))
    return float(np.sqrt(max(4 * networks * (1 / size - 1 / n_networks) + 2 * pairs * of_pairs, 0.0)))


def how_many(statistics: PairStatistics, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the tables `howmany` and `howmany_answer` for each statistic with five networks or more.

    Parameters
    ----------
    statistics
        Values of all pairs of the networks of a group.
    """
    rows, answers = [], []
    n = statistics.n_networks
    for place, key in enumerate(statistics.keys.to_dict("records")):
        resampled = statistics.resamples[place]
        drawn = None if resampled is None else resampled()
        found = precision_of(statistics.values[place], n, drawn, statistics.n_stimuli)
        if found is None:
            continue
        common = {**key, "n_observed": n, "var_network": float(found.whole.networks)}
        common |= {"var_pair": float(found.whole.pairs), "network_share": found.network_share}
        rows += [common | row for row in _planned(statistics.values[place], n, found, plan)]
        needed, low, high = found.needed(plan.half_width)
        answers.append(
            common | {"half_width_wanted": plan.half_width, "n_needed": needed, "n_low": low, "n_high": high}
        )
    keys = [*statistics.keys.columns, "n_observed", "var_network", "var_pair", "network_share"]
    return (
        pd.DataFrame(rows, columns=[*keys, *PLANNED]),
        pd.DataFrame(answers, columns=[*keys, "half_width_wanted", "n_needed", "n_low", "n_high"]),
    )


def answer(rows: pd.DataFrame) -> str:
    """Return how many networks give the wanted half-width in the last layer, with its range, in words.

    Parameters
    ----------
    rows
        Rows of the table `howmany_answer` of one statistic, by layer.
    """
    last = rows[rows["layer_index"] == rows["layer_index"].max()].iloc[0]
    wanted, judged = f"± {last['half_width_wanted']:g}", f"judged from {last['n_observed']}"
    low, needed, high = (last[name] for name in ("n_low", "n_needed", "n_high"))
    if pd.isna(needed):
        return f"in {last['layer']}, no number up to 1,000 gives {wanted} ({judged})"
    top = "more than 1,000" if pd.isna(high) else f"{int(high):,}"
    fewest = "" if pd.isna(low) else f"between {int(low):,} and {top}, "
    return f"in {last['layer']}, {int(needed):,} networks give {wanted} ({fewest}{judged})"


PLANNED = ["n_networks", "n_stimuli", "half_width", "ci_low", "ci_high", "subsets_sd", "predicted_sd"]
"""Columns of the table `howmany` for each planned number of networks and stimuli."""


def _planned(values: Floats, n: int, found: Precision, plan: Plan) -> list[dict[str, float | None]]:
    """Return a row for each planned number of networks, on these stimuli and then on each planned number of stimuli."""
    numbers = np.array(sorted({*plan.networks, n}))
    rows = []
    for n_stimuli in [None, *(plan.stimuli if np.isfinite(found.of_stimuli) else ())]:
        for number, *widths in zip(numbers.tolist(), *found.half_widths(numbers, n_stimuli), strict=True):
            checked = n_stimuli is None and number < n
            rows.append(
                {
                    "n_networks": number,
                    "n_stimuli": n_stimuli,
                    **dict(zip(("half_width", "ci_low", "ci_high"), widths, strict=True)),
                    "subsets_sd": subset_deviation(values, n, number, plan) if checked else None,
                    "predicted_sd": predicted_deviation(found.whole, n, number) if checked else None,
                }
            )
    return rows
