"""Tables conform to their schemas, or are refused."""

import json

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from manyseeds.io import tables

SCHEMAS = sorted((ROOT / "workflow_scripts/manyseeds/schemas/tables").glob("*.json"))
SCHEMA = {
    "title": "example",
    "properties": {
        "seed": {"type": "integer", "minimum": 0},
        "kind": {"type": "string", "enum": ["exemplar", "centroid"]},
        "mean": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "n_resamples": {"type": ["integer", "null"]},
        "collapsed": {"type": "boolean"},
    },
}

FLAG = "infinite_is_null"


def frame(**columns) -> pd.DataFrame:
    values = {
        "collapsed": [False, True],
        "mean": [0.5, np.nan],
        "seed": [0, 1],
        "n_resamples": [None, 1000],
        "kind": ["exemplar", "centroid"],
    }
    return pd.DataFrame(values | columns)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name.split(".")[0])
def test_schemas_describe_every_column(path):
    schema = json.loads(path.read_text())
    assert schema["title"] == path.name.removesuffix(".schema.json")
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])
    assert all(column["description"].endswith(".") for column in [schema, *schema["properties"].values()])


def test_a_loss_that_is_infinite_is_null_and_other_infinite_values_are_refused():
    for path in SCHEMAS:
        flagged = [name for name, column in json.loads(path.read_text())["properties"].items() if FLAG in column]
        assert flagged == (["loss"] if "history" in path.name or path.name.startswith("attempts") else []), path
    columns = SCHEMA["properties"] | {"mean": {"type": ["number", "null"], FLAG: True}}
    table = tables.conform(frame(mean=[np.inf, np.nan]), SCHEMA | {"properties": columns})
    assert table["mean"].isna().all()
    for kind in ("number", ["number", "null"]):
        columns = SCHEMA["properties"] | {"mean": {"type": kind}}
        with pytest.raises(ValueError, match="table example, column mean: 1 of 2 values are infinite"):
            tables.conform(frame(mean=[0.5, -np.inf]), SCHEMA | {"properties": columns})


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name.split(".")[0])
def test_every_schema_makes_an_empty_table(path, tmp_path):
    schema = tables.read_schema(path)
    tables.gather([], schema, tmp_path / "t.parquet", tmp_path / "t.csv")
    assert list(pd.read_parquet(tmp_path / "t.parquet").columns) == list(schema["properties"])
    assert (tmp_path / "t.csv").read_text().strip() == ",".join(schema["properties"])


def test_columns_get_the_order_and_types_of_the_schema():
    table = tables.conform(frame(), SCHEMA)
    assert list(table.columns) == list(SCHEMA["properties"])
    assert [str(dtype) for dtype in table.dtypes] == ["int64", "str", "float64", "Int64", "bool"]
    assert table.loc[1, "n_resamples"] == 1000
    assert table["n_resamples"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"extra": 1}, r"unknown columns \['extra'\]"),
        ({"seed": [0, None]}, "column seed: 1 of 2 values are missing"),
        ({"seed": [0.5, 1.0]}, "column seed"),
        ({"seed": [0, -1]}, "column seed: .*-1.* is outside"),
        ({"mean": [0.1, 1.1]}, "column mean: .*1.1.* is outside"),
        ({"kind": ["exemplar", "other"]}, "column kind: found 'other', which is outside"),
        ({"mean": ["a", "b"]}, "column mean"),
    ],
)
def test_what_does_not_conform_is_refused(columns, problem):
    with pytest.raises(ValueError, match=problem):
        tables.conform(frame(**columns), SCHEMA)


LAYERS = {"seed": {"type": "integer"}, "layer": {"type": ["string", "null"]}, "value": {"type": ["number", "null"]}}
OF_LAYERS = {"title": "mine", "properties": LAYERS}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ({"seed": [1], "values": [0.5]}, r"missing columns \[\], unknown columns \['values'\]"),
        ({"value": [0.5]}, r"missing columns \['seed'\], unknown columns \[\]"),
        ({"seeds": []}, r"missing columns \[\], unknown columns \['seeds'\]"),
    ],
)
def test_rows_with_a_column_of_another_name_are_refused_and_not_filled_with_nulls(rows, problem):
    with pytest.raises(ValueError, match=f"table mine: {problem}"):
        tables.filled(pd.DataFrame(rows), OF_LAYERS)


