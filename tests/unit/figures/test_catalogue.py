"""Which figures a study has, and what it says of the others."""

from collections.abc import Sequence

import pytest
from configs import study
from own_folders import own_activations, own_networks
from places import ROOT

from manyseeds.figures import catalogue
from manyseeds.figures.catalogue import (
    ALEXNET,
    COMPARATORS,
    CONDITION_PAIRS,
    CONSERVED,
    DISTORTED,
    DROPOUT_SWEEP,
    FIGURES,
    FIVE_DISTORTED,
    KERNELS,
    OUTSIDE,
    PUBLISHED,
    SOURCES,
    TRAJECTORY,
    TUNED,
    WEIGHTS,
)

CONV7 = {"layers": ["conv7"]}  # both architectures of the default have it
HALVES = {"conditions": [{"name": name} for name in ("baseline", "images_a", "images_b")]}
SHORT = {"epochs": 3, "milestones": [], "checkpoints": [1, 2]}


@pytest.mark.parametrize(
    ("requirement", "overlay", "met"),
    [
        (DROPOUT_SWEEP, {}, False),
        (DROPOUT_SWEEP, {"dropout": {"rates": [0]}}, False),
        (DROPOUT_SWEEP, {"dropout": {"rates": [0, 0.5]} | CONV7}, True),
        (TRAJECTORY, {}, False),
        (TRAJECTORY, {"training": SHORT, "trajectory": {"epochs": [0]} | CONV7}, False),
        (TRAJECTORY, {"training": SHORT, "trajectory": {"epochs": [1]} | CONV7}, True),
        (
            TRAJECTORY,
            {"training": SHORT, "trajectory": {"epochs": [1], "conditions": ["images_a"]} | CONV7} | HALVES,
            False,
        ),
        (CONDITION_PAIRS, HALVES, False),
        (CONDITION_PAIRS, {"condition_pairs": [["images_a", "images_b"]]} | HALVES, True),
        (ALEXNET, {}, False),
        (ALEXNET, {"networks": [{"architecture": "alexnet"}]}, True),
        (SOURCES, {}, False),
        (SOURCES, {"conditions": [{"name": "mine", "cross": {"init": 2, "order": 2}}]}, True),
        (SOURCES, {"conditions": [{"name": "mine"}], "sources": {"conditions": ["mine"]}}, True),
        (CONSERVED, {}, True),
        (CONSERVED, {"conserved": {"conditions": []}}, False),
        (CONSERVED, {"conserved": {"measures": ["cosine"]}, "measures": ["correlation"]}, False),
        (OUTSIDE, {}, True),
        (OUTSIDE, {"outside": {"built_in": []}}, False),
        (OUTSIDE, {"outside": {"conditions": []}}, False),
        (OUTSIDE, {"outside": {"built_in": [], "files": [{"name": "it", "path": "it.npy"}]}}, True),
        (COMPARATORS, {}, True),
        (COMPARATORS, {"comparators": {"names": []}}, False),
        (COMPARATORS, {"comparators": {"conditions": ["images_a"]}} | HALVES, False),  # tables alone have it
        (DISTORTED, {}, False),
        (DISTORTED, {"distortions": {"names": ["blur"]}}, True),
        (DISTORTED, {"distortions": {"names": ["blur"], "conditions": []}}, False),
        (KERNELS, {"distortions": {"names": ["blur"]}}, True),
        (KERNELS, {"distortions": {"names": ["blur"]}, "kernels": {"conditions": []}}, False),
        (FIVE_DISTORTED, {"distortions": {"names": ["blur"]}, "instances": 4}, False),
        (TUNED, {"distortions": {"names": ["blur"]}}, False),
        (TUNED, {"distortions": {"names": ["blur"]}, "finetune": {"distortions": ["blur"]}}, True),
        (WEIGHTS, {}, True),
        (WEIGHTS, {"distortions": {"conditions": []}}, False),
        (PUBLISHED, {}, True),
        (PUBLISHED, {"networks": [{"architecture": "resnet18"}]}, False),
        (PUBLISHED, {"conditions": [{"name": "mine"}]}, False),
    ],
)
def test_a_study_meets_what_its_config_gives(requirement, overlay, met):
    assert requirement.met(study(**overlay)) is met


@pytest.mark.parametrize(("own", "several_epochs"), [(own_networks, False), (own_activations, True)])
def test_keys_of_the_training_give_no_figure_of_networks_trained_elsewhere(own, several_epochs, tmp_path):
    facts = study(**own(tmp_path), training=SHORT, trajectory={"epochs": [1]}, dropout={"rates": [0.5]})
    assert TRAJECTORY.met(facts) == several_epochs
    assert not DROPOUT_SWEEP.met(facts)


@pytest.mark.parametrize("figure", ["fig5", "supp7"])
def test_a_figure_that_a_study_has_not_gets_one_sentence_with_the_key_to_set(figure):
    lacking = study(measures=["norm_difference"] if figure == "supp7" else ["correlation"])
    sentence = catalogue.why_not(figure, lacking)
    assert sentence.startswith(f"{figure} is not part of this study: it needs")
    assert "`measures`" in sentence
    assert sentence.count(". ") == 0
    assert figure not in catalogue.applicable(lacking)
    assert catalogue.why_not(figure, study()) is None


