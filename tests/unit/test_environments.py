"""One set of exactly pinned packages, wherever it is written."""

import re
from pathlib import Path

import yaml
from places import ROOT


def pins(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r "))]


def test_every_requirement_is_pinned_exactly():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = pins(ROOT / name)
        assert lines
        assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.]+", line) for line in lines)


def test_tools_of_development_are_not_needed_at_run_time():
    names = [
        {line.split("==")[0] for line in pins(ROOT / name)} for name in ("requirements.txt", "requirements-dev.txt")
    ]
    assert not names[0] & names[1]
    assert {"pytest", "rsatoolbox", "ruff", "snakefmt"} <= names[1]


def test_the_conda_environment_holds_the_pinned_requirements():
    dependencies = yaml.safe_load((ROOT / "envs/manyseeds.yaml").read_text())["dependencies"]
    assert dependencies[-1]["pip"] == pins(ROOT / "requirements.txt")