def test_rows_get_the_columns_that_may_be_null_and_a_table_without_rows_all():
    found = tables.filled(pd.DataFrame({"value": [0.5], "seed": [1]}), OF_LAYERS)
    assert found.columns.tolist() == [*LAYERS]
    assert found["layer"].isna().all()
    assert tables.filled(pd.DataFrame(), OF_LAYERS).columns.tolist() == [*LAYERS]


def test_a_missing_column_is_refused():
    with pytest.raises(ValueError, match=r"missing columns \['mean'\]"):
        tables.conform(frame().drop(columns="mean"), SCHEMA)


def test_gathered_parts_keep_their_order_and_read_back_equal(tmp_path):
    parts = [tmp_path / name for name in ("b.parquet", "a.parquet")]
    for seed, part in enumerate(parts):
        tables.write_table(frame(seed=[seed, seed]), SCHEMA, part)
    tables.gather(parts, SCHEMA, tmp_path / "t.parquet", tmp_path / "t.csv")
    gathered = pd.read_parquet(tmp_path / "t.parquet")
    assert gathered["seed"].tolist() == [0, 0, 1, 1]
    assert gathered["mean"].isna().sum() == 2
    pd.testing.assert_frame_equal(tables.conform(pd.read_csv(tmp_path / "t.csv"), SCHEMA), gathered)


def test_a_table_that_does_not_conform_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="outside"):
        tables.write_table(frame(seed=[0, -1]), SCHEMA, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def of_attempts(outcomes):
    """Tables of attempts, by seed."""
    rows = {seed: [{"seed": seed, "attempt": n, "outcome": each} for n, each in enumerate(o)] for seed, o in outcomes}
    return [pd.DataFrame(attempts) for attempts in rows.values()]


def test_seeds_accepted_at_different_attempts_are_unequally_drawn():
    once, twice = ["accepted"], ["collapsed", "accepted"]
    one = of_attempts([(0, once), (1, twice), (2, once), (3, twice)])
    other = of_attempts([(1, twice), (2, twice), (3, once), (4, once)])
    assert tables.unequally_drawn(one, other) == tables.unequally_drawn(other, one) == {2, 3}
    assert tables.unequally_drawn(one, []) == tables.unequally_drawn([], other) == set()
    assert tables.attempt_numbers(one) == {0: 0, 1: 1, 2: 0, 3: 1}
    assert tables.attempt_numbers([]) == {}


def test_an_instance_is_collapsed_by_its_last_attempt():
    found = [
        tables.is_collapsed(of_attempts([(3, outcomes)]))
        for outcomes in (["accepted"], ["collapsed", "accepted"], ["collapsed", "collapsed"])
    ]
    assert found == [False, False, True]
    assert not tables.is_collapsed([])


def test_the_last_attempt_decides_whether_an_instance_collapsed():
    keys = {"architecture": "net", "condition": "baseline"}
    instances = pd.DataFrame([keys | {"seed": seed} for seed in (1, 0)])
    attempts = [
        pd.DataFrame([keys | {"seed": 0, "attempt": n, "outcome": outcome} for n, outcome in enumerate(outcomes)])
        for outcomes in (["collapsed", "accepted"],)
    ]
    attempts.append(pd.DataFrame([keys | {"seed": 1, "attempt": 0, "outcome": "collapsed"}]))
    listed = tables.with_attempts(instances, attempts)
    assert listed[["seed", "attempts", "collapsed"]].values.tolist() == [[1, 1, True], [0, 2, False]]


def test_instances_that_were_not_trained_here_have_no_attempts():
    listed = tables.with_attempts(pd.DataFrame({"seed": [0, 1]}), [])
    assert listed["attempts"].isna().all()
    assert not listed["collapsed"].any()
