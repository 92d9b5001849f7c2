"""Networks during training: all epochs against all, and epoch by epoch.

After Mehrer et al. (2020), fig. 9 and supp. 8.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.transforms import Transform

from manyseeds.figures import bars, depth, style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.relation import relation_note
from manyseeds.figures.selection import (
    MEASURE_NAMES,
    Group,
    Tables,
    accuracy_note,
    groups,
    networks_note,
    rows_of,
    shortened,
    stimuli_words,
    without_dropout,
)

RELATION = "consistency_accuracy_over_epochs"
KIND_NAMES = {"exemplar": "Exemplar RDMs", "centroid": "RDMs of category centroids"}
EPOCH_LABEL = "Epochs of training"
ACCURACY_LABEL = "Test accuracy"
MATRIX_MM = 68.0
COURSE_MM = 44.0
MATRIX_COLOURS = "cividis"
CONSISTENCY = style.Series(style.BLUE, "o", "-")
ACCURACY = style.Series(style.VERMILLION, "^", "--")
LEAST_DISTANCE = 0.11
"""Smallest distance of two epochs that are named below an axis, as a share of its length."""

Panel = Callable[[Axes], None]


@dataclass(frozen=True)
class Trajectory:
    """One group of networks in the deepest layer that was analysed during training.

    Attributes
    ----------
    pairs
        Its rows of `consistency_across`.
    course
        One row per epoch: epoch, and mean, ci_low and ci_high of consistency and (suffix _accuracy) of test accuracy.
        Accuracies are null if networks were not tested.
    """

    group: Group
    layer: str
    pairs: pd.DataFrame
    course: pd.DataFrame

    @property
    def title(self) -> str:
        """Names of the group and its layer."""
        return f"{self.group.title}, {shortened(self.layer)}"

    @property
    def parts(self) -> dict[str, list[int]]:
        """Epochs of each matrix."""
        return parts_of_training(self.course["epoch"].tolist())

    @property
    def related(self) -> pd.DataFrame:
        """The epochs of `course` that were analysed, but for 0: the points of the relation with accuracy."""
        analysed = self.course["epoch"].isin([*self.pairs["epoch_a"], *self.pairs["epoch_b"]])
        return self.course[analysed & (self.course["epoch"] > 0)]

    @property
    def is_tested(self) -> bool:
        """Whether there are accuracies."""
        return bool(self.course["mean_accuracy"].notna().any())


def draw_trajectories(tables: Tables, kind: str) -> Figure:
    """Draw matrices of all epochs and instances; consistency and accuracy by epoch, and their relation.

    Rows are architectures.

    Parameters
    ----------
    tables
        `consistency_across`, `consistency_summary`, `accuracy_summary`, `relations` and `instances`.
    kind
        Kind of the compared RDM entries: exemplar or centroid.
    """
    measure = main_measure(_within_conditions(tables)["measure"])
    shown = trajectories(tables, kind, measure)
    rows = [list(_rows_of_panels(trajectory)) for trajectory in shown]
    heights = [height for group_rows in rows for height, _ in group_rows]
    figure = style.new_figure(style.PAGE_MM, sum(heights))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    places, lettered = iter(grid), []
    for trajectory, group_rows in zip(shown, rows, strict=True):
        axes = [axes for _, panels in group_rows for axes in _draw_row(figure, next(places), panels)]
        lettered.append([axes[0], *axes[len(trajectory.parts) :]])  # one letter for all matrices
    style.letter_rows(lettered, left_pt=30)
    notes = [_note(tables, trajectory, kind, measure) for trajectory in shown]
    style.footnote(figure, [*notes, _remark(shown, tables, kind, measure)])
    return figure


# What is shown


def trajectories(tables: Tables, kind: str, measure: str) -> list[Trajectory]:
    """Return the groups that were analysed at several epochs.

    Raises
    ------
    NothingToDraw
        If there are none.
    """
    pairs = _within_conditions(tables)
    pairs = pairs[(pairs["kind"] == kind) & (pairs["measure"] == measure)]
    found = []
    for group in groups(pairs):
        rows = rows_of(pairs, group)
        deepest = rows[rows["layer_index"] == rows["layer_index"].max()]
        layer = str(deepest["layer"].iloc[0])
        course = _course(tables, group, layer=layer, kind=kind, measure=measure)
        if parts_of_training(course["epoch"].tolist()):
            found.append(Trajectory(group, layer, deepest, course))
    if not found:
        raise NothingToDraw
    return found


def _within_conditions(tables: Tables) -> pd.DataFrame:
    """Return the rows of `consistency_across` within one condition, with a column `condition`."""
    across = tables["consistency_across"]
    return across[across["condition_a"] == across["condition_b"]].rename(columns={"condition_a": "condition"})


def _course(tables: Tables, group: Group, **statistic: str) -> pd.DataFrame:
    columns = ["epoch", "mean", "ci_low", "ci_high", "is_range", "ci_method"]
    summary = without_dropout(tables["consistency_summary"])
    consistency = bars.of_methods(rows_of(summary, group, **statistic, normalisation="none"))
    consistency = consistency[[*columns, "inner_low", "inner_high", "n_resamples"]]
    accuracy = bars.of_methods(rows_of(tables["accuracy_summary"], group, split="test", subset="all"))[columns]
    course = consistency.merge(
        accuracy.astype(consistency.dtypes[columns]), "left", on="epoch", suffixes=("", "_accuracy")
    )
    return course.sort_values("epoch")


def early_epochs(epochs: Sequence[int]) -> list[int]:
    """Return the first epoch after 0, and the epochs that follow it without a gap."""
    trained = sorted(epoch for epoch in epochs if epoch > 0)
    return [epoch for place, epoch in enumerate(trained) if epoch == trained[0] + place]


def parts_of_training(epochs: Sequence[int]) -> dict[str, list[int]]:
    """Return the epochs of each matrix by its title: the early ones; the first one and all after these.

    A part with a single epoch is left out, because it has nothing to compare.
    """
    early = early_epochs(epochs)
    later = sorted(epoch for epoch in epochs if early and epoch > early[-1])
    parts = {"early epochs": early, "whole training": [*early[:1], *later]} if later else {"whole training": early}
    return {name: part for name, part in parts.items() if len(part) > 1}


def block_matrix(pairs: pd.DataFrame, epochs: Sequence[int]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the consistencies of all networks at some epochs as a matrix.

    Parameters
    ----------
    pairs
        Rows of one statistic of `consistency_across`.

    Returns
    -------
    The points (epoch, seed), sorted, and the symmetric matrix (n_points, n_points) with ones on its diagonal; NaN where
    undefined.
    """
    rows = pairs[pairs["epoch_a"].isin(epochs) & pairs["epoch_b"].isin(epochs)]
    ends = [rows[[f"epoch_{end}", f"seed_{end}"]].set_axis(["epoch", "seed"], axis=1) for end in "ab"]
    points = pd.concat(ends).drop_duplicates().sort_values(["epoch", "seed"]).reset_index(drop=True)
    place = {point: k for k, point in enumerate(points.itertuples(index=False, name=None))}
    first, second = ([place[point] for point in end.itertuples(index=False, name=None)] for end in ends)
    matrix = np.eye(len(points))
    matrix[first, second] = matrix[second, first] = rows["consistency"].to_numpy(float)
    return points, matrix


