"""Cards of exported networks, and the studies that take them up."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from configs import merged, study
from own_folders import own_activations, own_networks
from places import ROOT

from manyseeds.errors import StudyError
from manyseeds.exchange import cards, exported_study
from manyseeds.io.provenance import digest
from manyseeds.study.instances import Instance
from manyseeds.study.study import PRETRAINED, Study

SWEEP = {
    "instances": 3,
    "dropout": {"rates": [0, 0.2], "instances": 2},
    "training": {"epochs": 4, "checkpoints": [1, 2]},
    "trajectory": {"epochs": [1, 2], "layers": ["conv9"], "conditions": ["baseline"]},
    "networks": [{"architecture": "all_cnn_c", "width": 0.1}],
}
"""A study to be exported."""

EPOCH_4 = {"training": {"epochs": 4, "checkpoints": []}, "trajectory": {"epochs": []}}
"""Of a study without followed training."""

RECORDED = {"epochs": [1, 2, 4], "layers": ["conv9"]}


def export(folder: Path, trained: Study, **changes) -> dict:
    """Write the cards of a study's networks, and return the overlay of a study that takes them up."""
    for instance in trained.instances:
        card = {"settings": exported_study.settings(trained, instance), "recorded": RECORDED}
        card |= {"images": {}, "trained": {}, "files": {}}
        path = folder / str(instance) / "card.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(card | changes))
    return merged(trained.portable_config, {"study": "mine", "pretrained_dir": str(folder)})


def test_a_study_takes_up_what_another_exported(tmp_path):
    trained = study(study="theirs", **SWEEP)
    taken_up = study(**export(tmp_path, trained))
    exported_study.check_exported(taken_up)
    assert taken_up.mode == PRETRAINED
    assert taken_up.name == "mine"
    for same in (
        "instances",
        "groups",
        "last_epoch",
        "checkpoints",
        "analysed_epochs",
        "followed_groups",
        "dropout_sweep",
    ):
        assert getattr(taken_up, same) == getattr(trained, same), same
    assert taken_up.weight_epochs == (4,)
    assert trained.weight_epochs == (0, 1, 2, 4)
    for instance in trained.instances:
        assert taken_up.settings(instance) == trained.settings(instance)
        assert taken_up.exported[instance] == tmp_path / str(instance)


def test_what_concerns_the_machine_alone_is_not_exported():
    config = study(
        study="theirs", keep_activations=True, data={"root": "/mine"}, training={"cohort_size": 3}
    ).portable_config
    assert {"study", "keep_activations", "networks_dir", "activations_dir", "pretrained_dir"}.isdisjoint(config)
    assert {"root", "download"}.isdisjoint(config["data"])
    assert {"cohort_size", "checkpoint_minutes"}.isdisjoint(config["training"])
    assert {"epochs", "seeds_per_job"} <= set(config["training"])


def test_of_epochs_that_are_not_exported_nothing_is_followed(tmp_path):
    trained = study(study="theirs", export={"epochs": [2]}, **SWEEP)
    assert trained.exported_epochs("all_cnn_c", "baseline") == (2, 4)
    assert trained.exported_epochs("all_cnn_c", "dropout0.2") == (4,)
    assert trained.analysed_epochs == (1, 2, 4)  # where they were trained
    taken_up = study(**export(tmp_path, trained, recorded={"epochs": [2, 4], "layers": ["conv9"]}))
    exported_study.check_exported(taken_up)
    assert taken_up.analysed_epochs == (2, 4)
    assert study(**SWEEP).exported_epochs("all_cnn_c", "baseline") == (1, 2, 4)
    with pytest.raises(StudyError, match=r"export\.epochs: found epoch 3, expected one of 1, 2, 4"):
        study(export={"epochs": [3]}, **SWEEP)


