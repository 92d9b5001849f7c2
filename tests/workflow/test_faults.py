"""Faults, injected for real into runs of the workflow: what is on disk afterwards, and what comes out in the end.

Each test breaks something and runs the same command again; the results are those of an undisturbed run, bit by bit.
`docs/faults.md` lists them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from real_runs import (
    ALL,
    CONFIG,
    EPOCHS,
    NETWORKS,
    RESULTS,
    TABLES,
    WEIGHTS,
    assert_same_results,
    copied,
    copy_workflow,
    run,
    snakemake,
    wait_until,
)
from snakemake.persistence.file import FilePersistence

# One worker runs all of them: they share an undisturbed run.
pytestmark = pytest.mark.xdist_group("faults")

PROGRESS = f"{RESULTS}/logs/train_cohort/all_cnn_7/baseline/block0.log"


@contextmanager
def running(folder: Path, *targets: str):
    """Run the study in a process group of its own, as a shell does; nothing of it is left afterwards."""
    command = [sys.executable, "-m", "snakemake", *targets, "--cores", "2", "--configfile", "studies/tiny.yaml"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    process = subprocess.Popen([*command, "--config", *CONFIG], cwd=folder, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def epoch_reached(folder: Path) -> int:
    """Return the last epoch that the training's log reports."""
    path = folder / PROGRESS
    epochs = re.findall(r"epoch (\d+)/", path.read_text()) if path.exists() else []
    return int(epochs[-1]) if epochs else 0


def wait_for_training(folder: Path, process: subprocess.Popen, n_epochs: int = 1) -> int:
    """Wait until some epochs more are trained than are now, and return the epoch."""
    (folder / PROGRESS).unlink(missing_ok=True)
    wait_until(lambda: process.poll() is not None or epoch_reached(folder) >= n_epochs)
    assert process.poll() is None, process.stdout.read()
    return epoch_reached(folder)


def training_job(folder: Path) -> psutil.Process:
    """Return the process that trains in a folder."""
    (process,) = [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(folder)
        and "python" in process.info["cmdline"][0]
        and process.info["cmdline"][-1].endswith("train_cohort.py")
    ]
    return process


def resumed_at(folder: Path) -> list[int]:
    """Return the epochs at which instances resumed in the last run."""
    return [int(epoch) for epoch in re.findall(r"resumed at epoch (\d+)", (folder / PROGRESS).read_text())]


def finish(folder: Path, undisturbed: Path, *targets: str) -> None:
    """Run the same command again, and compare what comes out."""
    done = run(folder, *(targets or ["fig4"]))
    assert done.returncode == 0, done.stdout
    assert_same_results(folder, undisturbed, ["networks"] if targets == tuple(WEIGHTS) else ALL)


@pytest.mark.parametrize(
    ("number", "whom"),
    [
        (signal.SIGKILL, "job"),
        (signal.SIGTERM, "job"),
        (signal.SIGINT, "all"),
        (signal.SIGKILL, "all"),
        (signal.SIGKILL, "snakemake"),
    ],
)
def test_a_signal_in_the_middle_of_training(prepared, undisturbed, tmp_path, number, whom):
    folder = copied(prepared, tmp_path)
    with running(folder, *WEIGHTS) as process:
        epoch = wait_for_training(folder, process)
        if whom == "job":
            training_job(folder).send_signal(number)
        elif whom == "all":
            os.killpg(process.pid, number)
        else:
            process.kill()
        if whom != "snakemake":
            output, _ = process.communicate(timeout=60)
            assert process.returncode != 0
            assert "Traceback" not in output
            if number != signal.SIGKILL and "Interrupted" in output:
                assert f"Interrupted by {number.name} at epoch" in output
        else:  # its training job goes on, an orphan
            process.wait()
    if number == signal.SIGKILL and whom != "job":
        locked = run(folder, *WEIGHTS)
        assert locked.returncode != 0
        assert "--unlock" in locked.stdout
        assert snakemake(folder, "--unlock", config=CONFIG).returncode == 0
    finish(folder, undisturbed, *WEIGHTS)
    if whom != "snakemake":
        assert min(resumed_at(folder)) >= epoch - 1  # a step or two are lost, not an epoch


