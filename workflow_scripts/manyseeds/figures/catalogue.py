"""The catalogue of figures: the tables and networks that each shows, and what it needs from a study.

The Snakefile reads it, so nothing heavy is imported here. `manyseeds.figures.{name}.draw(tables)` draws the figure
`name`. A new figure needs a module of that name, an entry here and a report caption.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyseeds.errors import StudyError
from manyseeds.representations import main_measure as main

if TYPE_CHECKING:  # no import at run time: a change of the study's code then redraws no figure
    from manyseeds.study.study import Study


@dataclass(frozen=True)
class Requirement:
    """Something that a figure needs from a study."""

    met: Callable[["Study"], bool]
    wanted: str
    """What the figure needs, and how to add it to a study: the end of a sentence "fig6 needs ..."."""


def any_measure_of(*measures: str) -> Requirement:
    """Return the requirement of at least one of these dissimilarity measures."""
    return Requirement(
        lambda study: not set(measures).isdisjoint(study.measures),
        f"one of the measures {', '.join(measures)}: add one to `measures`",
    )


PUBLISHED_NETWORKS = ("all_cnn_c", "all_cnn_7", "alexnet")
"""Names of the networks with values in data/mehrer2020_values.csv, all in the condition baseline."""

DROPOUT_SWEEP = Requirement(
    lambda study: bool(study.dropout_sweep),
    "networks trained with dropout, here or by the study that exported them: set `dropout.rates`, as in "
    "studies/mehrer2020.yaml",
)
TRAJECTORY = Requirement(
    lambda study: any(sum(epoch >= 1 for epoch in study.epochs_of(*group)) >= 2 for group in study.shown_groups),
    "networks analysed after at least two epochs of their training, here or by the study that exported them: set "
    "`trajectory.epochs`, or provide activations of several epochs",
)
CONDITION_PAIRS = Requirement(
    lambda study: bool(study.compared_conditions),
    "pairs of conditions that are compared with each other: set `conditions` and `condition_pairs`, as in "
    "studies/mehrer2020.yaml",
)
CATEGORIES = Requirement(
    lambda study: study.has_categories,
    "categories of the stimuli: add the column category to stimuli.csv",
)
FIVE_NETWORKS = Requirement(
    lambda study: any(len(study.seeds(*group)) >= 5 for group in study.shown_groups),
    "five networks of a group: raise `instances` to at least 5",
)
ALEXNET_NAME = "alexnet"
ALEXNET = Requirement(
    lambda study: any(architecture == ALEXNET_NAME for architecture, _ in study.groups),
    "a network called alexnet: add `{architecture: alexnet}` to `networks`, as in studies/mehrer2020_alexnet.yaml",
)
COMPARATORS = Requirement(
    lambda study: bool(by_comparators(study)),
    "networks compared by other comparators: name some in `comparators.names`, and the conditions that figures show in "
    "`comparators.conditions`",
)
CONSERVED = Requirement(
    lambda study: bool(conserved(study)),
    "networks of which is asked what they have in common: name the conditions that figures show in "
    "`conserved.conditions`, and a measure of the study in `conserved.measures`",
)
FOUR_NETWORKS = Requirement(
    lambda study: any(len(study.seeds(*group)) >= 4 for group in study.shown_groups),
    "four networks of a group: raise `instances` to at least 4",
)
PICTURES = Requirement(
    lambda study: study.config["activations_dir"] is None,
    "the pictures of the stimuli, which own activations do not have",
)
TRANSFERRED = Requirement(
    lambda study: bool(study.transfer_groups),
    "networks that learn other categories: name a condition in `transfer.source`, and in `transfer.target` another one "
    "or a folder of images, as in studies/digits_transfer.yaml",
)
OUTSIDE = Requirement(
    lambda study: bool(study.outside_groups),
    "RDMs from outside to compare networks with: name some in `outside.files` or `outside.built_in`, a measure of the "
    "study in `outside.measures`, and conditions in `outside.conditions`",
)
SOURCES = Requirement(
    lambda study: bool(study.source_groups),
    "networks that cross random streams: give a condition `cross: {init: 4, order: 4}`, as in "
    "studies/digits_sources.yaml, or pool conditions by `sources.conditions`",
)
WEIGHTS = Requirement(
    lambda study: bool(study.distortion_groups),
    "the weights of networks that figures show, and not their activations alone: train them, or set `networks_dir` or "
    "`pretrained_dir`, and name their conditions in `distortions.conditions`",
)
DISTORTED = Requirement(
    lambda study: bool(distorted(study)),
    "predictions for distorted images: name distortions in `distortions.names`, as in studies/digits_paradox.yaml",
)
KERNELS = Requirement(
    lambda study: any(group in study.kernel_groups for group in distorted(study)),
    "networks whose kernels are compared: name their conditions in `kernels.conditions`",
)
TUNED = Requirement(
    lambda study: any(study.is_tuned(instance) for instance in study.instances),
    "networks that are trained further on distorted images: name some of `distortions.names` in "
    "`finetune.distortions`, as in studies/digits_paradox.yaml",
)
FIVE_DISTORTED = Requirement(
    lambda study: any(len(study.seeds(*group)) >= 5 for group in distorted(study)),
    "five networks of a group: raise `instances` to at least 5",
)
PUBLISHED = Requirement(
    lambda study: any((name, "baseline") in study.groups for name in PUBLISHED_NETWORKS),
    f"a network with published values, in the condition baseline: add {' or '.join(PUBLISHED_NETWORKS)} to `networks`",
)

CLAIMED_GROUP = ("all_cnn_c", "baseline")
"""The networks that data/claims.csv is about."""

CLAIMED = Requirement(
    lambda study: (
        CLAIMED_GROUP in study.groups and study.knows_training and study.config["data"]["dataset"] == "cifar10"
    ),
    "All-CNN-C trained on CIFAR-10 in the condition baseline, here or by the study that exported them: run "
    "studies/compressed.yaml",
)


Groups = Sequence[tuple[str, str]]
"""Pairs of architecture and condition."""


def shown(study: "Study") -> Groups:
    """Return the groups in figures that do not compare conditions."""
    return study.shown_groups


def of_alexnet(study: "Study") -> Groups:
    """Return the shown groups that are AlexNets."""
    return [group for group in study.shown_groups if group[0] == ALEXNET_NAME]


def followed(study: "Study") -> Groups:
    """Return the shown groups that are analysed at several epochs."""
    return [group for group in study.shown_groups if group in study.followed_groups]


def by_comparators(study: "Study") -> Groups:
    """Return the shown groups whose networks are compared by several comparators."""
    return [group for group in study.shown_groups if group in study.comparator_groups]


def conserved(study: "Study") -> Groups:
    """Return the shown groups of which is asked what their networks have in common."""
    return [group for group in study.shown_groups if group in study.conserved_groups]


def outside(study: "Study") -> Groups:
    """Return the groups whose networks are compared with RDMs from outside."""
    return study.outside_groups


def transferred(study: "Study") -> Groups:
    """Return the groups whose networks learn other categories."""
    return study.transfer_groups


def pooled(study: "Study") -> Groups:
    """Return the groups whose networks are pooled to tell sources of difference apart."""
    return study.source_groups


def pooled_and_perturbed(study: "Study") -> Groups:
    """Return the pooled groups, and those of perturbed networks that are compared with them."""
    perturbed = [
        (architecture, condition)
        for architecture in study.source_architectures
        for condition in study.perturbed_conditions(architecture)
    ]
    return [*study.source_groups, *perturbed]


def distorted(study: "Study") -> Groups:
    """Return the shown groups whose networks are tested on distorted images."""
    return [group for group in study.shown_groups if study.distortions and group in study.distortion_groups]


def swept(study: "Study") -> Groups:
    """Return the groups of the dropout sweep, including rate 0."""
    architectures, rate_0 = {architecture for architecture, _ in study.dropout_sweep}, study.conditions[0]["name"]
    first = [group for group in study.groups if group[0] in architectures and group[1] == rate_0]
    return [*first, *study.dropout_sweep]


def claimed(study: "Study") -> Groups:
    """Return the group that the declared claims are about."""
    return [CLAIMED_GROUP]


def compared(study: "Study") -> Groups:
    """Return the groups of the compared pairs of conditions."""
    return [(architecture, condition) for architecture, *pair in study.compared_conditions for condition in pair]


def all_groups(study: "Study") -> Groups:
    """Return all groups of the study."""
    return study.groups


@dataclass(frozen=True)
class Entry:
    """One figure.

    Attributes
    ----------
    tables
        All tables that the figure is drawn from. `instances` says which networks collapsed.
    requires
        What the figure needs from a study.
    groups
        The networks that it shows. It needs no other rows of the tables.
    shows_stimuli
        Whether it also reads the pictures of the stimuli.
    """

    title: str
    category: str
    tables: tuple[str, ...]
    requires: tuple[Requirement, ...] = ()
    groups: Callable[["Study"], Groups] = shown
    shows_stimuli: bool = False


SIMULATIONS = ("supp5", "supp6")
"""Figures that show no networks."""


class NothingToDraw(StudyError):
    """No group of a figure has results, because its networks collapsed; the figure says so in words."""

    def __init__(self) -> None:
        super().__init__("Nothing to draw: no group of networks has two accepted instances with results.")


GEOMETRY = "Representational geometry"
CONSISTENCY = "Consistency"
CAUSES = "Causes of differences"
PAPER = "The published results"
TRAINING = "Training"
KERNELS_AND_ERRORS = "Kernels and errors"

TRAJECTORIES = ("consistency_across", "consistency_summary", "accuracy_summary", "relations", "instances")

FIGURES: dict[str, Entry] = {
    "fig2": Entry("Maps of two instances, layer by layer", GEOMETRY, ("mds", "accuracy", "instances")),
    "fig3": Entry("Distances between all RDMs", GEOMETRY, ("second_level", "mds", "instances")),
    "fig4": Entry(
        "Consistency against depth",
        CONSISTENCY,
        ("consistency_summary", "consistency", "accuracy_summary", "instances"),
    ),
    "fig5": Entry(
        "Consistency under other measures",
        CONSISTENCY,
        ("consistency_summary", "accuracy_summary", "instances"),
        requires=(any_measure_of("cosine", "euclidean", "unit_euclidean", "norm_difference"),),
    ),
    "fig6": Entry(
        "Consistency in AlexNet",
        CONSISTENCY,
        ("consistency_summary", "consistency", "accuracy_summary", "instances"),
        requires=(ALEXNET,),
        groups=of_alexnet,
    ),
    "fig7": Entry(
        "Centroids and exemplars", CAUSES, ("consistency_summary", "accuracy_summary", "instances"), (CATEGORIES,)
    ),
    "comparators": Entry(
        "Similarity by other comparators",
        CONSISTENCY,
        ("comparators_summary", "comparator_drop", "instances"),
        requires=(COMPARATORS,),
        groups=by_comparators,
    ),
    "fig8": Entry(
        "Dropout",
        CAUSES,
        ("instances", "accuracy_summary", "consistency_summary", "clustering_summary"),
        requires=(DROPOUT_SWEEP,),
        groups=swept,
    ),
    "fig9": Entry("Exemplar consistency during training", TRAINING, TRAJECTORIES, (TRAJECTORY,), followed),
    "supp1": Entry("Stress of each stimulus in the maps", GEOMETRY, ("mds", "instances")),
    "supp2": Entry("Neighbouring layers against other instances", GEOMETRY, ("second_level", "instances")),
    "supp3": Entry(
        "Networks of different images or categories",
        CAUSES,
        ("consistency_across_summary", "instances"),
        requires=(CONDITION_PAIRS,),
        groups=compared,
    ),
    "supp4": Entry(
        "Category clustering and consistency",
        CAUSES,
        ("clustering_summary", "consistency_summary", "relations", "instances"),
        requires=(CATEGORIES,),
    ),
    "supp5": Entry("Rotations that keep activations positive", CAUSES, ("rotations", "rotation_entries")),
    "supp6": Entry("Rotations about the origin", CAUSES, ("rotations", "rotation_entries")),
    "supp7": Entry(
        "Cocktail-blank normalisation",
        CAUSES,
        ("consistency_summary", "accuracy_summary", "instances"),
        requires=(any_measure_of("correlation", "cosine"),),
    ),
    "supp8": Entry("Centroid consistency during training", TRAINING, TRAJECTORIES, (TRAJECTORY, CATEGORIES), followed),
    "howmany": Entry(
        "How many networks a study needs",
        CONSISTENCY,
        ("howmany", "howmany_answer", "instances"),
        requires=(FIVE_NETWORKS,),
    ),
    "conserved": Entry(
        "What networks have in common",
        CONSISTENCY,
        ("conserved", "category_agreement", "conserved_dimensions", "agreement_reliability", "instances"),
        requires=(CONSERVED,),
        groups=conserved,
    ),
    "conserved_images": Entry(
        "Stimuli on which networks agree",
        CONSISTENCY,
        ("stimulus_agreement", "instances"),
        requires=(CONSERVED, FOUR_NETWORKS, PICTURES),
        groups=conserved,
        shows_stimuli=True,
    ),
    "outside": Entry(
        "Agreement with RDMs from outside",
        CONSISTENCY,
        ("outside", "outside_summary", "outside_conclusions", "instances"),
        requires=(OUTSIDE,),
        groups=outside,
    ),
    "sources": Entry(
        "Which random stream makes networks differ",
        CAUSES,
        ("sources", "source_pairs", "instances"),
        requires=(SOURCES,),
        groups=pooled,
    ),
    "divergence": Entry(
        "When networks diverge",
        TRAINING,
        ("divergence", "instances"),
        requires=(SOURCES,),
        groups=pooled_and_perturbed,
    ),
    "paradox1": Entry(
        "Similar yet different, different yet similar",
        KERNELS_AND_ERRORS,
        ("paradox", "kernels", "error_agreement", "distorted_accuracy", "instances"),
        requires=(WEIGHTS, DISTORTED, KERNELS, TUNED),
        groups=distorted,
    ),
    "paradox2": Entry(
        "Accuracy on distorted images",
        KERNELS_AND_ERRORS,
        ("distorted_accuracy", "instances"),
        requires=(WEIGHTS, DISTORTED),
        groups=distorted,
    ),
    "paradox3": Entry(
        "Does similarity foresee that networks fail alike?",
        KERNELS_AND_ERRORS,
        ("kernel_relations", "instances"),
        requires=(WEIGHTS, DISTORTED, KERNELS, FIVE_DISTORTED),
        groups=distorted,
    ),
    "merge": Entry(
        "Kernels of networks that were trained further, copied into the trained ones",
        KERNELS_AND_ERRORS,
        ("merged", "instances"),
        requires=(WEIGHTS, DISTORTED, KERNELS, TUNED),
        groups=distorted,
    ),
    "transfer": Entry(
        "How networks learn other categories",
        KERNELS_AND_ERRORS,
        ("transfer", "transfer_summary", "transfer_relations", "instances"),
        requires=(TRANSFERRED,),
        groups=transferred,
    ),
    "claims": Entry("The declared claims", PAPER, ("claims", "instances"), (CLAIMED,), claimed),
    "comparison": Entry("Published values and ours", PAPER, ("comparison", "instances"), (PUBLISHED,), all_groups),
}


def why_not(figure: str, study: "Study") -> str | None:
    """Return a sentence on what a study lacks for a figure and how to add it; None if it lacks nothing."""
    lacking = (requirement.wanted for requirement in FIGURES[figure].requires if not requirement.met(study))
    wanted = next(lacking, None)
    return None if wanted is None else f"{figure} is not part of this study: it needs {wanted}."


def applicable(study: "Study") -> list[str]:
    """Return the names of the figures that a study has."""
    return [figure for figure in FIGURES if why_not(figure, study) is None]


def by_default(study: "Study") -> list[str]:
    """Return the names of the figures that a study draws unless others are asked for."""
    return [name for name in applicable(study) if not set(FIGURES[name].tables) <= study.unfilled_tables]


OF_BASELINES = (shown, of_alexnet, followed, by_comparators, distorted, conserved, outside)
"""Choices of groups by which a figure leaves out conditions without comparing them."""


def left_out(figure: str, study: "Study") -> list[tuple[str, str]]:
    """Return the groups that a figure leaves out, of the architectures that it shows.

    Figures that compare conditions leave out none: their conditions are chosen by what they compare.
    """
    entry = FIGURES[figure]
    groups = entry.groups(study)
    if entry.groups not in OF_BASELINES or figure in SIMULATIONS:
        return []
    architectures = {architecture for architecture, _ in groups}
    return [group for group in study.groups if group[0] in architectures and group not in groups]


def unshown_note(study: "Study") -> str | None:
    """Return a sentence on the conditions that no figure shows, or None. Tables have all conditions."""
    figures = [name for name in applicable(study) if FIGURES[name].groups is not all_groups]
    there = {group for name in figures for group in FIGURES[name].groups(study)}
    missing = list(dict.fromkeys(condition for group in study.groups if group not in there for condition in group[1:]))
    if not missing:
        return None
    return f"Figures leave out these conditions, because they show the condition baseline: {', '.join(missing)}."


def main_measure(measures: Iterable[str]) -> str:
    """Return the measure that a figure shows (`manyseeds.representations.main_measure`)."""
    measures = list(measures)
    if not measures:
        raise NothingToDraw
    return main.main_measure(measures)