def test_the_first_requirement_that_is_not_met_is_the_one_that_is_told():
    met, first, second = (catalogue.Requirement(lambda _, met=m: met, w) for m, w in [(1, "a"), (0, "b"), (0, "c")])
    FIGURES_WITH = {**FIGURES, "fig0": catalogue.Entry("", "", (), requires=(met, first, second))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "FIGURES", FIGURES_WITH)
        assert catalogue.why_not("fig0", study()) == "fig0 is not part of this study: it needs b."


@pytest.mark.parametrize("entry", FIGURES.values(), ids=FIGURES)
def test_figures_are_drawn_from_tables_that_there_are(entry):
    for table in entry.tables:
        assert (ROOT / f"workflow_scripts/manyseeds/schemas/tables/{table}.schema.json").exists()


def test_conditions_that_figures_leave_out_are_named():
    names = ("baseline", "images_a", "images_b", "mine")
    facts = study(
        conditions=[{"name": name, "networks": ["all_cnn_c"]} for name in names[:3]]
        + [{"name": "mine", "networks": ["all_cnn_7"]}],
        condition_pairs=[["images_a", "images_b"]],
    )
    assert catalogue.left_out("fig4", facts) == [("all_cnn_c", "images_a"), ("all_cnn_c", "images_b")]
    for figure in ("fig6", "fig8", "supp3", "supp5", "comparison"):  # no AlexNets; by what they compare; no networks
        assert catalogue.left_out(figure, facts) == []
    assert catalogue.unshown_note(facts) is None
    facts = study(conditions=[{"name": name} for name in names])
    assert catalogue.left_out("fig2", facts)[2:4] == [("all_cnn_c", "mine"), ("all_cnn_7", "images_a")]
    assert catalogue.unshown_note(facts) == (
        "Figures leave out these conditions, because they show the condition baseline: images_a, images_b, mine."
    )
    assert catalogue.unshown_note(study(conditions=[{"name": name} for name in names[1:]])) is None


TUNED = {"merged", "finetune_history"}


def test_studies_of_networks_from_elsewhere_leave_out_what_they_cannot_fill(tmp_path):
    activations = study(**own_activations(tmp_path / "activations"))
    networks = study(**own_networks(tmp_path / "networks"))
    transfer = {"transfer", "transfer_summary", "transfer_relations", "transfer_history"}
    of_pools = {"sources", "source_pairs", "divergence"} | transfer
    distorted = {"distorted_accuracy", "distorted_accuracy_summary", "kernel_relations", "paradox"} | TUNED
    assert study().unfilled_tables == of_pools | distorted
    assert study(distortions={"names": ["blur"]}).unfilled_tables == of_pools | TUNED
    assert networks.unfilled_tables == {"history", "attempts"} | of_pools | distorted
    of_networks = {"accuracy", "accuracy_summary", "kernels", "error_agreement"}
    simulated = {*catalogue.FIGURES["supp5"].tables}
    assert activations.unfilled_tables == {"history", "attempts"} | of_pools | of_networks | distorted | simulated
    crossed = study(conditions=[{"name": "crossed", "cross": {"init": 2, "order": 2}}])
    assert crossed.unfilled_tables == distorted | transfer
    assert {"sources", "divergence"} <= {*catalogue.by_default(crossed)}
    for each in (study(), networks):
        assert catalogue.by_default(each) == catalogue.applicable(each)
    left_out = set(catalogue.applicable(activations)) - set(catalogue.by_default(activations))
    assert left_out == {"supp5", "supp6"}


def test_stimuli_without_categories_have_no_tables_and_figures_of_categories(tmp_path):
    folders = own_activations(tmp_path)
    (tmp_path / "stimuli.csv").write_text("stimulus,category\n")
    named = study(**folders)
    assert named.has_categories
    (tmp_path / "stimuli.csv").write_text("stimulus\n")
    unnamed = study(**folders)
    of_outside = {"outside", "outside_summary", "outside_conclusions"}  # no pixels, and no categories either
    of_categories = {"clustering", "clustering_summary", "random_grouping"}
    assert unnamed.unfilled_tables - named.unfilled_tables == of_categories | of_outside
    assert set(catalogue.applicable(named)) - set(catalogue.applicable(unnamed)) == {
        "fig7",
        "supp4",
        "supp8",
        "outside",
    }
    assert catalogue.why_not("fig7", unnamed).endswith("add the column category to stimuli.csv.")


class Unread(Sequence):
    """A sequence that must not be looked at."""

    def __len__(self):
        raise AssertionError("the instances were gone through again")

    __getitem__ = __iter__ = __len__


def test_what_each_figure_asks_of_all_networks_is_found_once():
    """Seeds of a group were found among all instances, again for each figure: seconds for 1,600 networks."""
    many = study(instances=20, finetune={"distortions": ["blur"]}, distortions={"names": ["blur"]})
    assert "merge" in catalogue.by_default(many)
    tuned, unfilled = many.tuned_groups, many.unfilled_tables
    vars(many)["instances"] = Unread()
    assert len(many.seeds("all_cnn_c", "baseline")) == 20
    assert (many.tuned_groups, many.unfilled_tables) == (tuned, unfilled)