# Panels


def _rows_of_panels(trajectory: Trajectory) -> Iterator[tuple[float, list[Panel]]]:
    """Yield height and panels of each row of a group: two panels, the first a matrix, then the others."""
    panels: list[Panel] = [partial(_draw_matrix, trajectory, part) for part in trajectory.parts]
    panels.append(partial(_draw_consistency, trajectory))
    if trajectory.is_tested:
        panels += [partial(_draw_accuracy, trajectory), partial(_draw_relation, trajectory)]
    yield MATRIX_MM, panels[:2]
    if panels[2:]:
        yield COURSE_MM, panels[2:]


def _draw_row(figure: Figure, place: SubplotSpec, panels: Sequence[Panel]) -> list[Axes]:
    axes = [figure.add_subplot(part) for part in place.subgridspec(1, len(panels))]
    for draw, panel in zip(panels, axes, strict=True):
        draw(panel)
    return axes


def _draw_matrix(trajectory: Trajectory, part: str, axes: Axes) -> None:
    points, matrix = block_matrix(trajectory.pairs, trajectory.parts[part])
    image = axes.imshow(matrix, cmap=MATRIX_COLOURS, vmin=0.0, vmax=1.0)
    axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0.1, 0.035, 0.8)), label=depth.CONSISTENCY_LABEL)
    sizes = points.groupby("epoch").size()
    ends = np.cumsum(sizes.to_numpy())
    for edge in ends[:-1] - 0.5:
        axes.axhline(edge, color="white", linewidth=0.4)
        axes.axvline(edge, color="white", linewidth=0.4)
    labels = [str(epoch) for epoch in sizes.index]
    axes.set_xticks(ends - sizes.to_numpy() / 2 - 0.5, labels)
    axes.set_yticks(ends - sizes.to_numpy() / 2 - 0.5, labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"{EPOCH_LABEL}, instances within")
    axes.set_ylabel(f"{EPOCH_LABEL}, instances within")
    axes.set_title(f"{trajectory.title}: {part}")


