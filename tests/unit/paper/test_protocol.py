"""How a study departs from the paper's."""

import pandas as pd
import pytest
import yaml
from configs import study
from own_folders import own_activations, own_networks
from places import ROOT

from manyseeds.figures.catalogue import PUBLISHED_NETWORKS
from manyseeds.paper.protocol import CONDITIONS, PROTOCOLS, departures

PUBLISHED = pd.read_csv(ROOT / "data/mehrer2020_values.csv")


def overlay(name: str) -> dict:
    return yaml.safe_load((ROOT / f"studies/{name}.yaml").read_text())


def test_the_networks_and_conditions_are_those_of_the_published_values():
    assert set(PROTOCOLS) == set(PUBLISHED_NETWORKS) == set(PUBLISHED["architecture"])
    assert set(CONDITIONS) == set(PUBLISHED["condition"])


def test_the_full_study_departs_in_nothing():
    found = departures(study(**overlay("mehrer2020")))
    assert {"all_cnn_c/baseline", "all_cnn_7/baseline"} <= found.keys()
    assert set(found.values()) == {None}


def test_dropout_conditions_of_the_full_study_depart_in_nothing():
    full = study(**(overlay("mehrer2020") | {"dropout": {"rates": [0.6, 0.7], "networks": ["all_cnn_c"]}}))
    found = departures(full)
    assert found["all_cnn_c/dropout0.6"] is None
    assert "all_cnn_c/dropout0.7" not in found


def test_a_small_study_says_every_setting_that_differs_and_no_other():
    found = departures(study(**overlay("cifar10_small")))
    expected = (
        "width 0.25 (paper: 1); rectified readout no (paper: yes); epochs 6 (paper: 350); batch size 32 (paper: 128); "
        "learning rate falls after epochs 5 (paper: 200, 250, 300); instances 5 (paper: 10)"
    )
    assert found == {"all_cnn_c/baseline": expected, "all_cnn_7/baseline": expected}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": {"dataset": "digits"}}, "data set digits (paper: cifar10)"),
        ({"stimuli": {"per_category": 20}}, "stimuli per category 20 (paper: 100)"),
        ({"instances": 4}, "instances 4 (paper: 10)"),
        ({"training": {"precision": "bf16"}}, "precision bf16 (the paper names none)"),
        (
            {"networks": [{"architecture": "all_cnn_c", "weights": str(ROOT / "config.yaml")}]},
            f"initial weights {ROOT / 'config.yaml'} (paper: none given)",
        ),
        ({"conditions": [{"name": "baseline", "instances": 3}]}, "instances 3 (paper: 10)"),
        (
            {"conditions": [{"name": "baseline", "vary": ["init", "order"]}]},
            "varied random streams init, order (paper: init)",
        ),
        ({"conditions": [{"name": "baseline", "dropout": 0.5}]}, "dropout 0.5 (paper: 0)"),
        ({"conditions": [{"name": "baseline", "images": "a"}]}, "training images a (paper: all)"),
        (
            {"conditions": [{"name": "baseline", "categories": [0, 1]}]},
            "trained categories 0, 1 (paper: none given)",
        ),
        (
            {"networks": [{"architecture": "all_cnn_7", "name": "all_cnn_c", "readout_relu": True}]},
            "architecture all_cnn_7 (paper: all_cnn_c)",
        ),
    ],
)
def test_one_changed_setting_is_one_departure(change, words):
    base = overlay("mehrer2020") | {"conditions": [{"name": "baseline"}], "condition_pairs": [], "trajectory": {}}
    base["dropout"] = base["dropout"] | {"layers": ["conv7"]}  # both architectures have it
    merged = base | {k: base[k] | v if isinstance(base.get(k), dict) else v for k, v in change.items()}
    assert departures(study(**merged))["all_cnn_c/baseline"] == words


def test_alexnet_is_held_to_what_the_paper_says_of_it():
    networks = [{"architecture": "alexnet"}]
    found = departures(study(networks=networks, instances=10, data={"dataset": "image_folder", "image_size": 64}))
    assert found == {
        "alexnet/baseline": "image size 64 (paper: 224); training images of data (paper: ILSVRC 2012)",
    }


def test_networks_that_the_paper_has_no_numbers_of_have_no_departures():
    assert departures(study(networks=[{"architecture": "resnet18"}], conditions=[{"name": "baseline"}])) == {}
    assert departures(study(conditions=[{"name": "mine"}])) == {}


@pytest.mark.parametrize(
    ("own", "words"),
    [(own_networks, "networks trained elsewhere"), (own_activations, "activations recorded elsewhere")],
)
def test_of_networks_trained_elsewhere_nothing_is_known(own, words, tmp_path):
    assert departures(study(**own(tmp_path)))["all_cnn_c/baseline"].startswith(words)