def test_only_networks_that_are_there_are_taken_up(tmp_path):
    overlay = export(tmp_path, study(**SWEEP))
    for name in ("all_cnn_c/baseline/seed1", "all_cnn_c/dropout0.2/seed0", "all_cnn_c/dropout0.2/seed1"):
        (tmp_path / name / "card.json").unlink()
        (tmp_path / name).rmdir()
    found = study(**overlay)
    assert found.instances == (Instance("all_cnn_c", "baseline", 0), Instance("all_cnn_c", "baseline", 2))
    assert found.dropout_sweep == ()
    assert study(**merged(overlay, {"conditions": [{"name": "baseline"}], "instances": 3})).instances == found.instances
    for changes in ({"instances": 2}, {"conditions": [{"name": "elsewhere"}], "trajectory": {"conditions": None}}):
        with pytest.raises(StudyError, match=r"found no two networks of one group .* that the study names"):
            study(**merged(overlay, changes))


def test_a_network_that_is_the_only_one_of_its_group_is_left_out(tmp_path):
    overlay = export(tmp_path, study(**SWEEP))
    (tmp_path / "all_cnn_c/dropout0.2/seed0/card.json").unlink()
    (tmp_path / "all_cnn_c/dropout0.2/seed0").rmdir()
    found = study(**overlay)
    assert found.alone == (Instance("all_cnn_c", "dropout0.2", 1),)
    assert found.groups == (("all_cnn_c", "baseline"),)
    assert found.dropout_sweep == ()
    exported_study.check_exported(found)


