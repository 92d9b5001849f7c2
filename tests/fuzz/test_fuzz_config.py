"""Configurations that nobody would write: each is refused in one sentence, or makes a study that can be planned."""

import copy
import datetime
import json
import os
import re
from functools import cache
from pathlib import Path

import yaml
from configs import SCHEMA, default, merged, schema_keys
from fuzzing import accepted, fuzzed
from hypothesis import strategies as st
from places import ROOT, WORKFLOW_TESTS

from manyseeds.figures import catalogue
from manyseeds.paper import protocol
from manyseeds.study import tasks
from manyseeds.study.checks import checked_study
from manyseeds.study.study import OWN_ACTIVATIONS, TRAINED, Study

SECTIONS = (
    None,
    "digits",
    "cifar10_small",
    "mehrer2020",
    "mehrer2020_alexnet",
    "tiny",
    "own_activations",
    "own_networks",
)

NUMBERS = (0, 1, 2, -1, 7, 2.0, 0.5, -0.0, 1e-320, 1e308, 10**9, 2**63, 10**18, -(10**30), 10**400)
NUMBERS += (float("nan"), float("inf"), float("-inf"))
TEXTS = (
    *(
        "",
        " ",
        "x",
        "..",
        ".",
        "../../x",
        "/etc",
        "a/b",
        "a\\b",
        "a\nb",
        "a\0b",
        "x\n",
        "{seed}",
        "~/x",
        "-x",
        "*",
        "%s",
    ),
    *(
        "null",
        "nan",
        "inf",
        "1e-4",
        "7",
        "1_000",
        "0x10",
        "true",
        "[1",
        "[" * 3000,
        "2020-01-01",
        "2020-13-45",
        "9" * 5000,
    ),
    *("ünïcødé", "٣", "²", "\u202e", "\ud800", "a" * 300, "a/" * 3000, "!!python/object/apply:os.getcwd []"),
    *("all_cnn_c", "all_cnn_7", "alexnet", "baseline", "dropout0.5", "conv9", "correlation", "init", "auto", "digits"),
)
THINGS = (None, True, False, [], {}, [[]], [None], [0, 0], [1, 2, 3], {"a": 1}, {1: 2}, {None: [3]}, {"": {"": ""}})
THINGS += (datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), b"\xff", {1, 2}, (1, 2), {(1, 2): 3}, 1j)
VALUES = st.sampled_from([*NUMBERS, *TEXTS, *THINGS]) | st.integers() | st.floats() | st.text()
KEYS = st.sampled_from(["", "..", "a/b", "x\n", 1, None, True, 2.5, "instanses", datetime.date(2020, 1, 1)]) | st.text()
KNOWN = st.sampled_from(sorted({key.split(".")[-1].removesuffix("[]") for key in schema_keys(SCHEMA)}))


@cache
def complete(name: str | None) -> dict:
    """A study as Snakemake hands it over: its file merged into the defaults."""
    file = (WORKFLOW_TESTS if name == "tiny" else ROOT) / f"studies/{name}.yaml"
    return default() if name is None else merged(default(), yaml.safe_load(file.read_text()))


def places(value, path=()):
    """Every place of a configuration: the keys that lead there."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def at(config, path):
    for key in path:
        config = config[key]
    return config


@st.composite
def configs(draw: st.DrawFn) -> dict:
    """A configuration with one to three changes."""
    config = copy.deepcopy(complete(draw(st.sampled_from(SECTIONS))))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(config))
        *parents, key = draw(st.sampled_from(found))
        parent = at(config, parents)
        match draw(st.sampled_from(["set", "set", "set", "delete", "add", "rename", "nest", "repeat", "swap"])):
            case "set":
                parent[key] = draw(VALUES)
            case "delete":
                del parent[key]
            case "add" if isinstance(parent, dict):
                parent[draw(KEYS | KNOWN)] = draw(VALUES)
            case "add":
                parent.append(draw(VALUES))
            case "rename" if isinstance(parent, dict):
                parent[draw(KEYS | KNOWN)] = parent.pop(key)
            case "nest":
                parent[key] = draw(st.sampled_from([lambda part: [part], lambda part: {"name": part}]))(parent[key])
            case "repeat" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case "swap":
                parent[key] = copy.deepcopy(at(config, draw(st.sampled_from(found))))
        if not config:
            break
    return config


NAMES = st.sampled_from(
    [text for text in TEXTS if len(text) < 20] + ["images_a", "images_b", "b", "dropout0.25", "net"]
)


def fitting(schema: dict) -> st.SearchStrategy:
    """Values that the schema allows, likely to contradict each other."""
    if "enum" in schema or "type" not in schema:
        return st.sampled_from(schema.get("enum", ["conv9"]))
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    least = max(schema.get("minimum", -9), schema.get("exclusiveMinimum", -9))
    most = min(schema.get("maximum", 2.0**70), schema.get("exclusiveMaximum", 2.0**70))
    choices = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(least, least + 12) | st.integers(least, 2**62),
        "number": st.floats(least, most) | st.floats(least, min(most, least + 2)),
        "string": NAMES,
        "array": st.lists(fitting(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=4),
        "object": st.fixed_dictionaries(
            {key: fitting(schema["properties"][key]) for key in schema.get("required", [])},
            optional={
                key: fitting(part)
                for key, part in schema.get("properties", {}).items()
                if key not in schema.get("required", [])
            },
        ),
    }
    return st.one_of(*(choices[name] for name in types))


@st.composite
def fitting_configs(draw: st.DrawFn) -> dict:
    """A configuration with up to six keys set to what the schema allows."""
    config = copy.deepcopy(complete(draw(st.sampled_from(SECTIONS))))
    for _ in range(draw(st.integers(1, 6))):
        key = draw(st.sampled_from(sorted(SCHEMA["properties"])))
        part = SCHEMA["properties"][key]
        if "properties" in part:
            inner = draw(st.sampled_from(sorted(part["properties"])))
            config[key][inner] = draw(fitting(part["properties"][inner]))
        else:
            config[key] = draw(fitting(part))
    return config


def lay_out(config: dict, folder: Path) -> dict:
    """Put activations or networks where the configurations of one's own look for them, if they look where they did."""
    layouts = (("activations_dir", "activations", "seed{}/conv1.npy"), ("networks_dir", "networks", "seed{}.pt"))
    for key, default_folder, layout in layouts:
        if config.get(key) == default_folder:
            for seed in range(2):
                file = folder / "all_cnn_c" / "baseline" / layout.format(seed)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
            config = config | {key: str(folder)}
    return config