def _draw_consistency(trajectory: Trajectory, axes: Axes) -> None:
    _draw_course(axes, trajectory.course, CONSISTENCY)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(depth.CONSISTENCY_LABEL)
    axes.set_title(trajectory.title)


def _draw_accuracy(trajectory: Trajectory, axes: Axes) -> None:
    _draw_course(axes, trajectory.course, ACCURACY, "_accuracy")
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(ACCURACY_LABEL)
    axes.set_title(trajectory.group.title)


def _draw_course(axes: Axes, course: pd.DataFrame, series: style.Series, suffix: str = "") -> None:
    """Draw means with intervals against epochs, on an axis that is logarithmic from epoch 1 on."""
    epochs = course["epoch"].to_numpy(float)
    depth.draw_means(axes, epochs, _without_suffix(course, suffix), series, label="")
    epoch_axis(axes, epochs)


def epoch_axis(axes: Axes, epochs: np.ndarray) -> None:
    """Make an axis of epochs (E,), ascending, which is logarithmic from epoch 1 on."""
    axes.set_xscale("symlog", linthresh=1.0)
    axes.minorticks_off()
    scale = axes.xaxis.get_transform()
    axes.set_xlim(*_with_margin(scale, epochs))
    named = named_epochs(epochs.tolist(), scale.transform(epochs).tolist())
    axes.set_xticks(named, [f"{epoch:g}" for epoch in named])
    axes.set_xlabel(f"{EPOCH_LABEL} (log scale)" if len(epochs) > 1 else EPOCH_LABEL)


def _with_margin(scale: Transform, epochs: np.ndarray) -> np.ndarray:
    """Return limits a little beyond the epochs."""
    low, high = scale.transform(epochs[[0, -1]])
    margin = 0.05 * (high - low) or 0.1
    return scale.inverted().transform(np.array([low - margin, high + margin]))


def named_epochs(epochs: Sequence[float], positions: Sequence[float]) -> list[float]:
    """Return the epochs whose names have room: the last, and earlier ones that are far enough apart.

    `positions` are those of the epochs on the axis, ascending.
    """
    room = LEAST_DISTANCE * (positions[-1] - positions[0])
    named, limit = [epochs[-1]], positions[-1] - room
    for epoch, position in zip(reversed(epochs[:-1]), reversed(positions[:-1]), strict=True):
        if position <= limit:
            named.append(epoch)
            limit = position - room
    return named[::-1]