@pytest.mark.parametrize("name", ["data.json", "all_cnn_c/baseline/seed1/weights.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_pipes_and_devices_in_an_export_are_refused_unread(name, kind, tmp_path):
    overlay = export(tmp_path, study(**SWEEP))
    special(tmp_path / name, kind)
    with pytest.raises(StudyError, match=rf"{name} is not a regular file; expected one, as an export writes it\."):
        study(**overlay)


def test_a_study_file_of_an_export_that_is_a_pipe_is_refused_unread(tmp_path):
    special(tmp_path / "study.yaml", "pipe")
    with pytest.raises(StudyError, match=r"study\.yaml is not a regular file"):
        exported_study.read_study(str(tmp_path))


def test_a_study_file_of_an_export_has_each_key_once(tmp_path):
    (tmp_path / "study.yaml").write_text("seed: 3\ntraining: {epochs: 3}\nseed: 4\n")
    with pytest.raises(StudyError, match=r"study\.yaml: line 3 sets the key seed again, which line 1 sets\."):
        exported_study.read_study(str(tmp_path))


def special(path: Path, kind: str) -> None:
    """Make a file whose reading may not end, or a folder."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the place of each value in nested dicts."""
    if not isinstance(value, dict):
        yield path
    else:
        for key, part in value.items():
            yield from leaves(part, (*path, key))


SETTINGS = sorted(leaves(exported_study.settings(study(**SWEEP), Instance("all_cnn_c", "baseline", 0))))


@pytest.mark.parametrize("place", SETTINGS, ids=".".join)
def test_every_setting_that_differs_is_named(tmp_path, place):
    taken_up = study(**export(tmp_path, study(**SWEEP)))
    exported_study.check_exported(taken_up)
    path = tmp_path / "all_cnn_c/baseline/seed1/card.json"
    card = json.loads(path.read_text())
    *parents, last = place
    section = card["settings"]
    for key in parents:
        section = section[key]
    section[last] = "other"
    path.write_text(json.dumps(card))
    name = ".".join(place).replace("recipe.dropout_after", "dropout.after").replace("recipe.dropout", "dropout")
    name = name.replace("recipe.", "training.").replace("root_seed", "seed")
    expected = rf'seed1: trained with {name} "other", but the study says'
    with pytest.raises(StudyError, match=expected):
        exported_study.check_exported(taken_up)


def test_the_number_of_settings_is_known():
    """Else a test for each of them could lose some unnoticed."""
    assert len(SETTINGS) > 25


@pytest.mark.parametrize(
    ("recorded", "sentence"),
    [
        ({"epochs": [2, 4], "layers": ["conv9"]}, "trajectory.epochs: found 1, but .*seed0 recorded the epochs 2, 4;"),
        (
            {"epochs": [1, 2, 4], "layers": ["conv8"]},
            "trajectory.layers: found conv9, but .* recorded the layers conv8;",
        ),
        ({}, r"trajectory.epochs: found 1, but .* recorded the epochs \(none\);"),
    ],
)
def test_what_is_followed_must_have_been_recorded(tmp_path, recorded, sentence):
    overlay = export(tmp_path, study(**SWEEP), recorded=recorded)
    with pytest.raises(StudyError, match=f"^Config key {sentence}"):
        exported_study.check_exported(study(**overlay))
    exported_study.check_exported(study(**merged(overlay, {"trajectory": {"epochs": []}})))


DEEP = (
    '{"settings": {"network": ' + "[" * 200 + "]" * 200 + '}, "images": {}, "recorded": {}, "files": {}, "trained": {}}'
)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"settings": {}, "recorded": {}, "files": {}}', "[" * 100_000, " " * 2**21, DEEP]
)
def test_a_broken_card_gets_one_sentence(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(StudyError, match=r"card.json (cannot be read|is not the card of an exported network)"):
        cards.read_card(tmp_path)


def test_a_network_without_a_card_is_told(tmp_path):
    overlay = export(tmp_path, study(**SWEEP))
    (tmp_path / "all_cnn_c/baseline/seed1/card.json").unlink()
    with pytest.raises(StudyError, match=r"seed1 does not hold card.json, so the export of this network is incomplete"):
        study(**overlay)


def test_one_folder_at_most_is_analysed_instead_of_training():
    with pytest.raises(
        StudyError, match=r"^Config keys networks_dir and pretrained_dir are both set; expected at most one of them"
    ):
        study(networks_dir="a", pretrained_dir="b")


def test_a_study_takes_up_networks_that_do_not_all_have_each_followed_layer(tmp_path):
    trained = study(
        networks=[{"architecture": "all_cnn_c"}, {"architecture": "all_cnn_7"}],
        instances=2,
        training={"epochs": 4, "checkpoints": [1]},
        trajectory={"epochs": [1], "layers": ["conv9", "conv7"]},
    )
    overlay = export(tmp_path, trained)
    for instance in trained.instances:
        path = tmp_path / str(instance) / "card.json"
        card = json.loads(path.read_text())
        layers = ["conv9", "conv7"] if instance.architecture == "all_cnn_c" else ["conv7"]
        path.write_text(json.dumps(card | {"recorded": {"epochs": [1, 4], "layers": layers}}))
    exported_study.check_exported(study(**overlay))
    path.write_text(json.dumps(card | {"recorded": {"epochs": [1, 4], "layers": ["conv9"]}}))
    with pytest.raises(StudyError, match=r"trajectory.layers: found conv7, but .*all_cnn_7/baseline/seed1"):
        exported_study.check_exported(study(**overlay))


def test_a_setting_younger_than_a_card_is_what_it_was_then(tmp_path):
    """The study beside the cards is as old as they are: its file does not have these keys either."""
    overlay = export(tmp_path, study(**SWEEP))
    for path in tmp_path.rglob("card.json"):
        card = json.loads(path.read_text())
        for section, younger in cards.LATER.items():
            for key in younger:
                del card["settings"][section][key]
        path.write_text(json.dumps(card))
    for section, key in exported_study.SECTIONS.items():
        for younger in cards.LATER[section]:
            del overlay[key][younger]
    theirs = {key: value for key, value in overlay.items() if key not in ("study", "pretrained_dir")}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(theirs))
    overlay |= exported_study.read_study(str(tmp_path))
    assert overlay["collapse"]["dead"] == "ignore"
    exported_study.check_exported(study(**overlay))
    overlay["networks"][0]["last_3x3"] = "same"
    with pytest.raises(StudyError, match=r'trained with network.last_3x3 "valid", but the study says "same"'):
        exported_study.check_exported(study(**overlay))


