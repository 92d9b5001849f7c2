"""The last lines of a finished run, and RDMs of results."""

import re

import numpy as np
import pandas as pd
import pytest
from synthetic_tables import study_tables

from manyseeds.errors import StudyError
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import measure_geometry
from manyseeds.results import closing_lines, open_study


@pytest.fixture(scope="module")
def tables():
    return study_tables()


def write(folder, **tables):
    for place in ("tables", "figures"):
        (folder / place).mkdir()
        (folder / place / "fig4.pdf").touch()
    for name, table in tables.items():
        table.to_parquet(folder / "tables" / f"{name}.parquet")


def test_the_last_lines_have_places_numbers_with_intervals_and_what_was_left_out(tables, tmp_path):
    summary, instances = tables["consistency_summary"], tables["instances"].copy()
    instances.loc[(instances["seed"] == 2) & (instances["condition"] == "baseline"), "attempts"] = 3
    write(tmp_path, consistency_summary=summary, instances=instances)
    places, numbers, left_out = closing_lines(tmp_path, ["consistency_summary", "instances"])
    assert places == f"Figures are in {tmp_path}/figures/, tables are in {tmp_path}/tables/."
    rows = summary[(summary["architecture"] == "all_cnn_7") & (summary["epoch"] == summary["epoch"].max())]
    chosen = {"kind": "exemplar", "measure": "correlation", "normalisation": "none", "ci_method": "jackknife"}
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    (row,) = rows[rows["layer_index"] == rows["layer_index"].max()].itertuples()
    assert numbers.startswith("Consistency in the last layer (95 % jackknife). All-CNN-C, conv9: 0.")
    assert numbers.endswith(f"; All-CNN-7, conv7: {row.mean:.3f} ({row.ci_low:.3f} to {row.ci_high:.3f}).")
    n = len(instances)
    assert left_out.startswith(
        f"Collapsed and left out: {int(instances['collapsed'].sum())} of {n} networks, all_cnn_c/"
    )
    assert left_out.endswith(
        f"Redrawn after a collapse: 2 of {n} networks, all_cnn_c/baseline/seed2, all_cnn_7/baseline/seed2."
    )


def test_instances_that_the_study_no_longer_has_are_not_listed(tables, tmp_path):
    for seed in (0, 7):
        (tmp_path / f"geometry/net/mine/seed{seed}").mkdir(parents=True)
    opened = open_study(tmp_path)
    assert opened.instances == [("net", "mine", 0), ("net", "mine", 7)]
    listed = tables["instances"].iloc[[2, 0, 1]].assign(architecture="net", condition="mine", collapsed=[0, 1, 0])
    write(tmp_path, instances=listed)
    assert opened.instances == [("net", "mine", 0), ("net", "mine", 1), ("net", "mine", 2)]
    assert "3 instances" in repr(opened)
    with pytest.raises(StudyError, match="expected one of: net, mine, seed 0; net, mine, seed 1; net, mine, seed 2"):
        opened.epochs("net", "mine", 8)


def test_tables_that_are_not_up_to_date_are_not_read(tables, tmp_path):
    write(tmp_path, instances=pd.DataFrame({"wrong": [1]}))
    assert len(closing_lines(tmp_path, [])) == 1
    assert closing_lines(tmp_path / "nowhere", []) == []


def test_networks_without_interval_and_without_known_training(tables, tmp_path):
    summary = tables["consistency_summary"].assign(ci_low=np.nan, ci_high=np.nan)
    write(tmp_path, consistency_summary=summary, instances=tables["instances"].assign(attempts=pd.NA))
    _, numbers = closing_lines(tmp_path, ["consistency_summary", "instances"])
    assert numbers.count("(no interval)") == 2
    accepted = tables["instances"].assign(collapsed=False)
    accepted.to_parquet(tmp_path / "tables/instances.parquet")
    assert closing_lines(tmp_path, ["instances"])[1] == f"None of the {len(accepted)} networks collapsed."


def test_a_line_says_which_stream_constrains_more(tables, tmp_path):
    write(tmp_path, sources=tables["sources"])
    lines = closing_lines(tmp_path, ["sources"])[1:]
    for line, name in zip(lines, ("All-CNN-C", "All-CNN-7"), strict=True):
        assert line.startswith(f"Sources of difference (95 % two-way). {name}, conv1: ")
    assert re.search(r"conv1: sharing init .*; conv9: sharing init .*: initialisation constrains more\.$", lines[0])


def test_a_line_says_whether_single_networks_would_order_groups_otherwise(tables, tmp_path):
    summary, conclusions = tables["outside_summary"], tables["outside_conclusions"]
    write(tmp_path, outside_summary=summary, outside_conclusions=conclusions)
    (line,) = closing_lines(tmp_path, ["outside_summary", "outside_conclusions"])[1:]
    assert line.startswith("RDMs from outside. ")
    files = list(dict.fromkeys(summary["file"]))
    assert line.count("Single networks say the opposite in") == len(files) > 1
    for file in files:
        assert re.search(
            rf"{file}: in their best layers, All-CNN-\S+ agrees better on average than All-CNN-\S+\. Single", line
        )


def test_of_one_group_the_line_names_the_best_layer(tables, tmp_path):
    summary, conclusions = (
        table[table["architecture"] == "all_cnn_c"] if "architecture" in table else table.iloc[:0]
        for table in (tables["outside_summary"], tables["outside_conclusions"])
    )
    write(tmp_path, outside_summary=summary, outside_conclusions=conclusions)
    (line,) = closing_lines(tmp_path, ["outside_summary", "outside_conclusions"])[1:]
    assert "say the opposite" not in line
    assert line.count("All-CNN-C: agreement is highest in conv") == summary["file"].nunique()


def test_rdms_of_rsatoolbox_have_the_places_of_layers_in_the_network(tmp_path):
    """The file of an earlier epoch leaves out all layers but a deep one."""
    patterns = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    for epoch, layers in ((1, ["fc"]), (2, ["conv1", "fc"])):
        geometries = {layer: measure_geometry(patterns, name=layer) for layer in layers}
        path = tmp_path / f"geometry/net/mine/seed0/epoch{epoch}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        geometry_files.save_geometries(path, geometries, {"conv1": 0, "fc": 7})
    (tmp_path / "stimuli").mkdir()
    stimuli = pd.DataFrame({"stimulus": range(3), "category": 0, "category_name": "cat", "source": "a"})
    stimuli.to_parquet(tmp_path / "stimuli/stimuli.parquet")
    for epoch, expected in ((1, [7]), (2, [0, 7]), (None, [0, 7])):
        rdms = open_study(tmp_path).rsatoolbox("net", "mine", epoch=epoch)
        assert list(rdms.rdm_descriptors["layer_index"]) == expected
