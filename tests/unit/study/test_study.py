"""The configuration: what it expands to, and what each mistake in it says."""

import datetime
import json
import re
from pathlib import Path

import pytest
import yaml
from configs import SCHEMA, default, merged, schema_keys, study
from own_folders import own_activations, own_networks
from places import ROOT

from manyseeds.errors import StudyError
from manyseeds.exchange.exported_study import read_study
from manyseeds.study.checks import OF_ALL_CNNS, checked_study
from manyseeds.study.instances import Instance
from manyseeds.study.study import network_name
from manyseeds.study.tasks import (
    differ_in_draws_alone,
    dropout_values,
    network_values,
    start_file,
    starts,
    task_values,
    training_set,
)
from manyseeds.study.validation import check_keys_once


def yaml_keys(value, prefix: str = "") -> set[str]:
    keys = set()
    for key, part in value.items() if isinstance(value, dict) else ():
        keys |= {prefix + key} | yaml_keys(part, f"{prefix}{key}.")
        for entry in part if isinstance(part, list) else ():
            keys |= yaml_keys(entry, f"{prefix}{key}[].")
    return keys


ENTRIES = re.compile(r"^  # [- ] (\w+): ", re.MULTILINE)
"""Keys of an example entry of a list that is empty by default, as comments."""


def test_config_and_schema_have_the_same_keys():
    of_examples = {f"outside.files[].{key}" for key in ENTRIES.findall((ROOT / "config.yaml").read_text())}
    assert default()["outside"]["files"] == []
    assert yaml_keys(default()) | of_examples == set(schema_keys(SCHEMA))


def test_every_key_is_described_and_commented():
    keys = schema_keys(SCHEMA)
    assert all(part["description"].endswith(".") for part in keys.values())
    commented = {
        line.split(":")[0].strip(" -#") for line in (ROOT / "config.yaml").read_text().splitlines() if "#" in line
    }
    leaves = {key.split(".")[-1] for key, part in keys.items() if not schema_keys(part)}
    assert leaves <= commented


def test_objects_of_the_schema_refuse_unknown_keys():
    objects = [part for part in [SCHEMA, *schema_keys(SCHEMA).values()] if "properties" in part]
    assert len(objects) > 8
    assert all(part["additionalProperties"] is False for part in objects)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "x.yaml: line 3 sets the key a again, which line 1 sets."),
        ("networks:\n- {name: a}\n- {name: a, width: 1, name: b}", "line 3 sets the key networks[1].name again"),
        ('{"a": {"b": 1,\n"b": 1}}', "line 2 sets the key a.b again, which line 1 sets."),
        ("a: &x {b: 1}\nc: *x\nd: [*x, {e: 1, e: 2}]", "line 3 sets the key d[1].e again"),
    ],
)
def test_a_key_that_a_file_sets_twice_is_named_with_both_lines(text, sentence):
    with pytest.raises(StudyError) as problem:
        check_keys_once(text, "x.yaml")
    assert sentence in str(problem.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 1}]",
        '1: 2\n"1": 3',
        "a: &x [*x]",
        "[a",
        "",
        "? [a]\n: 1\n? [a]\n: 2",
        "[" * 99999,
    ],
)
def test_keys_that_differ_and_text_that_is_not_a_config_pass(text):
    check_keys_once(text, "x.yaml")


def test_instances_are_all_seeds_of_all_conditions_of_all_networks():
    expanded = study(instances=3, networks=[{"architecture": "all_cnn_c"}, {"architecture": "all_cnn_7", "name": "b"}])
    assert expanded.instances == tuple(
        Instance(name, "baseline", seed) for name in ("all_cnn_c", "b") for seed in range(3)
    )
    assert expanded.groups == (("all_cnn_c", "baseline"), ("b", "baseline"))
    assert expanded.seeds("b", "baseline") == (0, 1, 2)
    assert str(expanded.instances[-1]) == "b/baseline/seed2"


def test_dropout_rates_add_conditions_like_the_first():
    conditions = study(
        conditions=[{"name": "base", "vary": ["order"]}], dropout={"rates": [0.0, 0.1, 0.25], "layers": ["conv7"]}
    ).conditions
    assert [(condition["name"], condition["dropout"]) for condition in conditions] == [
        ("base", 0.0),
        ("dropout0.1", 0.1),
        ("dropout0.25", 0.25),
    ]
    assert all(condition["vary"] == ["order"] for condition in conditions)


def test_only_conditions_with_dropout_are_tested_with_it():
    swept = study(seed=7, dropout={"rates": [0, 0.25], "after": ["conv2"], "layers": ["conv7"]})
    assert dropout_values(swept, "baseline") is None
    assert dropout_values(swept, "dropout0.25") == {"rate": 0.25, "after": ["conv2"], "root_seed": 7}


def test_conditions_have_networks_and_instances_of_their_own():
    two = [{"architecture": "all_cnn_c"}, {"architecture": "all_cnn_7"}]
    conditions = [
        {"name": "baseline"},
        {"name": "images_a", "images": "a", "networks": ["all_cnn_7"], "instances": 2},
        {"name": "images_b", "images": "b", "networks": ["all_cnn_7"], "instances": 2},
    ]
    sweep = {"rates": [0, 0.5], "networks": ["all_cnn_c"], "instances": 3, "samples": 2}
    pairs = [["images_a", "images_b"]]
    expanded = study(networks=two, instances=4, conditions=conditions, dropout=sweep, condition_pairs=pairs)
    sizes = {group: len(expanded.seeds(*group)) for group in expanded.groups}
    assert sizes == {
        ("all_cnn_c", "baseline"): 4,
        ("all_cnn_c", "dropout0.5"): 3,
        ("all_cnn_7", "baseline"): 4,
        ("all_cnn_7", "images_a"): 2,
        ("all_cnn_7", "images_b"): 2,
    }
    assert expanded.shown_groups == (("all_cnn_c", "baseline"), ("all_cnn_7", "baseline"))
    assert expanded.dropout_groups == (("all_cnn_c", "dropout0.5"),)
    assert expanded.compared_conditions == (("all_cnn_7", "images_a", "images_b"),)


def test_only_the_followed_groups_are_analysed_before_the_last_epoch():
    conditions = [{"name": "baseline"}, {"name": "order", "vary": ["order"]}]
    training = {"epochs": 7, "checkpoints": [2, 5]}
    trajectory = {"epochs": [2], "networks": ["all_cnn_c"], "conditions": ["baseline"]}
    expanded = study(conditions=conditions, training=training, trajectory=trajectory)
    assert expanded.epochs_of("all_cnn_c", "baseline") == (2, 7)
    assert expanded.epochs_of("all_cnn_c", "order") == (7,)
    assert expanded.epochs_of("all_cnn_7", "baseline") == (7,)
    assert expanded.followed_groups == (("all_cnn_c", "baseline"),)
    assert study(conditions=conditions, training=training).followed_groups == ()


UNTRAINED = [{"name": "first", "networks": ["all_cnn_c"]}, {"name": "baseline"}]


@pytest.mark.parametrize(
    ("untrained", "groups"),
    [
        ({}, [("all_cnn_c", "first")]),
        ({"conditions": ["baseline"]}, [("all_cnn_c", "baseline"), ("all_cnn_7", "baseline")]),
        ({"conditions": []}, []),
        ({"measures": []}, []),
        ({"measures": ["cosine"]}, []),  # the study does not have it
        ({"measures": ["cosine", "euclidean"]}, [("all_cnn_c", "first")]),
    ],
)
def test_groups_before_training_are_those_of_the_first_condition_or_as_named(untrained, groups):
    expanded = study(conditions=UNTRAINED, untrained=untrained, measures=["correlation", "euclidean"])
    assert list(expanded.untrained_groups) == groups


