"""Streams that two networks share, against the draws themselves."""

import json
from itertools import combinations, product

import pandas as pd
import pytest
from configs import study
from places import ROOT

from manyseeds import streams
from manyseeds.comparison import shared_streams
from manyseeds.study.architectures import STREAMS
from manyseeds.study.instances import Instance
from manyseeds.study.tasks import differ_in_draws_alone, random_draws, task_values
from manyseeds.training.recipes import Task

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
NETWORK = "all_cnn_c"
SETS = [chosen for n in range(1, 5) for chosen in combinations(STREAMS, n)]
VARIED = [("init",), ("order",), ("init", "order"), ("init", "augment", "dropout"), ("order", "dropout")]


def two(first, second, **config):
    """A study of two conditions, `one` and `other`."""
    conditions = [{"name": "one"} | first, {"name": "other"} | second]
    return study(conditions=conditions, networks=[{"architecture": NETWORK}], instances=3, **config)


def draws_of(expanded, attempts=(0, 0), architecture=NETWORK):
    return [
        shared_streams.draws_by_seed(random_draws(expanded, architecture, condition), dict.fromkeys(range(3), attempt))
        for condition, attempt in zip(("one", "other"), attempts, strict=True)
    ]


def drawn(expanded, condition, seed, attempt):
    """The first number that a training draws from each stream, at the address that the training itself computes."""
    task = Task.from_params(n_categories=10, **task_values(expanded, Instance(NETWORK, condition, seed)))
    used = {"init", "order"} | ({"augment"} if task.recipe.augmentation != "none" else set())
    used |= {"dropout"} if task.recipe.dropout else set()
    return {s: streams.generator(**task.address(s, attempt)).random() for s in STREAMS if s in used}


@pytest.mark.parametrize(
    ("augmentation", "dropout"), [("none", (0.0, 0.0)), ("crop_flip", (0.5, 0.0)), ("crop_flip", (0.5, 0.5))]
)
@pytest.mark.parametrize("attempts", [(0, 0), (1, 0), (1, 1)])
def test_streams_are_shared_if_their_draws_are_equal(augmentation, dropout, attempts):
    for vary, other_vary in product(VARIED, repeat=2):
        expanded = two(
            {"vary": list(vary), "dropout": dropout[0]},
            {"vary": list(other_vary), "dropout": dropout[1]},
            training={"augmentation": augmentation},
        )
        first, second = draws_of(expanded, attempts)
        alone = differ_in_draws_alone(expanded, NETWORK, "one", "other")
        same = shared_streams.same_networks(first, second, differ_in_draws_alone=alone)
        for a, b in product(range(3), repeat=2):
            mine, theirs = drawn(expanded, "one", a, attempts[0]), drawn(expanded, "other", b, attempts[1])
            equal = [stream for stream in STREAMS if stream in mine and mine[stream] == theirs.get(stream)]
            assert shared_streams.shared_streams(first[a], second[b]) == ("+".join(equal) or "none")
            assert ((a, b) in same) == (dropout[0] == dropout[1] and mine == theirs)


def test_init_and_order_have_their_first_network_in_common():
    expanded = two({"vary": ["init"]}, {"vary": ["order"]})
    assert differ_in_draws_alone(expanded, NETWORK, "one", "other")
    first, second = draws_of(expanded)
    assert shared_streams.same_networks(first, second, differ_in_draws_alone=True) == [(0, 0)]
    rows = pd.DataFrame(product(range(3), repeat=2), columns=["seed_a", "seed_b"])
    expected = ["init+order", "init", "init", "order", "none", "none", "order", "none", "none"]
    assert shared_streams.shared_by_row(rows, first, second) == expected


def test_a_redrawn_network_shares_none_of_the_streams_that_it_varies():
    """Both are redrawn at seed 0, each in its own stream: from then on they are two networks."""
    expanded = two({"vary": ["init"]}, {"vary": ["order"]})
    first, second = draws_of(expanded, attempts=(1, 1))
    assert shared_streams.shared_streams(first[0], second[0]) == "none"
    assert shared_streams.same_networks(first, second, differ_in_draws_alone=True) == []
    (first, _), (_, second) = draws_of(expanded, attempts=(1, 1)), draws_of(expanded)
    assert shared_streams.shared_streams(first[0], second[0]) == "order"


@pytest.mark.parametrize("setting", [{"images": "a"}, {"categories": [0, 1, 2]}, {"dropout": 0.5}])
def test_networks_that_differ_in_another_setting_are_not_the_same(setting):
    expanded = two({"vary": ["init"]}, {"vary": ["order"]} | setting)
    assert not differ_in_draws_alone(expanded, NETWORK, "one", "other")
    assert shared_streams.same_networks(*draws_of(expanded), differ_in_draws_alone=False) == []
    assert shared_streams.shared_streams(*(each[0] for each in draws_of(expanded))) == "init+order"


def test_conditions_that_differ_in_a_stream_without_use_have_all_networks_in_common():
    expanded = two({"vary": ["init"]}, {"vary": ["init", "dropout", "augment"], "instances": 2})
    pairs = shared_streams.same_networks(*draws_of(expanded), differ_in_draws_alone=True)
    assert pairs == [(0, 0), (1, 1)]
    assert shared_streams.same_sentence(NETWORK, ("one", "other"), pairs) == (
        "all_cnn_c: one and other have the same network, with equal settings and random streams, at these seeds: 0, 1. "
        "It is not compared with itself."
    )


def test_networks_that_may_have_dropout_of_their_own_use_that_stream():
    conditions = [{"name": "one"}, {"name": "other", "vary": ["init", "dropout"]}]
    expanded = study(conditions=conditions, networks=[{"architecture": "alexnet"}], instances=3)
    first, second = draws_of(expanded, architecture="alexnet")
    assert shared_streams.same_networks(first, second, differ_in_draws_alone=True) == [(0, 0)]
    assert shared_streams.shared_streams(first[1], second[1]) == "init+order"


def test_nothing_is_known_of_trainings_elsewhere():
    rows = pd.DataFrame({"seed_a": [0, 1], "seed_b": [1, 1]})
    assert shared_streams.draws_by_seed(None, {}) is None
    assert shared_streams.shared_by_row(rows, None, {1: {}}) == [None, None]
    assert shared_streams.same_networks(None, None, differ_in_draws_alone=True) == []


@pytest.mark.parametrize(
    ("shared", "expected"),
    [([], None), ([None], None), (["init", "init", None], "init"), (["none", "init"], "several")],
)
def test_a_pool_has_the_streams_of_its_pairs_or_several(shared, expected):
    assert shared_streams.pooled(shared) == expected


def test_schemas_know_every_set_of_streams():
    sets = {shared_streams.NONE, *("+".join(each) for each in SETS), None}
    for table, more in (("consistency_across", set()), ("consistency_across_summary", {shared_streams.SEVERAL})):
        schema = json.loads((SCHEMAS / f"{table}.schema.json").read_text())
        assert set(schema["properties"]["shared"]["enum"]) == sets | more