def ask(study: Study) -> None:
    """Ask a study for all that the Snakefile asks while it is parsed and jobs are planned (rules/common.smk)."""
    plain = [catalogue.applicable(study), protocol.departures(study), study.followed_groups, study.dropout_groups]
    plain += [
        study.compared_conditions,
        study.dropout_sweep,
        study.shown_groups,
        study.checkpoints,
        study.stores_inputs,
    ]
    for figure in catalogue.FIGURES:
        catalogue.why_not(figure, study)
        if figure in plain[0]:
            assert set(catalogue.FIGURES[figure].groups(study)) <= set(study.groups)
    assert catalogue.main_measure(study.measures) in study.measures
    for group in study.groups:
        assert len(study.seeds(*group)) >= 2
        assert study.last_epoch in study.epochs_of(*group)
        plain += [tasks.training_set(study, group[1]), tasks.dropout_values(study, group[1])] if trained(study) else []
        plain += [study.network(group[0])] if study.mode != OWN_ACTIVATIONS else []
    for instance in (*study.instances[:3], *study.instances[-3:]):
        plain += [study.settings(instance)]
        assert instance in tasks.members(study, *instance[:2], tasks.block_of(study, instance))
        plain += [tasks.task_values(study, instance)] if trained(study) else []
    sections = [key for key in study.config if isinstance(study.config[key], dict)]
    plain += [study.select([f"{section}.{key}" for section in sections for key in study.config[section]])]
    assert len(study.instances) <= 10**6
    assert study.config["dropout"]["samples"] <= 10**6  # each is listed
    json.dumps(plain, allow_nan=False)


def trained(study: Study) -> bool:
    return study.mode == TRAINED


def check_paths(study: Study) -> None:
    """No name leads out of the study's folder, is too long for a file, or makes two files one."""
    named = [study.name, *(str(part) for group in study.groups for part in group), *study.measures]
    named += [condition["name"] for condition in study.conditions]
    for name in named:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name), name
        assert len(name) <= 100, name
    home = os.path.join("results", study.name)
    folders = [os.path.normpath(f"{home}/networks/{instance}") for instance in study.instances]
    assert len(set(folders)) == len(folders)
    assert all(folder.startswith(f"{home}{os.sep}networks{os.sep}") for folder in folders)


def check(config: dict, folder: Path) -> None:
    given = lay_out(config, folder)
    outcome = accepted(lambda: checked_study(given, SCHEMA), "onfig key", str(folder))
    if outcome is not None:
        ask(outcome[0])
        check_paths(outcome[0])


@fuzzed(600, configs())
def test_a_changed_config_makes_a_study_or_one_sentence(config, folder):
    check(config, folder)


@fuzzed(300, fitting_configs())
def test_a_config_that_fits_the_schema_makes_a_study_or_one_sentence(config, folder):
    check(config, folder)


@fuzzed(
    100,
    st.tuples(
        st.sampled_from(["l2", "batch_size", "cohort_size", "checkpoints"]),
        st.sampled_from(TEXTS) | st.text() | st.integers(0, 99).map(str) | st.floats(0, 1).map(str),
    ),
)
def test_text_from_the_command_line_is_taken_for_a_value_or_refused(key_and_text, folder):
    check(merged(default(), {"training": dict([key_and_text])}), folder)