def test_measures_before_training_are_those_that_the_study_has():
    measures = {"untrained": {"measures": ["cosine", "euclidean"]}, "measures": ["correlation", "euclidean"]}
    assert study(**measures).untrained_measures == ("euclidean",)


def test_networks_from_elsewhere_have_no_state_before_training(tmp_path):
    assert study(**own_networks(tmp_path / "networks")).untrained_groups == ()
    assert study(**own_activations(tmp_path / "activations")).untrained_groups == ()


def test_an_unknown_condition_before_training_is_refused():
    with pytest.raises(StudyError, match=r"untrained.conditions: found 'basline', expected one of baseline"):
        study(untrained={"conditions": ["basline"]})


@pytest.mark.parametrize(
    ("comparators", "groups"),
    [
        ({}, [("all_cnn_c", "baseline"), ("all_cnn_7", "baseline")]),
        ({"conditions": ["first"]}, [("all_cnn_c", "first")]),
        ({"conditions": []}, []),
        ({"names": []}, []),
    ],
)
def test_groups_of_comparators_are_those_of_the_baseline_or_as_named(comparators, groups):
    expanded = study(conditions=UNTRAINED, comparators=comparators)
    assert list(expanded.comparator_groups) == groups
    assert ("comparator_drop" in expanded.unfilled_tables) == (not groups)


@pytest.mark.parametrize(
    ("explorer", "groups"),
    [
        ({}, [("all_cnn_c", "baseline"), ("all_cnn_7", "baseline")]),
        ({"conditions": ["first"]}, [("all_cnn_c", "first")]),
    ],
)
def test_explored_groups_are_those_of_the_baseline_or_as_named(explorer, groups):
    assert list(study(conditions=UNTRAINED, explorer=explorer).explored_groups) == groups


def test_networks_from_elsewhere_without_the_explored_conditions_are_explored_all(tmp_path):
    found = study(**own_networks(tmp_path / "networks"), explorer={"conditions": ["elsewhere"]})
    assert found.explored_groups == found.shown_groups != ()


@pytest.mark.parametrize(
    ("explorer", "words"),
    [
        ({"conditions": ["basline"]}, r"explorer\.conditions: found 'basline', expected one of baseline"),
        ({"layers": ["fc"]}, r"explorer\.layers: found fc, expected at least one of conv1, .* \(of all_cnn_"),
        ({"instances": 1}, r"explorer\.instances"),
    ],
)
def test_impossible_explorers_are_refused(explorer, words):
    with pytest.raises(StudyError, match=words):
        study(explorer=explorer)


def test_comparators_compare_rdms_of_measures_that_the_study_has():
    measures = {"comparators": {"measures": ["cosine", "euclidean"]}, "measures": ["correlation", "euclidean"]}
    assert study(**measures).compared_measures == ("euclidean",)


@pytest.mark.parametrize(
    ("comparators", "words"),
    [
        ({"names": ["ckaa"]}, r'comparators\.names.*"ckaa".*procrustes'),
        ({"measures": ["manhattan"]}, r'comparators\.measures.*"manhattan"'),
        ({"conditions": ["basline"]}, r"comparators\.conditions: found 'basline', expected one of baseline"),
        ({"layers": ["fc"]}, r"comparators\.layers: found fc, expected at least one of conv1, .* \(of all_cnn_"),
        ({"layers": []}, r"comparators\.layers"),
    ],
)
def test_comparators_that_cannot_be_are_refused(comparators, words):
    with pytest.raises(StudyError, match=words):
        study(comparators=comparators)


def test_comparators_may_name_layers_of_one_architecture_alone():
    two = [{"architecture": "all_cnn_c"}, {"architecture": "all_cnn_7"}]
    assert study(networks=two, comparators={"layers": ["conv7"]}).comparator_groups
    with pytest.raises(StudyError, match=r"found conv9, expected .*conv7 \(of all_cnn_7\)"):
        study(networks=two, comparators={"layers": ["conv9"]})


@pytest.mark.parametrize(
    ("kernels", "groups"),
    [({}, ["baseline"]), ({"conditions": ["first"]}, ["first"]), ({"conditions": []}, [])],
)
def test_groups_of_kernels_and_of_distortions_are_those_of_the_baseline_or_as_named(kernels, groups):
    expanded = study(conditions=UNTRAINED, kernels=kernels, distortions=kernels)
    for found in (expanded.kernel_groups, expanded.distortion_groups):
        assert list(dict.fromkeys(condition for _, condition in found)) == groups


def test_variants_are_trained_weights_and_those_made_from_them():
    expanded = study(training={"epochs": 8, "checkpoints": [1, 6], "milestones": []}, kernels={"noise": [0.99]})
    instance = Instance("all_cnn_c", "baseline", 0)
    names = [variant.name for variant in expanded.variants(instance)]
    assert names == ["trained", "epoch6", "noise_0.99", "rescaled_0.1", "rescaled_0.3", "permuted"]
    assert [variant.name for variant in expanded.tested_variants(instance)] == ["trained"]
    resnet = study(networks=[{"architecture": "resnet18"}])
    assert "permuted" not in [variant.name for variant in resnet.variants(Instance("resnet18", "baseline", 0))]
    distorted = study(distortions={"names": ["blur"]}, training={"checkpoints": []})
    assert [variant.kind for variant in distorted.tested_variants(instance)][:2] == ["trained", "noise"]


@pytest.mark.parametrize(
    ("training", "epochs"),
    [
        ({"checkpoints": [1, 4, 6], "milestones": [4, 7]}, (4, 8)),
        ({"checkpoints": [1, 6], "milestones": [7]}, (6, 8)),
        ({"checkpoints": []}, ()),
    ],
)
def test_late_epochs_are_the_last_milestone_with_weights_or_the_last_checkpoint(training, epochs):
    assert study(training={"epochs": 8} | training).late_epochs == epochs
    if epochs:
        assert study(training={"epochs": 8} | training, kernels={"epochs": [8, 1]}).late_epochs == (1, 8)


