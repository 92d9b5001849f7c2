"""Profiles for clusters: that each plans a study. Only Slurm is brought up here (`test_slurm`)."""

import re
import subprocess
import sys

import pytest
from real_runs import ROOT

CLUSTERS = ROOT / ".venv/clusters"


@pytest.mark.parametrize("scheduler", ["slurm", "lsf", "sge"])
def test_a_profile_plans_the_jobs_that_a_study_has(scheduler, tmp_path, monkeypatch):
    if not CLUSTERS.exists():
        pytest.skip("the plugins for clusters are not installed: `make test` does that")
    monkeypatch.setenv("PYTHONPATH", str(CLUSTERS))
    command = [sys.executable, "-m", "snakemake", "fig4", "-n", "--snakefile", ROOT / "Snakefile"]
    command += ["--configfile", ROOT / "studies/cifar10_small.yaml", "--directory", tmp_path]
    plain, planned = (
        subprocess.run([*command, *options], capture_output=True, text=True, check=False, cwd=tmp_path)
        for options in ([], ["--profile", ROOT / f"profiles/{scheduler}"])
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    totals = [re.search(r"^total +\d+$", done.stdout, re.MULTILINE)[0] for done in (plain, planned)]
    assert totals[0] == totals[1]
    assert "Group job consistency" in planned.stdout


def described() -> dict[str, str]:
    """Return the text of each rule by its name; rules whose names are computed are left out."""
    found = {}
    for path in ROOT.glob("rules/*.smk"):
        _, *rules = re.split(r"^ *(?:use )?rule(?= \w|:)", path.read_text(), flags=re.MULTILINE)
        for text in rules:
            if name := re.search(r"as (\w+) with:|^ (\w+):|^:\s+name:\s+\"(\w+)\"", text):
                found[next(filter(None, name.groups()))] = text
    return found


@pytest.mark.parametrize("scheduler", ["slurm", "lsf", "sge"])
def test_profiles_know_the_rules(scheduler):
    text = (ROOT / f"profiles/{scheduler}/config.yaml").read_text()
    rules = described()
    grouped = set(re.findall(r"^  - (\w+)=\w+$", text, re.MULTILINE))
    assert len(grouped) > 5
    assert grouped <= rules.keys()
    if scheduler != "sge":  # there every job asks for its number of GPUs
        with_gpu = set(re.findall(r"^#?   ?(\w+): \{(?:gpu|lsf_extra):", text, re.MULTILINE))
        assert with_gpu == {name for name, rule in rules.items() if "gpu=1," in rule}