def _draw_relation(trajectory: Trajectory, axes: Axes) -> None:
    """Draw one point per epoch, joined in order; name the first and the last."""
    course = trajectory.related.dropna(subset=["mean", "mean_accuracy"])
    x, y = course["mean_accuracy"].to_numpy(float), course["mean"].to_numpy(float)
    axes.plot(x, y, color=style.GREY, linewidth=0.4, zorder=1)
    axes.errorbar(
        x,
        y,
        xerr=_half_widths(course, "_accuracy"),
        yerr=_half_widths(course),
        color=style.BLUE,
        ecolor=style.GREY if course["is_range"].astype(bool).any() else style.BLUE,
        marker="o",
        linestyle="none",
        elinewidth=0.6,
        capsize=0,
        zorder=3,
    )
    for place, neighbour in ((0, 1), (-1, -2)) if len(course) > 1 else ((0, 0),):
        above_pt = -8 if y[neighbour] > y[place] else 3  # away from the next point and its error bar
        axes.annotate(
            f"epoch {course['epoch'].iloc[place]}",
            (x[place], y[place]),
            xytext=(3, above_pt),
            textcoords="offset points",
            fontsize=style.SMALLEST_PT,
        )
    axes.margins(x=0.15)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel(ACCURACY_LABEL)
    axes.set_ylabel(depth.CONSISTENCY_LABEL)
    axes.set_title(trajectory.title)


def _without_suffix(course: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """Return the columns of one of the two means under their plain names; accuracies have no ticks."""
    names = ["mean", "ci_low", "ci_high", "is_range", "ci_method", "inner_low", "inner_high"]
    plain = {name: course.get(name + suffix, np.nan) for name in names}
    return pd.DataFrame(plain, index=course.index)


def _half_widths(course: pd.DataFrame, suffix: str = "") -> np.ndarray:
    """Return the lengths (2, n) of the intervals below and above the means."""
    mean, low, high = (course[column + suffix].to_numpy(float) for column in ("mean", "ci_low", "ci_high"))
    # A percentile interval can miss its own mean by rounding; matplotlib refuses negative lengths.
    return np.clip([mean - low, high - mean], 0.0, None)


# Notes


def _note(tables: Tables, trajectory: Trajectory, kind: str, measure: str) -> str:
    group = trajectory.group
    facts = [networks_note(tables, group), accuracy_note(tables["accuracy_summary"], group)]
    facts = [fact for fact in facts if fact]
    if trajectory.is_tested:
        equal = {"layer": trajectory.layer, "kind": kind, "measure": measure, "normalisation": "none"}
        rows = rows_of(tables["relations"], group, relation=RELATION, **equal)
        facts.append(f"d: {relation_note(rows, over='epochs')}".rstrip("."))
        if (rows["pearson"] > 0).any():
            facts.append("unlike in the paper, consistency does not fall with accuracy")
    return f"{group.title}: {'; '.join(facts)}."


def _remark(shown: Sequence[Trajectory], tables: Tables, kind: str, measure: str) -> str:
    tested = any(trajectory.is_tested for trajectory in shown)
    courses = pd.concat([trajectory.course for trajectory in shown])
    notes = [bars.note(courses, panels="b, and vertically in d" if tested else "b")]
    if tested:
        of_accuracy = _without_suffix(courses, "_accuracy").dropna(subset=["mean"])
        notes.append(bars.note(of_accuracy, of="networks", panels="c, and horizontally in d"))
    stimuli = stimuli_words(tables["consistency_summary"])
    text = (
        f"{KIND_NAMES[kind]}{stimuli}, {MEASURE_NAMES[measure]}. a: instances of an epoch are in the order of their "
        f"seeds; a network has a consistency of 1 with itself."
    )
    notes.append(_before_training(shown))
    return f"{text} {' '.join(filter(None, dict.fromkeys(notes)))}"


def _before_training(shown: Sequence[Trajectory]) -> str:
    """Return a note on epoch 0 if it is shown beside the analysed epochs, or ""."""
    added = [trajectory for trajectory in shown if len(trajectory.related) < len(trajectory.course)]
    panels = "b and c" if any(trajectory.is_tested for trajectory in added) else "b"
    return f"Epoch 0, before training, is in {panels} only." if added else ""
