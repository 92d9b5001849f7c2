"""Real runs of Snakemake in copies of the repository, and what the tests of faults run again and again."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from places import ROOT, WORKFLOW_TESTS

from manyseeds.io import files

WORKFLOW = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "profiles", "studies", "envs")
PUBLISHED = "data/mehrer2020_values.csv"
CLAIMS = "data/claims.csv"

EPOCHS = 10
"""Those of a small study for the tests of faults, of two networks, which is done in seconds."""
CONFIG = (
    "instances=2",
    "conditions=[{name: baseline}]",
    "condition_pairs=[]",
    "dropout={rates: []}",
    "trajectory={epochs: []}",
    "kernels={conditions: []}",
    "distortions={conditions: []}",
    "finetune={distortions: []}",
    # Saved every tenth of a second: then faults often hit a training that is writing.
    f"training={{epochs: {EPOCHS}, checkpoints: [1], checkpoint_minutes: 0.002, cohort_size: 2}}",
)
RESULTS = "results/tiny"
NETWORKS = f"{RESULTS}/networks/all_cnn_7/baseline"
TABLES = f"{RESULTS}/tables/parts/all_cnn_7/baseline"
WEIGHTS = [f"{NETWORKS}/seed{seed}/epoch{EPOCHS}.safetensors" for seed in (0, 1)]
ALL = ("networks", "geometry", "rdms", "tables")


def copy_workflow(folder: Path) -> Path:
    for name in WORKFLOW:
        source, target = ROOT / name, folder / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=ignored) if source.is_dir() else shutil.copy(source, target)
    shutil.copy(WORKFLOW_TESTS / "studies/tiny.yaml", folder / "studies/tiny.yaml")
    (folder / "data").mkdir()
    for name in (PUBLISHED, CLAIMS):
        shutil.copy(ROOT / name, folder / name)
    return folder


def snakemake(folder: Path, *arguments: str, study: str | None = "studies/tiny.yaml", config: tuple[str, ...] = ()):
    command = [sys.executable, "-m", "snakemake", *arguments]
    command += ["--configfile", study] if study else []
    command += ["--config", *config] if config else []
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    # A dry run reports to stdout, a run to stderr.
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=folder, env=environment, text=True, check=False, **streams)


def run(folder: Path, *targets: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the study, or some targets of it, to its end."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return snakemake(folder, *targets, "--cores", "2", config=CONFIG)


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, dirs_exist_ok=True)
    return target


def wait_until(happened: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def assert_same_results(folder: Path, undisturbed: Path, parts: Sequence[str] = ALL) -> None:
    """All weights, geometries, RDMs and tables are the same bit by bit, but for the seconds that they took."""
    suffixes = {".safetensors", ".npz", ".npy", ".parquet"}
    results = undisturbed / RESULTS
    names = [
        path.relative_to(results)
        for part in parts
        for path in (results / part).rglob("*")
        if path.suffix in suffixes and not re.search(r"accuracy\d\.", path.name)
    ]
    assert len(names) >= 2 * len(WEIGHTS) * len(parts)
    for name in names:
        found, expected = (place / RESULTS / name for place in (folder, undisturbed))
        if name.suffix == ".parquet":
            one, other = (pd.read_parquet(path).drop(columns="seconds", errors="ignore") for path in (found, expected))
            pd.testing.assert_frame_equal(one, other, check_exact=True)
        else:
            assert found.read_bytes() == expected.read_bytes(), name
    if "tables" in parts:
        pd.testing.assert_frame_equal(accuracies(folder), accuracies(undisturbed), check_exact=True)
    assert not [
        path for path in (folder / RESULTS).rglob(".*") if files.PARTIAL.search(path.name)
    ]  # nothing half-written


def accuracies(folder: Path) -> pd.DataFrame:
    """Return all accuracies, whatever the blocks of seeds that they were evaluated in."""
    blocks = pd.concat(pd.read_parquet(path) for path in (folder / TABLES).glob("accuracy?.parquet"))
    return blocks.sort_values(["seed", "epoch", "split", "subset"]).reset_index(drop=True)
