"""The page of the explorer: what is in it, and that nothing in it can run or load anything."""

import base64
import json
import re
import tomllib
import zlib
from fnmatch import fnmatch

import numpy as np
import pandas as pd
import pytest
from explored import ASSETS, CATEGORIES, GROUP, N_STIMULI, write_page
from places import ROOT

from manyseeds.explorer import contents, packing
from manyseeds.figures import selection
from manyseeds.io.tables import read_schema

SCHEMAS = ASSETS.parents[1] / "schemas/tables"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def text(written):
    return written.read_text(encoding="utf-8")


def blob(text: str, name: str) -> bytes:
    (packed,) = re.findall(rf'<script type="text/plain" id="{name}">([^<]*)</script>', text)
    return zlib.decompress(base64.b64decode(packed))


def test_columns_are_those_of_the_schemas():
    for table, columns in contents.TABLES.items():
        assert set(columns) <= read_schema(SCHEMAS / f"{table}.schema.json")["properties"].keys(), table


def test_all_assets_are_named_and_come_with_the_package():
    assert {path.name for path in ASSETS.iterdir()} == set(contents.ASSETS)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["manyseeds"]
    assert all(any(fnmatch(f"explorer/assets/{name}", each) for each in patterns) for name in contents.ASSETS)


def test_rows_name_their_line_in_the_csv_file(written, text):
    found = json.loads(blob(text, "data"))["tables"]
    for name, columns in found.items():
        table = pd.read_csv(written.parent / f"tables/{name}.csv")
        lines = columns["line"]["numbers"]
        assert lines, name
        rows = table.iloc[np.array(lines) - 2]
        for column, values in columns.items():
            if column == "line":
                continue
            texts = [None if code < 0 else values["texts"][code] for code in values.get("codes", ())]
            if texts:
                assert texts == [None if pd.isna(value) else str(value) for value in rows[column]], (name, column)
            else:
                expected = rows[column].astype(float)
                numbers = np.array(values["numbers"], float)
                np.testing.assert_allclose(numbers, expected, atol=1e-6, equal_nan=True, err_msg=f"{name}, {column}")


def test_names_from_elsewhere_are_no_part_of_the_page(text):
    assert json.loads(blob(text, "data"))["stimuli"]["categoryNames"] == CATEGORIES
    assert CATEGORIES[2] not in text
    assert "<title>small &lt;study&gt;: explorer</title>" in text
    assert "<h1>small &lt;study&gt;</h1>" in text
    assert "<!--" not in text


def test_the_page_may_load_nothing(text):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', text)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text)


def test_arrays_start_where_their_type_can(text):
    content = blob(text, "part0")
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    assert (4 + length) % 8 == 0
    assert header["texts"]["layers"] == ["conv1", "conv2", "conv3"]
    for name, array in header["arrays"].items():
        assert array["start"] % 8 == 0, name
    agreement = header["arrays"]["agreement"]
    assert (agreement["type"], agreement["shape"]) == ("int16", [3, 10, N_STIMULI])


def test_groups_say_how_many_networks_were_lost(text):
    first = json.loads(blob(text, "data"))["groups"][0]
    assert (first["architecture"], first["condition"]) == GROUP
    assert (first["networks"], first["collapsed"], first["redrawn"], first["part"]) == (6, 1, 0, "part0")


def test_groups_have_the_labels_of_the_study(tmp_path):
    with selection.labelled({"architecture": {GROUP[0]: "Mine"}, "condition": {}}):
        text = write_page(tmp_path, n_networks=2).read_text(encoding="utf-8")
    assert json.loads(blob(text, "data"))["groups"][0]["title"] == "Mine"


def test_undefined_numbers_become_null():
    assert packing.text({"a": [float("nan"), (1.5, float("inf"))]}) == '{"a":[null,[1.5,null]]}'
