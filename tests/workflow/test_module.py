"""The workflow as a module of another workflow: imported from a clone, with a config of the outer workflow's."""

import os
import re
import subprocess
import sys

import pytest
from places import ROOT, WORKFLOW_TESTS
from real_runs import copy_workflow

pytestmark = pytest.mark.xdist_group("workflow")

OUTER = """
configfile: "outer.yaml"


module manyseeds:
    snakefile:
        "{clone}/Snakefile"
    config:
        config["manyseeds"]


use rule * from manyseeds as manyseeds_*


rule paper:
    default_target: True
    input:
        "results/inner/figures/fig4.pdf",
    output:
        "paper.txt",
    shell:
        "echo {{input}} > {{output}}"
"""


@pytest.fixture
def outer(tmp_path):
    """A workflow of its own folder, which uses a clone elsewhere as a module."""
    (tmp_path / "clone").mkdir()
    clone = copy_workflow(tmp_path / "clone")
    folder = tmp_path / "outer"
    folder.mkdir()
    study = (WORKFLOW_TESTS / "studies/tiny.yaml").read_text().replace("study: tiny", "study: inner")
    nested = "".join(f"  {line}\n" for line in study.splitlines())
    (folder / "outer.yaml").write_text(f"title: a paper\nmanyseeds:\n{nested}")
    (folder / "Snakefile").write_text(OUTER.format(clone=clone))
    return folder


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_an_outer_workflow_draws_a_figure_and_goes_on_from_it(outer):
    made = run(outer, "--cores", "2")
    assert made.returncode == 0, made.stdout
    assert (outer / "paper.txt").read_text().split() == ["results/inner/figures/fig4.pdf"]
    assert not (outer.parent / "clone/results").exists()
    again = run(outer, "-n")
    assert "Nothing to be done" in again.stdout, again.stdout


def test_keys_that_the_outer_config_lacks_are_those_of_config_yaml(outer):
    (outer / "outer.yaml").write_text("manyseeds: {study: inner, instances: 2, networks: [{architecture: all_cnn_7}]}")
    planned = run(outer, "-n", "manyseeds_networks")
    assert planned.returncode == 0, planned.stdout
    assert re.search(r"manyseeds_train +2\n", planned.stdout), planned.stdout


def test_the_default_study_keeps_its_sweeps_in_a_module(outer):
    (outer / "outer.yaml").write_text("manyseeds: {study: digits}")
    planned = run(outer, "-n", "manyseeds_networks")
    assert planned.returncode == 0, planned.stdout
    assert re.search(r"manyseeds_train +21\n", planned.stdout), planned.stdout


def test_mistakes_in_the_outer_config_are_one_sentence(outer):
    (outer / "outer.yaml").write_text("manyseeds: {study: inner, instnaces: 2}")
    refused = run(outer, "-n")
    assert refused.returncode != 0
    assert "instnaces" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_the_catalogue_s_files_are_there():
    assert "usage" in (ROOT / ".snakemake-workflow-catalog.yml").read_text()
    assert (ROOT / "config/README.md").exists()