@pytest.mark.parametrize("elsewhere", [own_activations, own_networks])
def test_what_comes_from_elsewhere_does_not_take_the_places_of_trained_networks(tmp_path, elsewhere):
    studies = (study(**export(tmp_path / "theirs", study(**SWEEP))), study(**elsewhere(tmp_path / "own")))
    trained = tmp_path / "results/networks/all_cnn_c/baseline/seed0/init.safetensors"
    for other in studies:
        exported_study.check_places(other, tmp_path / "results")
    trained.parent.mkdir(parents=True)
    trained.touch()
    for other in studies:
        with pytest.raises(StudyError, match=r"seed0: this network was trained here, .* give the study another name"):
            exported_study.check_places(other, tmp_path / "results")
    exported_study.check_places(study(**SWEEP), tmp_path / "results")  # which is the one that trains them


# The study of an export


@pytest.mark.parametrize("folder", [None, "", " ", 7, ["a"]])
def test_without_a_folder_there_is_no_study_to_read(folder):
    assert exported_study.read_study(folder) == {}


def test_the_study_of_an_export_is_what_was_exported(tmp_path):
    config = study(study="theirs", **SWEEP).portable_config
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    assert exported_study.read_study(str(tmp_path)) == config


def chained(link: str) -> bytes:
    """Return a file in which each of 40 values holds the one before it."""
    lines = [f"a{n}: &a{n} {link.replace('BEFORE', f'*a{n - 1}')}" for n in range(1, 40)]
    return "\n".join(["a0: &a0 {x: 1}", *lines]).encode()