def test_strengths_are_those_of_the_preset_unless_they_are_listed():
    names = {"names": ["blur", "gamma"]}
    assert study(distortions=names).distortions["blur"] == (0.1, 0.3, 0.5, 0.7, 0.9)
    whitened = {"data": {"dataset": "cifar10", "preprocessing": "gcn_zca"}}
    assert study(distortions=names, **whitened).distortions["blur"] == (0.5, 0.7, 0.9)
    assert study(distortions=names | {"strengths": "whitened"}).distortions["gamma"] == (0.3, 0.5, 2)
    own = study(distortions=names | {"strengths": {"blur": [1]}}, **whitened).distortions
    assert own == {"blur": (1,), "gamma": (0.3, 0.5, 2)}
    assert "illuminant" in study(distortions={"names": "all"}, **whitened).distortions
    assert "illuminant" not in study(distortions={"names": "all"}).distortions
    assert study().distortions == {}
    text = study(distortions=names | {"strengths": {"blur": ["1", "1.5"]}})  # as the command line gives it
    assert text.distortions["blur"] == (1, 1.5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"distortions": {"names": ["blurr"]}}, r'distortions\.names\[0\]: found "blurr", expected one of salt_pepper'),
        ({"distortions": {"names": "every"}}, r'distortions\.names: found "every", expected .*all: every one'),
        ({"distortions": {"strengths": "strong"}}, r'distortions\.strengths: found "strong"'),
        ({"distortions": {"names": ["illuminant"]}}, r"distortions\.names: found illuminant, .* the digits are grey"),
        ({"distortions": {"names": ["blur"], "strengths": {"blur": [-1]}}}, r"strengths\.blur: found -1, expected"),
        ({"distortions": {"names": ["blur"], "strengths": {"blur": [2, 1]}}}, r"expected increasing numbers"),
        ({"distortions": {"names": ["blur"], "strengths": {"gamma": [2]}}}, r"found gamma, expected one of .*: blur"),
        ({"distortions": {"strengths": {"blurr": [2]}}}, r'found "blurr"'),
        (
            {"distortions": {"conditions": ["basline"]}},
            r"distortions\.conditions: found 'basline', expected one of base",
        ),
        ({"finetune": {"distortions": ["blur"]}}, r"finetune\.distortions: found 'blur', expected one of none"),
        ({"finetune": {"learning_rates": [0]}}, r"learning_rates\[0\]: found 0, expected more than 0"),
        ({"kernels": {"conditions": ["basline"]}}, r"kernels\.conditions: found 'basline'"),
        (
            {"kernels": {"layers": ["fc"]}},
            r"kernels\.layers: found fc, expected at least one of conv1, .* \(of all_cnn_",
        ),
        ({"kernels": {"epochs": [2, 8]}}, r"kernels\.epochs: found epoch 2, expected one of 0, 1, 8"),
        ({"kernels": {"epochs": [8]}}, r"kernels\.epochs"),
        ({"kernels": {"noise": [1]}}, r"kernels\.noise\[0\]: found 1, expected less than 1"),
        ({"kernels": {"rescale": [0]}}, r"kernels\.rescale\[0\]: found 0, expected more than 0"),
    ],
)
def test_kernels_and_distortions_that_cannot_be_are_refused(settings, words):
    with pytest.raises(StudyError, match=words):
        study(**settings)


def test_own_activations_have_no_kernels_and_refuse_distortions(tmp_path):
    folder = own_activations(tmp_path)
    plain = study(**folder)
    assert (plain.kernel_groups, plain.distortion_groups) == ((), ())
    assert {"kernels", "error_agreement"} <= plain.unfilled_tables
    with pytest.raises(StudyError, match=r"distortions\.names: found blur, but activations_dir brings no weights"):
        study(**folder, distortions={"names": ["blur"]})


def test_networks_that_the_config_does_not_train_are_not_trained_further(tmp_path):
    settings = {"distortions": {"names": ["blur"]}, "finetune": {"distortions": ["blur"]}}
    with pytest.raises(StudyError, match=r"finetune\.distortions: found blur, but the config trains no networks"):
        study(**own_networks(tmp_path), **settings)


def test_the_dropout_sweep_differs_from_the_first_condition_in_dropout_alone():
    conditions = [
        {"name": "baseline"},
        {"name": "mine", "dropout": 0.3},
        {"name": "both", "dropout": 0.3, "vary": ["init", "order"]},
        {"name": "half", "dropout": 0.3, "images": "a"},
    ]
    two = [{"architecture": "all_cnn_c"}, {"architecture": "all_cnn_7"}]
    sweep = {"rates": [0, 0.5], "networks": ["all_cnn_7"], "layers": ["conv7"]}
    conditions[1]["networks"] = ["all_cnn_c"]
    expanded = study(networks=two, conditions=conditions, dropout=sweep)
    assert expanded.dropout_sweep == (("all_cnn_c", "mine"), ("all_cnn_7", "dropout0.5"))
    neither = [{"name": "baseline", "dropout": 0.1}, {"name": "b", "dropout": 0.5}]
    assert study(conditions=neither, dropout={"layers": ["conv7"]}).dropout_sweep == ()


def test_the_seed_of_the_halves_concerns_only_conditions_that_train_on_a_half():
    conditions = [{"name": "baseline"}, {"name": "half", "images": "a", "categories": [1, 3]}]
    sets = [
        {
            name: training_set(study(conditions=conditions, data={"halves_seed": seed}), name)
            for name in ("baseline", "half")
        }
        for seed in (0, 1)
    ]
    assert sets[0]["baseline"] == sets[1]["baseline"] == {"images": "all", "seed": None, "categories": None}
    assert [s["half"] for s in sets] == [{"images": "a", "seed": seed, "categories": [1, 3]} for seed in (0, 1)]


def test_streams_that_a_condition_does_not_vary_share_seed_0():
    seeds = study(conditions=[{"name": "baseline", "vary": ["order", "dropout"]}]).stream_seeds(
        Instance("all_cnn_c", "baseline", 4)
    )
    assert seeds == {"init": 0, "order": 4, "augment": 0, "dropout": 4}


def test_checkpoints_hold_the_first_and_last_epoch_and_those_analysed():
    expanded = study(training={"epochs": 7, "checkpoints": [5, 2]}, trajectory={"epochs": [2], "layers": ["conv7"]})
    assert expanded.checkpoints == (0, 2, 5, 7)
    assert expanded.analysed_epochs == (2, 7)


def test_defaults_of_list_entries_are_filled_in():
    network = study(networks=[{"architecture": "alexnet"}]).network("alexnet")
    assert network == {
        "architecture": "alexnet",
        "name": None,
        "label": None,
        "width": 1.0,
        "readout_relu": True,
        "last_3x3": "valid",
        "initialisation": "he_normal",
        "layers": None,
        "outputs": None,
        "kwargs": None,
        "weights": None,
    }


def test_layers_may_be_named_apart_from_their_modules():
    layers = {"last": "classifier.6", "conv1": "features.1"}
    network = study(networks=[{"architecture": "alexnet", "layers": layers}]).network("alexnet")
    assert list(network["layers"].items()) == list(layers.items())


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            {"a/b": "features.1"},
            r"networks\[0\].layers: found \"a/b\", expected a value that fits its description: Names of layers",
        ),
        ({"conv1": 3}, r"networks\[0\].layers.conv1: found 3, expected string"),
        ({}, r"networks\[0\].layers: found \{\}, expected"),
    ],
)
def test_impossible_names_of_layers_are_refused(layers, sentence):
    with pytest.raises(StudyError, match=sentence):
        study(networks=[{"architecture": "alexnet", "layers": layers}])


def test_the_order_of_keys_changes_nothing():
    reversed_keys = dict(reversed(default().items()))
    assert json.dumps(checked_study(reversed_keys, SCHEMA).config) == json.dumps(study().config)


def test_text_from_the_command_line_becomes_what_the_schema_wants():
    text = {
        "training": {"epochs": "7", "l2": "1e-4", "checkpoints": ["1"], "cohort_size": "2"},
        "collapse": {"min_train_accuracy": "null"},
    }
    config = study(
        **text, networks=[{"architecture": "all_cnn_7", "name": "7", "readout_relu": "false", "layers": "null"}]
    ).config
    assert config["training"] | {"epochs": 7, "l2": 1e-4, "checkpoints": [1], "cohort_size": 2} == config["training"]
    assert config["stimuli"]["root"] is None
    assert config["collapse"]["min_train_accuracy"] is None
    assert config["networks"][0] | {"name": "7", "readout_relu": False} == config["networks"][0]


def test_select_returns_the_named_keys_and_no_others():
    assert study().select(["training.epochs", "measures"]) == {
        "training": {"epochs": default()["training"]["epochs"]},
        "measures": default()["measures"],
    }


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_fits_the_schema(path, tmp_path):
    overlay = yaml.safe_load(path.read_text())
    if "pretrained_dir" in overlay:  # the study that exported its networks goes before it, as in the Snakefile
        overlay["pretrained_dir"] = str(ROOT / overlay["pretrained_dir"])
        overlay = merged(yaml.safe_load(Path(overlay["pretrained_dir"], "study.yaml").read_text()), overlay)
    for key, layout in (("activations_dir", "seed{}/conv1.npy"), ("networks_dir", "seed{}.pt")):
        if key in overlay:
            overlay[key] = str(tmp_path)
            for seed in range(2):
                file = tmp_path / "all_cnn_c" / "default" / layout.format(seed)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
    assert study(**overlay).name == path.stem


