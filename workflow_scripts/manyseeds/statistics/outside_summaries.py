"""Summaries of agreement with RDMs from outside: intervals for new networks, stimuli and subjects (methods 13)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from manyseeds.comparison.consistency import mean_along_first_axis
from manyseeds.comparison.outside import Compared, without_undefined
from manyseeds.io.files import atomic_path
from manyseeds.statistics.flips import flip, flip_of_means, networks_needed
from manyseeds.statistics.resampling import QUANTILES

Floats = NDArray[np.float64]
Row = dict[str, Any]

METHODS = ("networks", "stimuli", "subjects", "all")
"""What is new in the population that an interval is about."""

KS = (1, 2, 3, 5, 10)
"""Numbers of networks whose means are compared in `outside_conclusions`."""


@dataclass(frozen=True)
class Errors:
    """Squared standard errors of a mean over networks and subjects.

    Attributes
    ----------
    variances
        By method of `METHODS` but `all`; NaN where there is nothing to vary.
    n_networks, n_subjects
        Numbers from which degrees of freedom follow.
    """

    variances: Mapping[str, float]
    n_networks: int
    n_subjects: int

    def half_width(self, method: str) -> float:
        """Return half the width of a 95 % interval; NaN where it is not defined.

        That of `all` adds the variances. Each has its interactions in it, so the sum is at least the truth. With a
        single subject it says nothing about others. Without resampled stimuli it is not defined.
        """
        freedom = {"subjects": self.n_subjects - 1}.get(method, self.n_networks - 1)
        variance = self.variances.get(method, np.nan)
        if method == "all":
            several = self.n_subjects > 1
            freedom = min(self.n_networks, self.n_subjects if several else self.n_networks) - 1
            variance = sum(self.variances[each] for each in METHODS[:-1] if several or each != "subjects")
        return float(special.stdtrit(freedom, QUANTILES[1]) * np.sqrt(variance)) if freedom > 0 else np.nan


def errors_of(values: Floats, draws: Floats, n_stimuli: int) -> Errors:
    """Return the errors of the mean of values (N, S), given its draws (B,) on resampled stimuli."""
    n_networks, n_subjects = values.shape
    variances = {
        "networks": _variance_of_mean(_means(values)),
        "subjects": _variance_of_mean(_means(values.T)),
        "stimuli": _variance_of_draws(draws, n_stimuli),
    }
    return Errors(variances, n_networks, n_subjects)


def _variance_of_mean(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else np.nan


def _variance_of_draws(draws: Floats, n_stimuli: int) -> float:
    """Return the variance over draws of m stimuli, times m / (m - 1): that of the bootstrap is too small by this."""
    return float(draws.var(ddof=1) * n_stimuli / (n_stimuli - 1)) if len(draws) > 1 and n_stimuli > 1 else np.nan


def value_rows(
    compared: Iterable[Compared], seeds: Sequence[int], subjects: Mapping[str, Sequence[str]]
) -> Iterator[Row]:
    """Yield rows of the table `outside`: of each network and of the mean RDM, over subjects and, if several, of each.

    Parameters
    ----------
    subjects
        Names of the subjects of each file.
    """
    for each in compared:
        counts = {"n_stimuli": each.n_stimuli, "n_entries": each.n_entries, "n_undefined": each.n_undefined}
        names = subjects[each.keys["file"]]
        for seed, values in [*zip(seeds, each.values, strict=True), (None, each.ensemble)]:
            yield each.keys | counts | {"seed": seed, "subject": None, "value": _means(values[None])[0]}
            for name, value in zip(names, values, strict=True) if len(names) > 1 else ():
                yield each.keys | counts | {"seed": seed, "subject": name, "value": value}


def summary_rows(
    compared: Iterable[Compared], ceilings: Mapping[tuple[str, str], tuple[float, float]]
) -> Iterator[Row]:
    """Yield rows of the table `outside_summary`, one for each method of an interval.

    Parameters
    ----------
    ceilings
        Noise ceiling of each file and comparison.
    """
    compared = list(compared)
    shares = best_shares(compared)
    for place, each in enumerate(compared):
        of_networks, errors = _means(each.defined), errors_of(each.defined, each.draws, each.n_stimuli)
        low, high = ceilings[each.keys["file"], each.keys["comparison"]]
        mean = of_networks.mean() if len(of_networks) else np.nan
        row = each.keys | {
            "n_networks": errors.n_networks,
            "n_subjects": errors.n_subjects,
            "n_stimuli": each.n_stimuli,
            "mean": mean,
            "sd": of_networks.std(ddof=1) if len(of_networks) > 1 else np.nan,
            "min": of_networks.min() if len(of_networks) else np.nan,
            "max": of_networks.max() if len(of_networks) else np.nan,
            "ensemble": _means(each.ensemble[None])[0],
            "best_share": shares[place],
            "ceiling_low": low,
            "ceiling_high": high,
        }
        for method in METHODS:
            half = errors.half_width(method)
            drawn = len(each.draws) if method in ("stimuli", "all") and len(each.draws) else None
            yield row | {
                "ci_method": method,
                "n_resamples": drawn,
                "ci_low": mean - half,
                "ci_high": mean + half,
            }


def _means(values: Floats) -> Floats:
    """Return means (N,) over the defined subjects of values (N, S); NaN for networks without any."""
    return mean_along_first_axis(values.T)


def best_shares(compared: Sequence[Compared]) -> list[float]:
    """Return the share of networks whose values are highest in a layer, for each layer among those of the same keys.

    A network with equal values in several layers counts in the first of them. One without any defined value is left
    out.
    """

    def keys(each: Compared) -> tuple[Any, ...]:
        return tuple(each.keys[name] for name in ("file", "comparison", "measure"))

    shares = [np.nan] * len(compared)
    for one in dict.fromkeys(map(keys, compared)):
        places = [place for place, each in enumerate(compared) if keys(each) == one]
        values = np.stack([_means(compared[place].values) for place in places])
        values = values[:, ~np.isnan(values).all(axis=0)]
        if values.size == 0:
            continue
        best = np.nanargmax(values, axis=0)
        for layer, place in enumerate(places):
            shares[place] = float(np.mean(best == layer))
    return shares


# Conclusions on two groups


@dataclass(frozen=True)
class GroupOfNetworks:
    """A group of networks in one layer, compared with one file by one comparison and measure."""

    architecture: str
    condition: str
    compared: Compared

    @property
    def name(self) -> str:
        """Name in the table `outside_conclusions`."""
        return f"{self.architecture}/{self.condition}/{self.compared.keys['layer']}"


def conclusion_rows(groups: Sequence[GroupOfNetworks]) -> Iterator[Row]:
    """Yield rows of the table `outside_conclusions`, for each pair of groups and number of networks.

    The first group of a pair is the one whose mean is higher.

    Parameters
    ----------
    groups
        Groups with the same file, comparison and measure. Their networks may be the same, in two layers.
    """
    for pair in combinations(groups, 2):
        if any(group.compared.defined.size == 0 for group in pair):
            continue
        better, worse = sorted(pair, key=lambda group: -group.compared.defined.mean())
        of_better, of_worse = (_means(group.compared.defined) for group in (better, worse))
        if not np.isfinite([of_better.mean(), of_worse.mean()]).all():
            continue
        several = min(len(of_better), len(of_worse)) > 1
        errors, found = _errors_of_difference(better, worse), flip(of_better, of_worse)
        difference, half = of_better.mean() - of_worse.mean(), errors.half_width("all")
        keys = {name: better.compared.keys[name] for name in ("file", "comparison", "measure")}
        row = keys | {
            "group_a": better.name,
            "group_b": worse.name,
            "difference": difference,
            "ci_low": difference - half,
            "ci_high": difference + half,
            "flip": found.observed,
            "flip_normal": found.normal,
            "flip_low": found.low,
            "flip_high": found.high,
            "k_needed": networks_needed(of_better, of_worse) if several else None,
        }
        for k in KS:
            yield row | {"k": k, "flip_of_means": flip_of_means(of_better, of_worse, k) if several else np.nan}


def _errors_of_difference(better: GroupOfNetworks, worse: GroupOfNetworks) -> Errors:
    """Return the errors of a difference of means, paired over stimuli and subjects.

    It is also paired over networks if these are the same in two layers.
    """
    one, other = better.compared, worse.compared
    same = (better.architecture, better.condition) == (worse.architecture, worse.condition)
    draws = one.draws - other.draws if one.draws.size == other.draws.size else np.empty(0)
    if same:
        return errors_of(without_undefined(one.values - other.values), draws, one.n_stimuli)
    of_networks = sum(_variance_of_mean(_means(each.defined)) for each in (one, other))
    differences = _means(one.values.T) - _means(other.values.T)
    differences = differences[~np.isnan(differences)]
    variances = {
        "networks": of_networks,
        "subjects": _variance_of_mean(differences),
        "stimuli": _variance_of_draws(draws, one.n_stimuli),
    }
    return Errors(variances, min(len(one.defined), len(other.defined)), len(differences))


# Files between jobs


def save_compared(path: Path | str, compared: Sequence[Compared]) -> None:
    """Write what conclusions need of a group to an NPZ file."""
    names = ("file", "comparison", "layer", "layer_index", "measure", "n_stimuli")
    rows = [[str((each.keys | {"n_stimuli": each.n_stimuli})[name]) for name in names] for each in compared]
    arrays: dict[str, NDArray] = {"names": np.array(names), "keys": np.array(rows, dtype=str).reshape(-1, len(names))}
    for place, each in enumerate(compared):
        arrays |= {f"values{place}": each.values, f"draws{place}": each.draws}
    with atomic_path(path) as partial:
        np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType] no array is named allow_pickle


def load_compared(path: Path | str) -> list[Compared]:
    """Read a file of `save_compared`; numbers of entries and the ensemble are not in it."""
    with np.load(path) as file:
        found = []
        for place, row in enumerate(file["keys"].tolist()):
            keys: Row = dict(zip(file["names"].tolist(), row, strict=True))
            keys["layer_index"], n_stimuli = int(keys["layer_index"]), int(keys.pop("n_stimuli"))
            values, draws = file[f"values{place}"], file[f"draws{place}"]
            found.append(Compared(keys, values, np.empty(0), draws, n_stimuli, 0, 0))
        return found


def tables_of_conclusions(files: Mapping[tuple[str, str], Path | str]) -> pd.DataFrame:
    """Return the table `outside_conclusions` from the files of all groups, by architecture and condition."""
    groups: dict[tuple[str, str, str], list[GroupOfNetworks]] = {}
    for (architecture, condition), path in files.items():
        for each in load_compared(path):
            key = (each.keys["file"], each.keys["comparison"], each.keys["measure"])
            groups.setdefault(key, []).append(GroupOfNetworks(architecture, condition, each))
    return pd.DataFrame([row for members in groups.values() for row in conclusion_rows(members)])