KILLED_WHILE_WRITING = {
    r"state\.safetensors$": f"{NETWORKS}/seed0/.cohort",
    r"attempt0/epoch1\.safetensors$": f"{NETWORKS}/seed0/.cohort",
    r"seed0/\.cohort$": f"{NETWORKS}/seed0/.cohort",
    r"seed1/history\.parquet$": WEIGHTS[1],
    rf"seed1/epoch{EPOCHS}\.safetensors$": WEIGHTS[1],
    r"\.provenance/.*/accuracy0\.parquet\.json$": f"{TABLES}/accuracy0.parquet",
    r"seed1/.*\.npz$": f"{RESULTS}/geometry/all_cnn_7/baseline/seed1/epoch{EPOCHS}.npz",
    r"parts/.*/consistency\.parquet$": f"{TABLES}/consistency.parquet",
    r"fig4\.png$": "fig4",
}
"""Files, in the order in which they are made, and what to ask for to have them made."""


def test_workers_killed_while_writing(prepared, undisturbed, tmp_path):
    """One after another, each with half a file on disk that has no name yet; in the end all is as it should be."""
    folder = copied(prepared, tmp_path / "copy")
    faults = Path(__file__).parent / "faults"
    for number, (pattern, target) in enumerate(KILLED_WHILE_WRITING.items()):
        flag = tmp_path / f"happened{number}"
        broken = run(folder, target, PYTHONPATH=str(faults), MANYSEEDS_FAULT=pattern, MANYSEEDS_FAULT_FLAG=str(flag))
        assert flag.exists(), broken.stdout
        assert broken.returncode != 0
        assert "Traceback" not in broken.stdout
    finish(folder, undisturbed)


def test_a_killed_study_of_long_names_opens_again(tmp_path):
    """A marker of a cohort whose path in base64 is longer than the name of a file may be."""
    folder = copy_workflow(tmp_path)
    name, network = "s" * 100, "n" * 100
    config = (f"study={name}", f"networks=[{{architecture: all_cnn_7, name: {network}}}]", *CONFIG)
    markers = [folder / f"results/{name}/networks/{network}/baseline/seed{seed}/.cohort" for seed in (0, 1)]
    for marker in markers:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    limit = SimpleNamespace(_fetch_max_len=lambda _: 255)
    records = str(folder / ".snakemake/incomplete")
    record = Path(FilePersistence._record_path(limit, records, str(markers[0].relative_to(folder))))
    assert record.parent != Path(records)  # it is cut into a folder and a file
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    opened = snakemake(folder, "--unlock", config=config)
    assert opened.returncode == 0, opened.stdout
    assert [marker.exists() for marker in markers] == [False, True]


def damage(path: Path, how: str) -> None:
    """Truncate a file or flip one of its bits, its time of modification as before: as a disk does, not as a program."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    contents = bytearray(path.read_bytes())
    contents[-9] ^= 1
    path.write_bytes(contents if how == "flipped" else contents[: len(contents) * 3 // 4])
    os.utime(path, ns=times)


RDMS = f"{RESULTS}/rdms/all_cnn_7/baseline/seed{{}}/epoch{EPOCHS}/correlation.npy"
DAMAGED = [
    (f"{TABLES}/consistency.parquet", "flipped", f"{TABLES}/consistency_summary.parquet"),
    (f"{RESULTS}/geometry/all_cnn_7/baseline/seed1/epoch{EPOCHS}.npz", "truncated", f"{TABLES}/stimulus_resamples.npz"),
    (f"{RESULTS}/stimuli/inputs.npy", "truncated", RDMS.format(1)),
    (WEIGHTS[0], "flipped", RDMS.format(0)),
]
"""Files, what happens to each, and something that is made from it. A job names the first of its damaged inputs."""


def test_damaged_files_are_named_and_made_anew(undisturbed, tmp_path):
    """Damaged between two runs, when something that is made from them is lost too and must be made again."""
    folder = copied(undisturbed, tmp_path)
    for name, how, lost in DAMAGED:
        damage(folder / name, how)
        (folder / lost).unlink(missing_ok=True)  # the job of a block that failed before may have lost it
        broken = run(folder, lost)
        assert broken.returncode != 0
        assert f"{name} has changed since it was written: " in broken.stdout
        assert "Traceback" not in broken.stdout
    for name, _, _ in DAMAGED:
        (folder / name).unlink(missing_ok=True)  # as the sentence says; a block that failed has lost its other files
    finish(folder, undisturbed, "fig4", *(target for name, _, lost in DAMAGED for target in (name, lost)))


def test_results_of_other_settings_are_refused_where_snakemake_is_told_to_keep_them(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    options = ("--cores", "1", "--rerun-triggers", "mtime")
    other = [value.replace("training={", "training={learning_rate: 0.5, ") for value in CONFIG]
    (folder / RESULTS / "figures/fig4.pdf").unlink()
    refused = snakemake(folder, "fig4", *options, config=tuple(other))
    assert refused.returncode != 0
    assert "was made with other settings than the study has now" in refused.stdout
    assert "Traceback" not in refused.stdout
    more = tuple(value.replace("instances=2", "instances=3") for value in CONFIG)
    assert (
        "other settings" not in snakemake(folder, "--cores", "1", *WEIGHTS, config=more).stdout
    )  # a seed is no mismatch


@pytest.fixture
def small_disk(tmp_path):
    """Mount a small file system of its own for a study's results, and return how to fill and how to mount it."""
    place = tmp_path / "disk"
    place.mkdir()
    options = {"capture_output": True, "text": True, "check": False}
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(place)], **options)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def on_disk(prepared: Path, tmp_path: Path, disk: Path) -> Path:
    folder = copied(prepared, tmp_path / "copy")
    shutil.move(folder / "results", disk / "results")
    (folder / "results").symlink_to(disk / "results")
    return folder