MISTAKES = {
    "unknown key": ({"instanses": 3}, "Unknown config key 'instanses': did you mean 'instances'?"),
    "unknown nested key": ({"training": {"epoch": 3}}, "Unknown config key 'training.epoch': did you mean 'epochs'?"),
    "unknown key of a list": (
        {"networks": [{"architecture": "all_cnn_c", "widht": 1}]},
        "Unknown config key 'networks[0].widht': did you mean 'width'?",
    ),
    "key like no other": ({"stimuli": {"zzz": 1}}, "'stimuli.zzz': expected one of per_category, root"),
    "missing key of a list": ({"networks": [{"width": 1}]}, "networks[0].architecture is missing"),
    "type": ({"training": {"epochs": "ten"}}, 'training.epochs: found "ten", expected integer'),
    "choice": (
        {"data": {"dataset": "mnist"}},
        'data.dataset: found "mnist", expected one of digits, cifar10, image_folder',
    ),
    "one instance": ({"instances": 1}, "instances: found 1, expected at least 2"),
    "study outside results": ({"study": "../elsewhere"}, 'study: found "../elsewhere", expected'),
    "study with a line break": ({"study": "digits\n"}, "Config key study: found"),
    "network outside results": ({"networks": [{"architecture": "all_cnn_c", "name": ".."}]}, "networks[0].name: found"),
    "checkpoint past the last": (
        {"training": {"epochs": 5, "checkpoints": [6]}},
        "training.checkpoints: found epoch 6, expected one of 0 to 5 (see training.epochs)",
    ),
    "judgement past the last epoch": (
        {"training": {"epochs": 5, "checkpoints": []}, "collapse": {"judge_after": [6]}},
        "collapse.judge_after: found epoch 6, expected one of 1 to 5 (see training.epochs)",
    ),
    "trajectory without weights": (
        {"training": {"epochs": 5, "checkpoints": [2]}, "trajectory": {"epochs": [3]}},
        "trajectory.epochs: found epoch 3, expected one of 0, 2, 5 (see training.checkpoints)",
    ),
    "two networks of one name": (
        {"networks": [{"architecture": "all_cnn_c"}, {"architecture": "all_cnn_c", "width": 0.5}]},
        "networks: the name 'all_cnn_c' occurs twice",
    ),
    "two conditions of one name": (
        {"conditions": [{"name": "a"}, {"name": "a"}]},
        "conditions: the name 'a' occurs twice",
    ),
    "two networks of one name but for case": (
        {"networks": [{"architecture": "all_cnn_c", "name": "net"}, {"architecture": "all_cnn_7", "name": "Net"}]},
        "networks: the names 'net' and 'Net' differ in case alone; change one.",
    ),
    "two conditions of one name but for case": (
        {"conditions": [{"name": "a"}, {"name": "A"}]},
        "conditions: the names 'a' and 'A' differ in case alone; change one.",
    ),
    "two categories of one name but for case": (
        {"stimuli": {"root": "a", "categories": {"bird": ["robin"], "Bird": ["dog"]}}},
        "stimuli.categories: 'bird' and 'Bird' differ in case alone; expected one category.",
    ),
    "condition for a network that is not there": (
        {"conditions": [{"name": "a", "networks": ["all_cnn_8"]}]},
        "conditions[0].networks: found 'all_cnn_8', expected one of all_cnn_c, all_cnn_7 (see networks)",
    ),
    "dropout for a network that is not there": ({"dropout": {"networks": ["b"]}}, "dropout.networks: found 'b'"),
    "trajectory of a condition that is not there": (
        {"trajectory": {"conditions": ["b"]}},
        "trajectory.conditions: found 'b'",
    ),
    "layer that a network has not": (
        {"networks": [{"architecture": "all_cnn_7", "layers": ["conv3", "conv9"]}]},
        "networks[0].layers: found 'conv9', expected one of conv1, conv2, conv3, conv4, conv5, conv6, conv7 (see all",
    ),
    "trajectory of a layer that is not there": (
        {"trajectory": {"epochs": [0], "layers": ["conf9"]}},
        "trajectory.layers: found conf9, expected at least one of conv1, conv2, ",
    ),
    "trajectory of a layer that no network has": (
        {"trajectory": {"epochs": [0], "layers": ["conv1", "conv10"]}},
        "trajectory.layers: found 'conv10', expected one of conv1, conv2, ",
    ),
    "trajectory of a layer that one of the networks has not": (
        {"trajectory": {"epochs": [0], "layers": ["conv9"]}},
        "layers: found conv9, expected at least one of conv1, conv2, conv3, conv4, conv5, conv6, conv7 (of all_cnn_7)",
    ),
    "dropout after a layer that is not there": (
        {"dropout": {"rates": [0.5], "after": ["conv3", "conv33"], "layers": ["conv1"]}},
        "dropout.after: found 'conv33', expected one of conv1, ",
    ),
    "averages of a layer that is not there": (
        {"dropout": {"rates": [0.5], "layers": ["pool"]}},
        "dropout.layers: found pool, expected at least one of conv1, ",
    ),
    "pair of a condition that is not there": (
        {"condition_pairs": [["baseline", "b"]]},
        "condition_pairs[0]: found 'b'",
    ),
    "pair of one": ({"condition_pairs": [["baseline"]]}, "condition_pairs[0]: found"),
    "intervals in a condition that is not there": (
        {"resampling": {"stimuli_for": {"conditions": ["b"]}}},
        "resampling.stimuli_for.conditions: found 'b'",
    ),
    "dropout of 1": (
        {"conditions": [{"name": "a", "dropout": 1}]},
        "conditions[0].dropout: found 1, expected less than 1",
    ),
    "ball that leaves the orthant": (
        {"rotations": {"radius": 1}},
        "rotations.radius: found 1, expected less than 1",
    ),
    "fraction": ({"instances": 3.0}, "instances: found 3.0, expected integer"),
    "not a number": (
        {"training": {"learning_rate": float("nan")}},
        "training.learning_rate: found nan, expected a finite",
    ),
    "not a number, in text": ({"training": {"l2": "inf"}}, "training.l2: found inf, expected a finite number"),
    "more than tables hold": ({"seed": 2**63}, "seed: found an integer of 64 bits, expected less than"),
    "date": ({"study": datetime.date(2020, 1, 1)}, "study: found datetime.date(2020, 1, 1), expected text"),
    "number for a key": (
        {"stimuli": {"categories": {1: ["a"], 2: ["b"]}}},
        "stimuli.categories.1: expected a key that is text",
    ),
    "line break in a path": ({"data": {"root": "a\nb"}}, 'data.root: found "a\\nb", expected text without control'),
    "no path": ({"data": {"root": ""}}, "data.root: found '', expected the path of a folder"),
    "path that no file system takes": ({"networks_dir": "a" * 300}, "networks_dir: found 'aaa"),
    "own results": (
        {"networks_dir": "results/digits/networks"},
        "expected a folder outside the study's own results/digits",
    ),
    "more resamples than memory": (
        {"resampling": {"n": 10**12}},
        "resampling.n: found 1000000000000, expected at most",
    ),
    "more partitions than memory": ({"resampling": {"partitions": 10**9}}, "resampling.partitions: found 1000000000, "),
    "more draws of stimuli than memory": ({"resampling": {"stimuli_n": 10**6}}, "expected at most 100000"),
    "more points than memory": (
        {"rotations": {"n_points": 10**5}},
        "rotations.n_points: found 100000, expected at most",
    ),
    "more dimensions than memory": (
        {"rotations": {"n_dimensions": 10**5}},
        "n_dimensions: found 100000, expected at m",
    ),
    "more rotations than time": ({"rotations": {"n_rotations": 10**9}}, "n_rotations: found 1000000000, expected at m"),
    "larger images than memory": ({"data": {"image_size": 10**6}}, "data.image_size: found 1000000, expected at most"),
    "more stimuli than any data": ({"stimuli": {"per_category": 10**9}}, "per_category: found 1000000000, expected at"),
    "wider than memory": (
        {"networks": [{"architecture": "all_cnn_c", "width": 1e9}]},
        "width: found 1000000000.0, exp",
    ),
    "more epochs than time": ({"training": {"epochs": 10**9}}, "training.epochs: found 1000000000, expected at most"),
    "too many to plan": ({"instances": 10**9}, "instances: found 1000000000, expected at most 10000"),
    "name too long for a file": ({"study": "a" * 101}, 'a", expected at most 100 characters'),
    "stimuli of two categories": (
        {"stimuli": {"root": "a", "categories": {"bird": ["robin"], "pet": ["dog", "robin"]}}},
        "stimuli.categories: found the folder 'robin' twice",
    ),
    "stimuli from nowhere": (
        {"stimuli": {"categories": {"bird": ["robin"], "pet": ["dog"]}}},
        "stimuli.categories: found folders, but stimuli.root is null; set it to their parent",
    ),
    "a name for a list of names": (
        {"measures": "cosin"},
        'measures: found "cosin", expected array of correlation, cosine, euclidean, unit_euclidean, norm_difference, '
        "as in [correlation].",
    ),
    "two sources": ({"activations_dir": "a", "networks_dir": "b"}, "activations_dir and networks_dir are both set"),
    "no folder": ({"activations_dir": "/nowhere"}, "activations_dir: the folder /nowhere does not exist"),
}


