"""What the logs say about a run."""

import os
from pathlib import Path

import pytest

from manyseeds import progress

NOW = 1_800_000_000.0
SNAKEMAKE = """Job stats:
job                   count
train_cohort              3
train                     5
total                    20

Reason: Missing output files: results/mine/networks/net/baseline/.cohort0
Finished jobid: 4 (Rule: train)
3 of 20 steps (15%) done
Finished jobid: 7 (Rule: record)
4 of 20 steps (20%) done
"""
BEGUN = "10:00:00 2 of 2 instances to train, on cpu"
EPOCH = "10:01:00 net/baseline/seed0 attempt 0: epoch 3/10, loss 0.5, accuracy 0.8, 60.0 s, about 7.0 min left"
COHORT = (
    "10:01:00 net/baseline/seed2 attempt 1 and 1 others: epoch 5/10, loss 0.5 to 0.6, accuracy 0.8, 60.0 s, "
    "about 5.0 min left"
)


@pytest.fixture
def study(tmp_path) -> Path:
    write(tmp_path / ".snakemake/log/2.snakemake.log", SNAKEMAKE, age=30)
    write(tmp_path / ".snakemake/log/3.snakemake.log", SNAKEMAKE.replace("results/mine", "results/other"), age=1)
    return tmp_path / "results/mine"


def write(path: Path, *lines: str, age: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (NOW - age, NOW - age))


def log_of(study: Path, block: int) -> Path:
    return study / f"logs/train_cohort/net/baseline/block{block}.log"


def test_jobs_trainings_and_the_time_that_is_left(study):
    write(log_of(study, 0), BEGUN, EPOCH, age=60)
    write(log_of(study, 1), BEGUN, COHORT, age=0)
    assert progress.report(study, NOW) == [
        str(study),
        "4 of 20 jobs of the last run are done; its last line is 30 s old.",
        "  net/baseline/seed0: epoch 3/10, loss 0.5, accuracy 0.8; about 6 min left.",
        "  net/baseline/seed2 and 1 others: epoch 5/10, loss 0.5 to 0.6, accuracy 0.8; about 5 min left.",
        # 6 and 5 min, and one more network of the first job at 7.5 min, the mean of 10 and 5; on two jobs at once
        "Networks of this run: 1 finished, 4 in training, 0 to come; about 9 min of training left.",
    ]


def test_networks_to_come_take_as_long_as_those_in_training(study):
    write(log_of(study, 0), BEGUN.replace("2 of 2", "1 of 1"), EPOCH, age=0)
    # 7 min, and three networks of 10 min each, one at a time
    assert progress.report(study, NOW)[-1].endswith("1 in training, 3 to come; about 37 min of training left.")


def test_trainings_that_were_interrupted_ended_or_fell_silent(study):
    write(log_of(study, 0), BEGUN, EPOCH, "Interrupted by SIGTERM at epoch 3, step 7. All is saved.", age=9)
    write(log_of(study, 1), BEGUN, COHORT, age=9)
    write(study / "networks/net/baseline/seed2/.cohort", "cpu", age=8)
    write(log_of(study, 2), BEGUN, EPOCH.replace("seed0", "seed4"), age=3600)
    write(log_of(study, 3), "10:00:00 0 of 2 instances to train, on cpu", age=9)
    lines = progress.report(study, NOW)
    assert lines[2:4] == [
        "  net/baseline/seed0: interrupted at epoch 3/10; the same command continues.",
        "  net/baseline/seed4: epoch 3/10, loss 0.5, accuracy 0.8; silent for 1 h 0 min.",
    ]
    assert lines[4] == "Networks of this run: 1 finished, 0 in training, 4 to come."
    write(study / "networks/net/baseline/seed2/.cohort", "cpu", age=10)  # of an earlier run
    assert "net/baseline/seed2 and 1 others" in "".join(progress.report(study, NOW))


def test_the_study_whose_logs_are_the_newest_is_shown(study, monkeypatch, capsys):
    monkeypatch.chdir(study.parents[1])
    progress.main([])
    assert capsys.readouterr().out == "No results are here.\n"
    write(study / "logs/evaluate/x.log", "", age=0)
    progress.main([])
    assert capsys.readouterr().out.startswith("results/mine\n4 of 20 jobs")


def test_the_lines_are_those_that_trainings_write():
    """The patterns follow what `training` writes; another wording there must change them too."""
    source = "".join(path.read_text() for path in Path(progress.__file__).parent.glob("training/*.py"))
    for words in ("epoch {rows[0]['epoch']}/{self.recipe.epochs}, loss ", "min left", "Interrupted by", " others"):
        assert words in source
    script = (Path(progress.__file__).parents[1] / "train_cohort.py").read_text()
    assert "instances to train, on" in script
