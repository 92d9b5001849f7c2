"""The workflow on a real Slurm, brought up on this host for the time of these tests: `slurm/cluster` says how."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from real_runs import CONFIG, EPOCHS, RESULTS, ROOT, assert_same_results, copied, wait_until

CLUSTER = str(Path(__file__).parent / "slurm/cluster")
PLUGIN = ROOT / ".venv/clusters"
# Beside the other faults: they share an undisturbed run.
pytestmark = pytest.mark.xdist_group("faults")

CONFIG_OF_TWO_BLOCKS = [value.replace("training={", "training={seeds_per_job: 1, ") for value in CONFIG]
"""Two training jobs, of one network each. The networks are the same: how they are shared out changes no bit."""


@pytest.fixture
def slurm():
    """A Slurm of two nodes, of two GPUs each."""
    if not (PLUGIN / "snakemake_executor_plugin_slurm").exists():
        pytest.skip("the plugin for Slurm is not installed: `make test` does that")
    up = subprocess.run([CLUSTER, "up"], capture_output=True, text=True, check=False)
    if up.returncode == 2:
        pytest.skip(up.stderr.strip())
    assert up.returncode == 0, up.stderr
    yield
    subprocess.run([CLUSTER, "down"], check=True)


def answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def jobs_running(rule: str) -> dict[str, tuple[str, str]]:
    """Return node and number of the GPU of each running job of a rule, by the job's number."""
    places = {}
    for number in answer("squeue", "--noheader", "--states=RUNNING", "--format=%i").split():
        about = answer("scontrol", "show", "job", "--details", number)
        held = re.search(r"Nodes=(\S+) CPU_IDs.*GRES=gpu:1\(IDX:(\d+)\)", about)
        if f"Comment=rule_{rule}_" in about and held:
            places[number] = held.groups()
    return places


def edited_profile(folder: Path) -> None:
    """Edit the profile as its user does; and let Snakemake ask for its jobs' states more often than a user would."""
    path = folder / "profiles/slurm/config.yaml"
    lines = [
        line for line in path.read_text().splitlines() if "slurm_account:" not in line and "latency-wait" not in line
    ]
    test = ["slurm-no-account: true", "slurm-status-command: squeue", "latency-wait: 20"]
    often = ["slurm-init-seconds-before-status-checks: 1", "seconds-between-status-checks: 1"]
    path.write_text("\n".join([*lines, *test, *often]) + "\n")


def progress(folder: Path, seed: int) -> str:
    path = folder / f"{RESULTS}/logs/train_cohort/all_cnn_7/baseline/block{seed}.log"
    return path.read_text() if path.exists() else ""


def test_a_study_on_slurm_preempted_and_cancelled(slurm, prepared, undisturbed, tmp_path, monkeypatch):
    """Two training jobs hold different GPUs at once. One is cancelled, the other preempted by an urgent job; both come
    back, go on from where they were, and the study ends with the results of an undisturbed run without Slurm.
    """
    folder = copied(prepared, tmp_path)
    edited_profile(folder)
    monkeypatch.setenv("PYTHONPATH", str(PLUGIN))
    command = [sys.executable, "-m", "snakemake", "fig4", "--profile", "profiles/slurm"]
    command += ["--configfile", "studies/tiny.yaml", "--config", *CONFIG_OF_TWO_BLOCKS]
    with open(tmp_path / "output", "w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: all(f"epoch 1/{EPOCHS}" in progress(folder, seed) for seed in (0, 1)), 120)
            places = jobs_running("train_cohort")
            assert len(places) == 2
            assert len(set(places.values())) == 2  # two jobs, two GPUs
            cancelled, preempted = places
            subprocess.run(["scancel", cancelled], check=True)
            urgent = ["sbatch", "--partition=urgent", f"--nodelist={places[preempted][0]}", "--gpus=2", "--mem=100"]
            subprocess.run([*urgent, "--output=/dev/null", "--wrap=true"], check=True)
            process.wait(timeout=400)
        finally:
            process.kill()
    said = (tmp_path / "output").read_text()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert f"SLURM-job '{cancelled}' failed, SLURM status is: 'CANCELLED'" in said
    controller = Path("/tmp/manyseeds-slurm/slurmctld.log").read_text()
    assert re.search(rf"preempted JobId={preempted} has been requeued", controller)
    for seed in (0, 1):
        (epoch,) = re.findall(r"resumed at epoch (\d+), step", progress(folder, seed))
        assert int(epoch) >= 1
    assert_same_results(folder, undisturbed)