def test_layers_of_networks_that_only_torch_knows_are_not_judged():
    networks = [{"architecture": "resnet18"}, {"architecture": "all_cnn_c"}]
    study(networks=networks, trajectory={"epochs": [0], "layers": ["conv9", "layer1"]})
    named = [{"architecture": "alexnet", "layers": {"last": "classifier.6"}}]
    study(networks=named, trajectory={"epochs": [0], "layers": ["last"]})
    with pytest.raises(
        StudyError, match=r"trajectory\.layers: found fc8, expected at least one of last \(of alexnet\)"
    ):
        study(networks=named, trajectory={"epochs": [0], "layers": ["fc8"]})


@pytest.mark.parametrize(("overlay", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_one_sentence(overlay, sentence):
    with pytest.raises(StudyError) as caught:
        study(**overlay)
    message = str(caught.value)
    assert sentence in message
    assert "\n" not in message.rstrip()


def test_a_line_left_out_of_the_defaults_is_missed():
    config = default()
    del config["training"]["epochs"]
    with pytest.raises(StudyError, match=r"training\.epochs is missing: Number of epochs\."):
        checked_study(config, SCHEMA)


def test_a_config_that_contains_itself_is_refused():
    config = default()
    config["training"]["epochs"] = config
    with pytest.raises(StudyError, match="Config key training: found more than 100 levels"):
        checked_study(config, SCHEMA)


def lay_out(folder: Path, *files: str) -> Path:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("layer\nfc\nconv\n" if name == "layers.csv" else "")
    return folder


def test_own_activations_are_found_with_layers_in_natural_order(tmp_path):
    layers = ["conv10", "conv2", "conv9"]
    lay_out(tmp_path, *(f"net/mine/seed{seed}/{layer}.npy" for seed in (3, 11) for layer in layers))
    own = study(activations_dir=str(tmp_path))
    assert own.instances == (Instance("net", "mine", 3), Instance("net", "mine", 11))
    assert own.last_epoch == 0
    assert own.analysed_epochs == (0,)
    assert [path.stem for path in own.own_arrays[own.instances[0]][0]] == ["conv2", "conv9", "conv10"]


def test_layers_that_own_activations_and_networks_do_not_have_are_refused(tmp_path):
    own, networks = own_activations(tmp_path / "activations"), own_networks(tmp_path / "networks")
    for key in ("outside", "comparators", "conserved", "explorer"):
        sentence = rf"^Config key {key}\.layers: found convX, fc, expected at least one of conv9 \(of all_cnn_c\)\.$"
        with pytest.raises(StudyError, match=sentence):
            study(**own, **{key: {"layers": ["convX", "fc"]}})
        with pytest.raises(
            StudyError, match=rf"{key}\.layers: found convX, expected at least one of conv1, conv2, conv3"
        ):
            study(**networks, **{key: {"layers": ["convX"]}})
        assert study(**own, **{key: {"layers": ["conv9"]}}).config[key]["layers"] == ["conv9"]


@pytest.mark.parametrize("key", ["activations_dir", "networks_dir"])
def test_conditions_that_own_folders_have_not_are_known(tmp_path, key):
    kind = "{}/conv1.npy" if key == "activations_dir" else "{}.pt"
    lay_out(tmp_path, *("all_cnn_c/mine/" + kind.format(f"seed{seed}") for seed in (0, 1)))
    own = study(
        **{key: str(tmp_path)},
        condition_pairs=[["mine", "theirs"]],
        resampling={"partitions_for": {"conditions": ["mine"]}, "stimuli_for": {"conditions": ["other"]}},
    )
    assert own.absent_conditions == {
        "condition_pairs[0]": ["theirs"],
        "resampling.stimuli_for.conditions": ["other"],
    }
    assert study().absent_conditions == {}


def test_own_activations_of_several_epochs_in_the_order_of_layers_csv(tmp_path):
    files = [f"net/mine/seed{s}/epoch{e}/{name}.npy" for s in (0, 1) for e in (2, 10) for name in ("conv", "fc")]
    own = study(activations_dir=str(lay_out(tmp_path, "layers.csv", *files)))
    assert own.analysed_epochs == (2, 10)
    assert own.last_epoch == 10
    assert [path.stem for path in own.own_arrays[own.instances[1]][10]] == ["fc", "conv"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [(["conv9"], ("fc",)), (["fc"], ("fc",)), (["input", "conv", "fc"], ("conv", "fc"))],
)
def test_own_activations_are_followed_in_layers_that_are_there_at_every_epoch(tmp_path, named, expected):
    layers = {1: ["conv", "fc"], 2: ["conv", "fc", "input"]}
    lay_out(tmp_path, *(f"net/mine/seed{s}/epoch{e}/{name}.npy" for s in (0, 1) for e in layers for name in layers[e]))
    assert study(activations_dir=str(tmp_path), trajectory={"layers": named}).followed_layers("net") == expected


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"vary": ["augment"]}, True),
        ({"vary": ["augment", "dropout"]}, True),
        ({"vary": ["augment", "order"]}, False),
        ({"vary": ["dropout"], "dropout": 0.2, "networks": ["all_cnn_c"]}, False),
    ],
)
def test_networks_that_would_all_be_the_same_are_refused(changes, refused):
    conditions = [{"name": "baseline"}, {"name": "mine"} | changes]
    if not refused:
        study(conditions=conditions)
        study(conditions=conditions, training={"augmentation": "crop_flip"})
        return
    with pytest.raises(
        StudyError, match=r"mine varies only .*, which its training does not use .*, so its networks would all be"
    ):
        study(conditions=conditions)