ALIASES = chained("[BEFORE, BEFORE]")
MERGED = chained("{<<: [BEFORE, BEFORE]}")
LEVELS = chained("[[[BEFORE]]]")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: [", "cannot be read as YAML"),
        (b"\xff\xfe\x00", "cannot be read as YAML"),
        (b"a: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
        (b"[" * 100_000, "cannot be read as YAML"),
        (b"- a", "does not hold the keys of a config"),
        (b"", "does not hold the keys of a config"),
        (b"study: mehrer2020", "found the key study, which each analysis sets for itself"),
        (b"activations_dir: /", "found the key activations_dir"),
        (b"data: {root: /}", "found the key data.root"),
        (b"seed: !!int ''", r"cannot be read as YAML \(string index out of range"),
        (b"seed: 1:" + b"59:" * 5000 + b"59.0", "cannot be read as YAML"),
        (b"a: " + b"[" * 100 + b"]" * 100, r"cannot be read as YAML \(found more than 100 levels"),
        (b"seed: &all [*all]", r"\(found more than 100 levels, or an alias within the value that it stands for\)"),
        (b"# " + b"x" * 2**15, r"\(found 32,770 bytes, expected at most 32,768\)"),
        (ALIASES, r"\(found more than 20,000 values, with those that aliases repeat\)"),
        (MERGED, r"\(found more than 20,000 values, with those that aliases repeat\)"),
        (LEVELS, r"\(found more than 100 levels, with those behind aliases\)"),
    ],
)
def test_another_study_file_gets_one_sentence(tmp_path, content, sentence):
    (tmp_path / "study.yaml").write_bytes(content)
    began = time.process_time()
    with pytest.raises(StudyError, match=sentence) as caught:
        exported_study.read_study(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1
    assert time.process_time() - began < 5  # a second on an idle machine; unlimited, these take hours


def test_aliases_within_limits_are_read(tmp_path):
    (tmp_path / "study.yaml").write_text("conditions: [&a {name: a}, {<<: *a, dropout: 0.5}]")
    conditions = exported_study.read_study(str(tmp_path))["conditions"]
    assert conditions == [{"name": "a"}, {"name": "a", "dropout": 0.5}]


def test_what_is_no_file_is_not_opened(tmp_path):
    """A pipe would wait for a writer for ever."""
    os.mkfifo(tmp_path / "study.yaml")
    with pytest.raises(StudyError, match=r"study.yaml is not a regular file; expected one"):
        exported_study.read_study(str(tmp_path))


def test_a_missing_study_file_gets_one_sentence(tmp_path):
    with pytest.raises(StudyError, match=r"study.yaml cannot be read as YAML \(.*No such file"):
        exported_study.read_study(str(tmp_path))


COMING_WITH_US = sorted(path.parent for path in (ROOT / "data/networks").glob("*/study.yaml"))
COMPARABLE = [folder for folder in COMING_WITH_US if len(list(folder.glob("*/*/seed*/card.json"))) > 1]
"""Folders with networks to compare. Others have the first network of a study that is being trained."""


def test_some_networks_come_with_the_project():
    assert COMPARABLE


@pytest.mark.parametrize("folder", COMING_WITH_US, ids=lambda path: path.name)
def test_files_that_come_with_the_project_are_those_of_their_cards(folder):
    paths = sorted(card.parent for card in folder.glob("*/*/seed*/card.json"))
    assert paths
    for path in paths:
        recorded = cards.read_card(path)["files"]
        assert {name: digest(path / name) for name in recorded} == recorded


@pytest.mark.parametrize("folder", COMPARABLE, ids=lambda path: path.name)
def test_networks_that_come_with_the_project_fit_todays_config(folder):
    """A setting that is new must be added to `cards.LATER`, with the value that they were trained with."""
    overlay = exported_study.read_study(str(folder))
    taken_up = study(**merged(overlay, {"study": "mine", "pretrained_dir": str(folder)}))
    exported_study.check_exported(taken_up)
    assert len(taken_up.exported) == len(list(folder.glob("*/*/seed*/card.json")))


# The code of an export's networks


@pytest.mark.parametrize(
    "architecture", ["payload.Net", "payload", "os.path.join", "torchvision.models.alexnet.AlexNet", "timm.Net", "a."]
)
def test_an_export_names_no_code_that_its_user_did_not_name(tmp_path, monkeypatch, architecture):
    """A name without a path is looked for in torchvision alone. A stranger's package of that name does not count."""
    folder = tmp_path / "shadows/torchvision"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    if "." not in architecture:
        monkeypatch.syspath_prepend(folder.parent)
    trained = study(networks=[{"architecture": architecture, "name": "all_cnn_c"}], instances=2, **EPOCH_4)
    taken_up = study(**export(tmp_path / "theirs", trained))
    sentence = rf"theirs/study.yaml: found the architecture {architecture}, whose import would run code .* of your own"
    with pytest.raises(StudyError, match=sentence):
        exported_study.check_architectures(taken_up, ["all_cnn_c"])
    exported_study.check_architectures(taken_up, exported_study.named_architectures(trained.config))
    exported_study.check_architectures(trained, [])  # which is the user's own


@pytest.mark.parametrize("architecture", ["all_cnn_7", "resnet18", "torchvision.models.resnet18", "timm.models.vit"])
def test_an_export_may_name_networks_of_libraries(tmp_path, architecture):
    trained = study(networks=[{"architecture": architecture, "name": "all_cnn_c"}], instances=2, **EPOCH_4)
    exported_study.check_architectures(study(**export(tmp_path / "theirs", trained)), [])


@pytest.mark.parametrize("config", [{}, {"networks": None}, {"networks": {"a": 1}}, {"networks": ["a", 3]}])
def test_a_config_that_is_not_checked_yet_names_no_architecture(config):
    assert exported_study.named_architectures(config) == []