def fill(disk: Path, *, but: int) -> Path:
    """Fill a disk but for some bytes, and return the file that fills it."""
    filler = disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - but))
    return filler


def test_a_full_disk(prepared, undisturbed, tmp_path, small_disk):
    """While checkpoints are written, and while results are: one sentence, and nothing that was there is lost."""
    folder = on_disk(prepared, tmp_path, small_disk)
    with running(folder, *WEIGHTS) as process:
        epoch = wait_for_training(folder, process)
        filler = fill(small_disk, but=0)
        output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert re.search(
        r"safetensors cannot be written: No space left on device\. Files written before are complete", output
    )
    assert "Traceback" not in output
    filler.unlink()
    finish(folder, undisturbed, *WEIGHTS)
    assert min(resumed_at(folder)) >= epoch - 1
    filler = fill(small_disk, but=100_000)
    full = run(folder, "fig4")
    assert full.returncode != 0
    assert "No space left on device" in full.stdout
    assert "Traceback" not in full.stdout
    filler.unlink()
    finish(folder, undisturbed)


def test_a_folder_that_cannot_be_written(prepared, undisturbed, tmp_path, small_disk):
    folder = on_disk(prepared, tmp_path, small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refused = run(folder, "fig4")
    assert refused.returncode != 0
    assert f"{RESULTS} cannot be written: Read-only file system" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not (folder / PROGRESS).exists()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    finish(folder, undisturbed, *WEIGHTS)


def test_two_runs_at_once(prepared, undisturbed, tmp_path):
    folder = copied(prepared, tmp_path)
    with running(folder, *WEIGHTS) as process:
        wait_for_training(folder, process)
        second = run(folder, *WEIGHTS)
        assert second.returncode != 0
        assert "lock" in second.stdout.lower()
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert_same_results(folder, undisturbed, ["networks"])


def shift_dates(folder: Path, seconds: float) -> None:
    for path in sorted((folder / "results").rglob("*")):
        date = path.stat().st_mtime + seconds
        os.utime(path, (date, date))


def test_a_clock_that_was_set_back(prepared, undisturbed, tmp_path):
    """All that is there was made two days from now: said before any work, since Snakemake refuses its fruits."""
    folder = copied(prepared, tmp_path)
    shift_dates(folder, 2 * 24 * 3600)
    refused = run(folder, "fig4")
    assert refused.returncode != 0
    assert re.search(
        rf"{RESULTS}/\S+ is dated \d{{4}}-\S+ \S+, in the future: was the clock set back\?", refused.stdout
    )
    assert "Traceback" not in refused.stdout
    assert not (folder / PROGRESS).exists()
    shift_dates(folder, -2 * 24 * 3600)
    finish(folder, undisturbed, *WEIGHTS)
