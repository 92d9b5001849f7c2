"""The package as others install it: open ranges of versions, files that come along, imports that stay out."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement
from places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

LINES = """
import sys
sys.path.insert(0, sys.argv[1])
import manyseeds as ms
assert set(sys.modules).isdisjoint({"numpy", "pandas"}), "importing the package imports nothing else"
import numpy as np
draw = np.random.default_rng(0)
networks = {seed: {"conv1": draw.normal(size=(20, 8)), "fc": draw.normal(size=(20, 5))} for seed in range(4)}
table = ms.consistency(networks, np.repeat(np.arange(4), 5))
assert len(table) == 8 and table["ci_low"].notna().all()
assert ms.rdm(networks[0]["fc"], "cosine").shape == (190,)
unwanted = {"snakemake", "matplotlib", "torch", "sklearn", "seaborn", "yaml", "jsonschema"} & set(sys.modules)
assert not unwanted, unwanted
print(ms.__file__)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The files that `pip install .` puts into an environment."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "workflow_scripts", source / "workflow_scripts", ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("manyseeds-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_notebook_lines_need_neither_snakemake_nor_matplotlib(installed, tmp_path):
    run = subprocess.run([sys.executable, "-c", LINES, installed], cwd=tmp_path, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(installed))


@pytest.mark.slow
def test_schemas_and_types_come_along(installed):
    schemas = {path.name for path in (ROOT / "workflow_scripts/manyseeds/schemas").rglob("*.json")}
    assert {path.name for path in (installed / "manyseeds/schemas").rglob("*.json")} == schemas
    assert (installed / "manyseeds/py.typed").exists()
    assert not (installed / "_job.py").exists()


def test_plain_dependencies_are_those_of_arrays_and_tables():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names == {"numpy", "pandas", "pyarrow", "safetensors", "scipy"}


def test_pinned_versions_lie_in_the_open_ranges():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    pinned = {name.lower(): version for name, version in pinned.items()}
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *extras["plot"], *extras["torch"], *extras["workflow"]]:
        requirement = Requirement(line)
        if requirement.name != "manyseeds":
            assert requirement.specifier.contains(pinned[requirement.name.lower()]), line