def crossed(**changes):
    conditions = [{"name": "baseline"}, {"name": "mine", "cross": {"init": 4, "order": 3}} | changes]
    return study(conditions=conditions, networks=[{"architecture": "all_cnn_c"}])


def test_crossed_instances_are_all_combinations_whose_digits_are_the_stream_seeds():
    expanded = crossed()
    seeds = expanded.seeds("all_cnn_c", "mine")
    streams = [expanded.stream_seeds(Instance("all_cnn_c", "mine", seed)) for seed in seeds]
    assert [(each["init"], each["order"]) for each in streams] == [(i, j) for i in range(4) for j in range(3)]
    assert all(each["augment"] == each["dropout"] == 0 for each in streams)
    one = Instance("all_cnn_c", "mine", 7)
    assert expanded.settings(one)["vary"] == "init+order"
    assert expanded.settings(one)["cross"] == "init4+order3"
    assert expanded.stream_seeds(Instance("all_cnn_c", "mine", 6)) == expanded.stream_seeds(
        Instance("all_cnn_c", "baseline", 2)
    )


def test_three_streams_cross_with_the_last_fastest_whatever_their_order_in_the_file():
    levels = {"order": 2, "dropout": 3, "init": 2}
    expanded = crossed(cross=levels, dropout=0.3)
    seeds = expanded.seeds("all_cnn_c", "mine")
    found = [expanded.stream_seeds(Instance("all_cnn_c", "mine", seed)) for seed in seeds]
    assert [(each["init"], each["order"], each["dropout"]) for each in found] == [
        (i, j, k) for i in range(2) for j in range(2) for k in range(3)
    ]


def test_crossed_networks_are_not_redrawn_and_otherwise_trained_as_others():
    expanded = crossed()
    cell, plain = (
        task_values(expanded, Instance("all_cnn_c", name, seed)) for name, seed in (("mine", 6), ("baseline", 2))
    )
    assert cell["collapse"].pop("max_attempts") == 1
    assert plain["collapse"].pop("max_attempts") == 5
    differing = {key for key in plain if cell[key] != plain[key]}
    assert differing == {"name", "vary"}
    assert differ_in_draws_alone(expanded, "all_cnn_c", "baseline", "mine")


def test_a_perturbation_is_part_of_the_task_and_absent_without_one():
    expanded = crossed(cross=None, perturb={"epoch": 2})
    values = task_values(expanded, Instance("all_cnn_c", "mine", 1))
    assert values["perturb"] == {"kind": "factor", "factor": 1.001, "parameter": None, "index": 0, "epoch": 2}
    assert "perturb" not in task_values(expanded, Instance("all_cnn_c", "baseline", 1))
    assert not differ_in_draws_alone(expanded, "all_cnn_c", "baseline", "mine")
    assert expanded.settings(Instance("all_cnn_c", "mine", 1))["perturb"] == "factor 1.001 epoch 2"
    assert expanded.settings(Instance("all_cnn_c", "baseline", 1))["perturb"] is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cross": {"init": 1, "order": 4}}, "conditions[1].cross.init: found 1, expected at least 2"),
        ({"cross": {"init": 4}}, "conditions[1].cross: found init alone, expected at least two streams; or use vary."),
        ({"vary": ["order"]}, "found cross of init and order with vary of order; expected one of both."),
        ({"instances": 3}, "conditions[1].instances: found 3, but cross gives 12, all combinations"),
        ({"cross": {"init": 100, "order": 100, "dropout": 2}, "dropout": 0.1}, "found 20000 combinations"),
        ({"cross": {"init": 2, "augment": 2}}, "mine crosses augment, which its training does not use"),
        ({"cross": {"init": 2, "ordr": 2}}, "Unknown config key 'conditions[1].cross.ordr': did you mean 'order'?"),
        (
            {"cross": None, "perturb": {"epoch": 8}},
            "conditions[1].perturb.epoch: found epoch 8, expected one of 0 to 7",
        ),
        ({"cross": None, "perturb": {"factor": 1}}, "conditions[1].perturb.factor: found 1, expected a factor that"),
        (
            {"cross": None, "perturb": {"parameter": "conv99.weight"}},
            "perturb.parameter: found 'conv99.weight', expected",
        ),
        (
            {"cross": None, "perturb": {"kind": "bit"}},
            'conditions[1].perturb.kind: found "bit", expected one of factor',
        ),
        ({"cross": None, "perturb": {"index": -1}}, "conditions[1].perturb.index: found -1, expected at least 0"),
    ],
)
def test_impossible_crossings_and_perturbations_are_refused(changes, sentence):
    with pytest.raises(StudyError) as problem:
        crossed(**changes)
    assert sentence in str(problem.value)


def test_conditions_that_cross_are_pooled_or_those_that_are_named():
    assert crossed().source_groups == (("all_cnn_c", "mine"),)
    assert crossed(cross=None, vary=["order"]).source_groups == ()
    training = {"epochs": 8, "checkpoints": [1, 3]}
    trajectory = {"epochs": [1, 3], "conditions": ["one", "two"], "layers": ["conv9"]}
    names = [{"name": "one"}, {"name": "two", "vary": ["order"]}, {"name": "three", "vary": ["init", "order"]}]
    options = {"training": training, "trajectory": trajectory, "networks": [{"architecture": "all_cnn_c"}]}
    two = study(conditions=names, sources={"conditions": ["one", "two"], "epochs": [3, 8]}, **options)
    assert two.source_groups == (("all_cnn_c", "one"), ("all_cnn_c", "two"))
    assert two.source_epochs("all_cnn_c") == (3, 8)
    three = study(conditions=names, sources={"conditions": ["one", "two", "three"]}, **options)
    assert three.source_epochs("all_cnn_c") == (8,)


@pytest.mark.parametrize(
    ("condition", "sources", "sentence"),
    [
        ({"dropout": 0.2}, {}, "sources.conditions: mine and other differ in dropout, expected conditions that"),
        ({"images": "a"}, {}, "sources.conditions: mine and other differ in images and seed, expected"),
        ({"perturb": {"kind": "ulp"}}, {}, "sources.conditions: mine and other differ in perturb, expected"),
        ({}, {"epochs": [5]}, "sources.epochs: found epoch 5, expected one of 8 (see trajectory.epochs)"),
        ({}, {"layers": ["conv77"]}, "sources.layers: found conv77, expected at least one of conv1, conv2"),
        ({}, {"conditions": ["mine", "theirs"]}, "sources.conditions: found 'theirs', expected one of baseline, mine"),
        ({}, {"equivalent": 0}, "sources.equivalent: found 0, expected more than 0"),
    ],
)
def test_pools_that_cannot_be_split_are_refused(condition, sources, sentence):
    conditions = [{"name": "baseline"}, {"name": "mine", "vary": ["order"]}, {"name": "other"} | condition]
    with pytest.raises(StudyError) as problem:
        study(
            conditions=conditions,
            networks=[{"architecture": "all_cnn_c"}],
            sources={"conditions": ["mine", "other"]} | sources,
        )
    assert sentence in str(problem.value)


def test_a_dropout_sweep_of_a_crossed_condition_crosses_too():
    first = {"name": "baseline", "cross": {"init": 2, "order": 2}}
    sweep = {"rates": [0, 0.3], "layers": ["conv7"]}
    expanded = study(conditions=[first], dropout=sweep)
    assert len(expanded.seeds("all_cnn_c", "dropout0.3")) == 4
    with pytest.raises(StudyError, match=r"dropout\.instances: found a number, but the first condition crosses"):
        study(conditions=[first], dropout=sweep | {"instances": 3})


