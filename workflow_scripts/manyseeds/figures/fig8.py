"""Accuracy, consistency and category clustering by rate of dropout (Mehrer et al. 2020, fig. 8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from manyseeds.errors import StudyError
from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    Tables,
    architecture_name,
    count,
    images_note,
    last_epoch,
    network_counts,
    rows_of,
    shortened,
    stimuli_words,
    unbroken,
)
from manyseeds.study.instances import shown_conditions

NO_SWEEP = "dropout.rates: fig8 needs networks trained at several rates of dropout; set the config key dropout.rates."
LIKE_THE_BASELINE = ["vary", "cross", "perturb", "images", "categories"]
"""Columns of `instances` in which the conditions of a sweep do not differ."""

ROW_MM = 48.0
WIDTHS = (1.0, 1.35, 0.85, 1.0)
MOST_TICKS = 5
SHIFT = 0.02
"""Distance between the curves of a panel, as a share of the range of rates."""
MARGIN = 0.08
"""Free space beside the points, as a share of the range of rates."""
RATE_LABEL = "Dropout probability p"
MAP_COLOURS = "cividis"
UNDEFINED_GREY = "#E3E3E3"

ACCURACIES = {
    "train": ("a: training images", style.Series(style.SKY_BLUE, "v", "-")),
    "test": ("a: test images", style.Series(style.ORANGE, "s", "-")),
    "test_dropout": ("a: test images, dropout on", style.Series(style.VERMILLION, "^", "--")),
}
"""Name and look of each split."""
KINDS = {
    "exemplar": ("d: exemplars", style.Series(style.BLUE, "o", "-")),
    "centroid": ("d: category centroids", style.Series(style.GREEN, "D", "-")),
}
"""Name and look of each kind of RDM entries."""
CLUSTERING = style.Series(style.BLACK, "o", "-")


@dataclass(frozen=True)
class Sweep:
    """Conditions of one architecture that differ only in their rate of dropout."""

    architecture: str
    rates: dict[str, float]
    """Rate of each condition, ascending."""

    @property
    def title(self) -> str:
        """Name of the architecture."""
        return architecture_name(self.architecture)

    def groups(self) -> Iterator[tuple[float, Group]]:
        """Yield each rate with its networks."""
        for condition, rate in self.rates.items():
            yield rate, Group(self.architecture, condition, self.title)

    def rows(self, table: pd.DataFrame, **equal: object) -> pd.DataFrame:
        """Return the rows of the last epoch with the given values, sorted by rate (new column `dropout`).

        `table` has columns architecture, condition and epoch.
        """
        latest = last_epoch(table)
        return pd.concat([rows_of(latest, group, **equal).assign(dropout=rate) for rate, group in self.groups()])


def draw(tables: Tables) -> Figure:
    """Draw one row of panels per architecture that has a sweep.

    Columns: accuracy; consistency by rate and number of dropout samples; clustering of the penultimate layer;
    consistency of exemplars and of centroids with dropout off.
    """
    summary = tables["consistency_summary"]
    sweeps = list(find_sweeps(tables["instances"]))
    if not sweeps:
        raise StudyError(NO_SWEEP)
    sweeps = [sweep for sweep in sweeps if len(sweep.rows(summary))]  # nothing to compare in others
    if not sweeps:
        raise NothingToDraw
    measure = shown_measure(summary)
    maps = [consistency_map(summary, sweep, measure) for sweep in sweeps]
    colours = Normalize(*_limits(maps))
    figure = style.new_figure(style.PAGE_MM, len(sweeps) * ROW_MM)
    grid = figure.subplots(len(sweeps), len(WIDTHS), squeeze=False, width_ratios=WIDTHS)
    for sweep, shown, (accuracy, averages, clustering, levels) in zip(sweeps, maps, grid, strict=True):
        _draw_accuracies(accuracy, tables["accuracy_summary"], sweep)
        _draw_map(averages, shown, colours)
        _draw_clustering(clustering, tables["clustering_summary"], sweep, measure)
        _draw_levels(levels, summary, sweep, measure)
    style.letter_rows(grid)
    style.legend_above(figure, grid[0, [0, 3]])
    stimuli = stimuli_words(tables["consistency_summary"])
    style.footnote(
        figure,
        [
            *_notes(sweeps, maps, tables["instances"]),
            _remark(measure, stimuli),
            *_method_notes(tables, sweeps, measure),
        ],
    )
    return figure


# What is shown


def find_sweeps(instances: pd.DataFrame) -> Iterator[Sweep]:
    """Yield the sweep of each architecture that has one.

    It consists of the baseline and the conditions that differ from it only in a rate of dropout above 0.
    """
    for architecture, rows in instances.dropna(subset=["dropout"]).groupby("architecture", sort=False):
        conditions = rows.drop_duplicates("condition").set_index("condition")
        baseline = shown_conditions(list(conditions.index))[0]
        settings = conditions[LIKE_THE_BASELINE].astype(object).fillna("")
        alike = (settings == settings.loc[baseline]).all(axis=1)
        swept = conditions[alike & ((conditions["dropout"] > 0) | (conditions.index == baseline))]
        rates = swept["dropout"].astype(float).drop_duplicates().sort_values()
        if len(rates) > 1:
            yield Sweep(str(architecture), {str(condition): rate for condition, rate in rates.items()})


@dataclass(frozen=True)
class ConsistencyMap:
    """Mean exemplar consistency of one layer: rows are rates, columns numbers of dropout samples.

    Columns are 1, 2, ... and last 0 (dropout off).
    """

    layer: str
    means: pd.DataFrame

    def highest(self) -> tuple[float, int] | None:
        """Return rate and number of samples of the highest consistency; None if none is defined.

        At rate 0 all numbers of samples have the same value, and 0 is returned.
        """
        defined = self.means.stack().dropna()
        if defined.empty:
            return None
        rate, n_samples = cast(tuple[float, int], defined.idxmax())  # row and column
        return float(rate), int(n_samples) if rate else 0


def shown_measure(summary: pd.DataFrame) -> str:
    """Return the main measure of RDMs averaged over dropout samples, or of all RDMs if none were."""
    sampled = summary[summary["dropout_samples"] > 0]
    return main_measure((sampled if len(sampled) else summary)["measure"].unique())


def consistency_map(summary: pd.DataFrame, sweep: Sweep, measure: str) -> ConsistencyMap:
    """Return the map of the last layer with RDMs averaged over dropout samples, or of the last layer.

    At rate 0 all masks are the same, so every number of samples has the value of dropout off.
    """
    rows = sweep.rows(summary, kind="exemplar", measure=measure, normalisation="none", ci_method="pairs")
    sampled = rows[rows["dropout_samples"] > 0]
    candidates = sampled if len(sampled) else rows
    last = candidates["layer_index"].max()
    shown = rows[rows["layer_index"] == last]
    means = shown.pivot(index="dropout", columns="dropout_samples", values="mean")
    means = means.reindex(sweep.rates.values())[sorted(means.columns, key=lambda k: (k == 0, k))]
    if 0.0 in means.index:
        means.loc[0.0] = means.loc[0.0, 0]
    return ConsistencyMap(str(shown["layer"].iloc[0]), means)


def accuracies(summary: pd.DataFrame, sweep: Sweep, split: str) -> pd.DataFrame:
    """Return `accuracy_summary` by rate; at rate 0 the tests with and without dropout are the same."""
    rows = bars.of_methods(sweep.rows(summary, split=split, subset="all"))
    if split != "test_dropout":
        return rows
    test = accuracies(summary, sweep, "test")
    return pd.concat([test[test["dropout"] == 0], rows])


def penultimate(summary: pd.DataFrame, sweep: Sweep, measure: str) -> pd.DataFrame:
    """Return `clustering_summary` of the last layer but one by rate, or of the only layer."""
    rows = bars.of_methods(sweep.rows(summary, measure=measure, normalisation="none"))
    return rows[rows["layer_index"] == sorted(rows["layer_index"].unique())[-2:][0]]


def last_layer(summary: pd.DataFrame, sweep: Sweep, measure: str, kind: str) -> pd.DataFrame:
    """Return `consistency_summary` of the last layer with dropout off by rate."""
    rows = bars.of_methods(sweep.rows(summary, kind=kind, measure=measure, normalisation="none", dropout_samples=0))
    return rows[rows["layer_index"] == rows["layer_index"].max()]


# Panels


def _draw_accuracies(axes: Axes, summary: pd.DataFrame, sweep: Sweep) -> None:
    for place, (split, (label, series)) in enumerate(ACCURACIES.items()):
        rows = accuracies(summary, sweep, split)
        depth.draw_means(axes, rows["dropout"] + _shift(sweep, place - 1), rows, series, label=label)
    axes.set_title(sweep.title)
    axes.set_ylim(0.0, 1.03)
    axes.set_ylabel("Accuracy")
    _rate_axis(axes, sweep)


def _draw_map(axes: Axes, shown: ConsistencyMap, colours: Normalize) -> None:
    """Draw one cell per rate and number of samples, the highest framed; rates increase upwards."""
    values = shown.means.to_numpy(float)
    axes.set_facecolor(UNDEFINED_GREY)
    image = axes.imshow(values, cmap=MAP_COLOURS, norm=colours, origin="lower", aspect="auto")
    axes.figure.colorbar(image, ax=axes, label=depth.CONSISTENCY_LABEL, fraction=0.06, pad=0.03)
    if (highest := shown.highest()) is not None:
        places = shown.means.index.get_loc(highest[0]), shown.means.columns.get_loc(highest[1])
        row, column = cast(tuple[int, int], places)  # labels are unique
        look = {"fill": False, "edgecolor": style.BLACK, "linewidth": 0.8, "clip_on": False, "zorder": 3}
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **look))
    axes.axvline(len(shown.means.columns) - 1.5, color="white", linewidth=1.5)
    names = ["off" if k == 0 else str(k) for k in shown.means.columns]
    axes.set_xticks(np.arange(len(names)), names)
    axes.set_yticks(np.arange(len(shown.means)), [f"{rate:g}" for rate in shown.means.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(shortened(shown.layer))
    axes.set_xlabel("RDM samples averaged")
    axes.set_ylabel(RATE_LABEL)


def _draw_clustering(axes: Axes, summary: pd.DataFrame, sweep: Sweep, measure: str) -> None:
    rows = penultimate(summary, sweep, measure)
    depth.draw_means(axes, rows["dropout"], rows, CLUSTERING, label="clustering")
    axes.set_title(shortened(str(rows["layer"].iloc[0])))
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), max(0.0, axes.get_ylim()[1]))
    axes.set_ylabel("Category clustering index")
    _rate_axis(axes, sweep)


def _draw_levels(axes: Axes, summary: pd.DataFrame, sweep: Sweep, measure: str) -> None:
    levels = [last_layer(summary, sweep, measure, kind) for kind in KINDS]
    for place, (rows, (label, series)) in enumerate(zip(levels, KINDS.values(), strict=True)):
        depth.draw_means(axes, rows["dropout"] + _shift(sweep, place - 0.5), rows, series, label=label)
    depth.consistency_axis(axes)
    axes.set_title(shortened(str(levels[-1]["layer"].iloc[0])))
    axes.set_ylabel(depth.CONSISTENCY_LABEL)
    _rate_axis(axes, sweep)


def _shift(sweep: Sweep, places: float) -> float:
    """Return the distance of a curve from the rates, so that error bars do not overlap."""
    lowest, *_, highest = sweep.rates.values()
    return SHIFT * (highest - lowest) * places


def _rate_axis(axes: Axes, sweep: Sweep) -> None:
    lowest, *_, highest = sweep.rates.values()
    margin = MARGIN * (highest - lowest)
    axes.set_xlim(lowest - margin, highest + margin)
    axes.locator_params(axis="x", nbins=MOST_TICKS)
    axes.set_xlabel(RATE_LABEL)


def _limits(maps: list[ConsistencyMap]) -> tuple[float, float]:
    """Return the lowest and highest consistency of all maps, which share their colours."""
    values = np.concatenate([shown.means.to_numpy(float).ravel() for shown in maps])
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)


# Notes


def _notes(sweeps: list[Sweep], maps: list[ConsistencyMap], instances: pd.DataFrame) -> Iterator[str]:
    """Yield one line per sweep: numbers of networks by rate, and the place of the highest consistency."""
    for sweep, shown in zip(sweeps, maps, strict=True):
        few = " Two rates say nothing about the course between them." if len(sweep.rates) == 2 else ""
        yield f"{sweep.title}: {_numbers(sweep, instances)}. b, {_highest(shown)}{few}"


def _remark(measure: str, stimuli: str) -> str:
    return (
        f"RDMs{stimuli}, {MEASURE_NAMES[measure]}, after the last epoch. b: averages over dropout masks that all "
        "networks and stimuli share. Values are means over windows of successive masks. Column off in b, and c and d: "
        "dropout in training only. At p = 0 masks change nothing. Colours span the values of b, which has no intervals."
    )


def _numbers(sweep: Sweep, instances: pd.DataFrame) -> str:
    """Return numbers of accepted and collapsed networks, once for successive rates with equal numbers."""
    numbers = [(network_counts(group, instances), rate) for rate, group in sweep.groups()]
    runs = [(number, [rate for _, rate in run]) for number, run in groupby(numbers, key=lambda item: item[0])]
    if len(runs) == 1:
        return f"{runs[0][0]} at every p"
    return "; ".join(f"{number} at {unbroken(f'p = {_span(rates)}')}" for number, rates in runs)


def _span(rates: list[float]) -> str:
    return f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g} to {rates[-1]:g}"


def _highest(shown: ConsistencyMap) -> str:
    highest = shown.highest()
    if highest is None:
        return "no consistency is defined."
    rate, n_samples = highest
    facts = [unbroken(f"p = {rate:g}"), *([count(n_samples, "RDM sample")] if n_samples else [])]
    return f"framed: highest, {shown.means.at[rate, n_samples]:.3f} ({', '.join(facts)})."


def _method_notes(tables: Tables, sweeps: list[Sweep], measure: str) -> list[str]:
    """Return notes on the kinds of error bars, and on the test images."""
    of_networks = pd.concat([accuracies(tables["accuracy_summary"], sweep, "test") for sweep in sweeps])
    of_pairs = pd.concat([last_layer(tables["consistency_summary"], sweep, measure, "exemplar") for sweep in sweeps])
    notes = [bars.note(of_networks, of="networks", panels="a, c"), bars.note(of_pairs, panels="d")]
    return [" ".join(dict.fromkeys(notes)), images_note(tables["accuracy_summary"])]