def test_a_network_may_draw_what_only_its_own_code_knows():
    study(networks=[{"architecture": "resnet18"}], conditions=[{"name": "mine", "vary": ["dropout"]}])


OWN_MISTAKES = {
    "a layer that the last epoch has not": (
        [f"net/m/seed{s}/{path}.npy" for s in (0, 1) for path in ("epoch1/a", "epoch1/b", "epoch2/a")],
        "activations_dir",
        "epoch1/b.npy: the last epoch, 2, does not have this layer",
    ),
    "nothing": (
        ["readme.txt"],
        "activations_dir",
        "does not hold any {architecture}/{condition}/seed{n}; found no file that looks like data.",
    ),
    "seed_0": (
        [f"net/m/seed_{seed}/{layer}.npy" for seed in range(3) for layer in "ab"],
        "activations_dir",
        "any {architecture}/{condition}/seed{n}; found net/m/seed_0/a.npy, net/m/seed_0/b.npy, net/m/seed_1/a.npy, "
        "net/m/seed_1/b.npy, net/m/seed_2/a.npy and 1 more.",
    ),
    "checkpoint of another framework": (
        ["all_cnn_c/m/seed0.ckpt"],
        "networks_dir",
        "any {architecture}/{condition}/seed{n}.safetensors; found all_cnn_c/m/seed0.ckpt.",
    ),
    "one instance": (["net/mine/seed0/a.npy"], "activations_dir", "net/mine: found 1 instance, expected at least 2"),
    "other layers": (
        ["net/m/seed0/a.npy", "net/m/seed1/b.npy"],
        "activations_dir",
        "found the layers of epoch 0 b, expected a",
    ),
    "other epochs": (
        ["net/m/seed0/epoch1/a.npy", "net/m/seed1/epoch2/a.npy"],
        "activations_dir",
        "net/m/seed1: found the epochs 2, expected 1",
    ),
    "no arrays": (["net/m/seed0/a.npy", "net/m/seed1/notes"], "activations_dir", "seed1: found no array"),
    "unlisted layer": (["layers.csv", "net/m/seed0/a.npy"], "activations_dir", "layers.csv does not list this layer"),
    "name with a space": (
        ["my net/m/seed0/a.npy"],
        "activations_dir",
        "found the folder name 'my net', expected a letter or digit",
    ),
    "folder called as a wildcard": (
        ["net/m/seed0/{x}.npy"],
        "activations_dir",
        "found the layer '{x}', expected a name",
    ),
    "folder called as a variable of Snakemake": (
        ["net/m/seed0/<results>.npy"],
        "activations_dir",
        "found the layer '<results>', expected a name without control characters, {, }, < and >.",
    ),
    "two folders of an epoch": (
        ["net/m/seed0/epoch1/a.npy", "net/m/seed0/epoch01/a.npy"],
        "activations_dir",
        "epoch1 and epoch01 are the same epoch",
    ),
    "leading zeros": (
        ["net/m/seed01/a.npy"],
        "activations_dir",
        "found the seed 01, expected a number without leading",
    ),
    "layers of one name but for case": (
        [f"net/m/seed{seed}/{layer}.npy" for seed in (0, 1) for layer in ("fc", "FC")],
        "activations_dir",
        "net/m/seed0: the names 'FC' and 'fc' differ in case alone; rename one.",
    ),
    "conditions of one name but for case": (
        [f"net/{condition}/seed{seed}/fc.npy" for seed in (0, 1) for condition in ("m", "M")],
        "activations_dir",
        "net: the names 'M' and 'm' differ in case alone; rename one.",
    ),
    "weights that are a folder": (
        ["all_cnn_c/m/seed0.pt", "all_cnn_c/m/seed1.pt/data.pkl"],
        "networks_dir",
        "seed1.pt is not a file, or is a broken link; expected the weights of a network.",
    ),
    "no end of digits": ([f"net/m/seed{10**30}/a.npy"], "activations_dir", "found a number of 31 digits, expected"),
    "two files of a seed": (
        ["all_cnn_c/m/seed0.pt", "all_cnn_c/m/seed0.safetensors"],
        "networks_dir",
        "have the same seed; expected one file per seed",
    ),
    "undeclared network": (["net/m/seed0.pt", "net/m/seed1.pt"], "networks_dir", "no entry of the config's `networks`"),
}


@pytest.mark.parametrize(("files", "key", "sentence"), OWN_MISTAKES.values(), ids=OWN_MISTAKES)
def test_a_wrong_layout_of_own_files_gets_one_sentence(files, key, sentence, tmp_path):
    with pytest.raises(StudyError) as caught:
        study(**{key: str(lay_out(tmp_path, *files))})
    assert sentence in str(caught.value)


def test_a_path_that_begins_with_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    lay_out(tmp_path / "own", "all_cnn_7/m/seed2.pt", "all_cnn_7/m/seed10.safetensors")
    own = study(networks_dir="~/own", data={"root": "~"}, stimuli={"root": "~/a~b"})
    assert own.config["networks_dir"] == f"{tmp_path}/own"
    assert own.config["data"]["root"] == str(tmp_path)
    assert own.config["stimuli"]["root"] == f"{tmp_path}/a~b"
    assert len(own.instances) == 2
    (tmp_path / "export").mkdir()
    (tmp_path / "export/study.yaml").write_text("seed: 3")
    assert read_study("~/export")["seed"] == 3


def test_own_networks_are_found(tmp_path):
    own = study(networks_dir=str(lay_out(tmp_path, "all_cnn_7/m/seed2.pt", "all_cnn_7/m/seed10.safetensors")))
    assert own.instances == (Instance("all_cnn_7", "m", 2), Instance("all_cnn_7", "m", 10))
    assert own.checkpoints == own.analysed_epochs == (0,)
    assert own.settings(own.instances[0])["stream_init"] is None


FOLDER_OF_IMAGES = {"dataset": "image_folder", "root": "images", "image_size": 64, "preprocessing": "imagenet"}


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        (
            {"networks": [{"architecture": "resnet18", "outputs": 1000}]},
            r"networks\[0\]\.outputs: found 1000, expected null: networks that a study trains have one output for each",
        ),
        (
            {"networks": [{"architecture": "resnet18", "width": 0.5}]},
            r"networks\[0\]\.width: found 0\.5, which only All-CNNs have, and resnet18 is none; arguments of its",
        ),
        (
            {"networks": [{"architecture": "all_cnn_c", "kwargs": {"bias": False}}]},
            r"networks\[0\]\.kwargs: found bias, expected null: all_cnn_c has keys of its own",
        ),
        (
            {"networks": [{"architecture": "all_cnn_c", "layers": "blocks"}]},
            r"networks\[0\]\.layers: found blocks, expected names of layers or null; all_cnn_c has neither blocks nor",
        ),
        *(
            (
                {"networks": [{"architecture": "timm:resnet18", "kwargs": {name: True}}]},
                rf"networks\[0\]\.kwargs: found {name}, which the workflow sets itself",
            )
            for name in ("pretrained", "pretrained_cfg", "weights", "num_classes", "checkpoint_path")
        ),
        (
            {"networks": [{"architecture": "timm:hf_hub:me/mine"}]},
            r"networks\[0\]\.architecture: found \"timm:hf_hub:me/mine\", expected",
        ),
        (
            {"networks": [{"architecture": "all_cnn_c", "weights": "default"}]},
            r"networks\[0\]\.weights: found default, expected a file, a folder or null; all_cnn_c is no",
        ),
        (
            {"networks": [{"architecture": "my.Net", "weights": "default"}]},
            r"networks\[0\]\.weights: found default, expected a file, a folder or null; my.Net is no",
        ),
        (
            {"networks": [{"architecture": "resnet18", "weights": "missing.pth"}]},
            "networks: no file of starting weights at missing.pth, expected one",
        ),
        (
            {"networks": [{"architecture": "resnet18", "weights": "results/digits/w.pth"}]},
            r"networks\[0\]\.weights: found results/digits/w.pth, expected weights outside the study's own results",
        ),
        (
            {"networks": [{"architecture": "resnet18", "weights": "{seed}.pth"}]},
            r"networks\[0\]\.weights: found \{seed\}.pth, expected a path without \{, \}, < and >, which",
        ),
        ({"data": {"preprocessing": "timm"}}, "data.preprocessing: found timm, expected a network of timm among the"),
        (
            {"data": {"preprocessing": "vgg"}},
            r"data.preprocessing: found \"vgg\", expected .* imagenet: the usual mean",
        ),
        ({"data": {"preprocessing": {"mean": [0.5]}}}, r"data.preprocessing: found \{\"mean\": \[0.5\]\}, expected"),
        (
            {"data": {"preprocessing": {"mean": [0.5], "sd": [0.0]}}},
            r"data.preprocessing.sd: found 0.0, expected numbers above 0\.",
        ),
        ({"data": {"resize": 70}}, "data.resize: found 70, but images are scaled only if they come from folders"),
        ({"data": {"interpolation": "bicubic"}}, "data.interpolation: found bicubic, but images are scaled only if"),
        ({"data": FOLDER_OF_IMAGES | {"resize": 60}}, "data.resize: found 60, expected at least data.image_size: 64"),
    ],
)
def test_keys_of_networks_from_elsewhere_are_checked_while_planning(overlay, sentence):
    with pytest.raises(StudyError, match=sentence):
        study(**overlay)


def test_networks_with_outputs_of_their_own_have_no_accuracies(tmp_path):
    own = own_networks(tmp_path)
    fitting, other = study(**own), study(**own, networks=[{"architecture": "all_cnn_c", "outputs": 7}])
    accuracies = {"accuracy", "accuracy_summary", "error_agreement"}
    assert not accuracies & fitting.unfilled_tables
    assert accuracies <= other.unfilled_tables
    assert other.kernel_groups == other.conserved_groups == (("all_cnn_c", "baseline"),)
    sentence = "distortions.names: found blur, but no network's outputs are the data's categories"
    with pytest.raises(StudyError, match=sentence):
        study(**own, networks=[{"architecture": "all_cnn_c", "outputs": 7}], distortions={"names": ["blur"]})


def test_training_images_are_needed_only_to_train_and_to_fit(tmp_path):
    own = own_networks(tmp_path)
    assert study().needs_training_images
    assert study(**own).needs_training_images
    assert not study(**own, data={"preprocessing": "imagenet"}).needs_training_images


def test_later_keys_that_are_not_set_are_in_no_params():
    """Otherwise the trainings of an earlier version would be made again."""
    plain = study(networks=[{"architecture": "resnet18"}])
    assert not {"outputs", "kwargs", "weights"} & network_values(plain, "resnet18").keys()
    given = study(networks=[{"architecture": "resnet18", "kwargs": {"width_per_group": 32}}])
    assert network_values(given, "resnet18")["kwargs"] == {"width_per_group": 32}


def test_files_of_starting_weights_are_found_by_the_seed_of_init(tmp_path):
    for seed in range(3):
        (tmp_path / f"seed{seed}.pth").touch()
    conditions = [
        {"name": "init", "vary": ["init"]},
        {"name": "order", "vary": ["order"], "categories": [0, 1]},
        {"name": "both", "cross": {"init": 2, "order": 2}},
    ]
    begun = study(
        networks=[{"architecture": "all_cnn_7", "weights": str(tmp_path)}, {"architecture": "all_cnn_c"}],
        conditions=conditions,
        instances=3,
        collapse={"max_attempts": 1},
        condition_pairs=[],
        dropout={"rates": []},
    )
    files = [str(tmp_path / f"seed{seed}.pth") for seed in range(3)]
    found = {
        name: [start_file(begun, instance) for instance in begun.instances if instance[:2] == ("all_cnn_7", name)]
        for name in ("init", "order", "both")
    }
    assert found == {"init": files, "order": files[:1] * 3, "both": [files[0], files[0], files[1], files[1]]}
    assert start_file(begun, Instance("all_cnn_c", "init", 1)) is None
    assert starts(begun, "all_cnn_c") == []
    needs = {"init": False, "order": False, "both": False}
    assert {each["condition"]: each["needs_draws"] for each in starts(begun, "all_cnn_7")} == needs
    (tmp_path / "seed2.pth").unlink()
    with pytest.raises(StudyError, match=f"no file of starting weights at {tmp_path}/seed2 with one of"):
        study(networks=[{"architecture": "all_cnn_7", "weights": str(tmp_path)}], instances=3)


def test_conditions_need_draws_if_all_begin_from_one_file_and_only_init_differs(tmp_path):
    (tmp_path / "w.pth").touch()
    begun = study(
        networks=[{"architecture": "all_cnn_7", "weights": str(tmp_path / "w.pth")}],
        conditions=[
            {"name": "init", "vary": ["init", "dropout"]},  # an All-CNN without dropout does not use that stream
            {"name": "order", "vary": ["init", "order"], "categories": [0, 1]},
            {"name": "crossed", "cross": {"init": 2, "order": 2}},
        ],
        instances=3,
        condition_pairs=[],
        dropout={"rates": []},
    )
    assert starts(begun, "all_cnn_7") == [
        {"condition": "init", "seed": 0, "chosen": None, "needs_draws": True},
        {"condition": "order", "seed": 0, "chosen": [0, 1], "needs_draws": False},
        {"condition": "crossed", "seed": 0, "chosen": None, "needs_draws": True},
    ]


def test_networks_of_ones_own_have_weights_already(tmp_path):
    networks = [{"architecture": "all_cnn_c", "weights": "w.pth"}]
    with pytest.raises(
        StudyError, match=r"networks\[0\]\.weights: found w.pth, expected null: networks that are trained"
    ):
        study(**own_networks(tmp_path), networks=networks)


def test_a_network_of_timm_is_named_without_its_library(tmp_path):
    assert network_name({"name": None, "architecture": "timm:resnet18"}) == "resnet18"
    with pytest.raises(StudyError, match="the name 'resnet18' occurs twice"):
        study(networks=[{"architecture": "timm:resnet18"}, {"architecture": "resnet18"}])


def test_labels_name_figures_and_change_no_training():
    plain = study()
    labelled = study(
        networks=[{"architecture": "all_cnn_c", "label": "Mine"}],
        conditions=[{"name": "baseline", "label": "as it is"}],
        dropout={"rates": [0.5]},
    )
    assert labelled.labels == {"architecture": {"all_cnn_c": "Mine"}, "condition": {"baseline": "as it is"}}
    assert plain.labels == {"architecture": {}, "condition": {}}
    named = study(networks=[{"architecture": "all_cnn_c"}])
    instance = Instance("all_cnn_c", "baseline", 0)
    assert task_values(labelled, instance) == task_values(named, instance)


def test_keys_of_all_cnns_have_the_defaults_of_the_schema():
    entry = SCHEMA["properties"]["networks"]["items"]["properties"]
    assert {key: entry[key]["default"] for key in OF_ALL_CNNS} == OF_ALL_CNNS
