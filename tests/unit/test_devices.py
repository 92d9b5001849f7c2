"""Which device a job takes: GPUs are shared out among processes by locks."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from manyseeds import devices, processors
from manyseeds.errors import StudyError
from manyseeds.training import platforms

SCRIPTS = Path(devices.__file__).parent.parent
CLAIM = """
import sys, time
from pathlib import Path
from manyseeds import devices
place = devices.claim(sys.argv[2].split(","), Path(sys.argv[1]), lambda line: print(line, flush=True), poll=0.02)
print(place, flush=True)
sys.stdin.readline()
"""


def claiming(folder, names):
    """Start a process that takes one of some GPUs, and keeps it until it is told to end."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", CLAIM, str(folder), ",".join(names)]
    return subprocess.Popen(command, env={"PYTHONPATH": str(SCRIPTS), "PATH": ""}, text=True, **streams)


@pytest.mark.slow
def test_each_process_takes_a_gpu_of_its_own_and_the_last_waits_for_one(tmp_path):
    names = ["GPU-a", "GPU-b", "GPU-c"]
    processes = [claiming(tmp_path / "locks", names) for _ in range(3)]
    places = [int(process.stdout.readline()) for process in processes]
    assert sorted(places) == [0, 1, 2]
    late = claiming(tmp_path / "locks", names)
    assert late.stdout.readline().startswith("All GPUs are taken by other jobs")
    processes[1].kill()  # however a job ends, its GPU is free
    assert int(late.stdout.readline()) == places[1]
    for process in (processes[0], processes[2], late):
        process.communicate("\n")


def test_a_gpu_is_known_by_its_name_whatever_its_number(tmp_path):
    """As CUDA_VISIBLE_DEVICES shows them: the second of one process is the first, and only one, of the other."""
    one = claiming(tmp_path, ["GPU-b"])
    assert int(one.stdout.readline()) == 0
    other = claiming(tmp_path, ["GPU-b", "GPU-a"])
    assert int(other.stdout.readline()) == 1
    for process in (one, other):
        process.communicate("\n")


def test_jobs_that_share_gpus_spread_over_all_of_them_first(tmp_path):
    places = devices.places(["GPU-a", "GPU-b"], 2)
    assert [devices.claim(places, tmp_path, print) % 2 for _ in places] == [0, 1, 0, 1]
    assert places[:2] == ["GPU-a", "GPU-b"]  # jobs that do not share wait for those that do


@pytest.mark.parametrize("stated", ["0", "-1", "two", "1.5", "", "²"])
def test_a_number_of_jobs_per_gpu_that_is_none_is_refused(monkeypatch, stated):
    monkeypatch.setenv(devices.JOBS_PER_GPU, stated)
    with pytest.raises(StudyError, match=r"MANYSEEDS_JOBS_PER_GPU: found .* positive integer"):
        devices.jobs_per_gpu()
    monkeypatch.setenv(devices.JOBS_PER_GPU, "4")
    assert devices.jobs_per_gpu() == 4
    monkeypatch.delenv(devices.JOBS_PER_GPU)
    assert devices.jobs_per_gpu() == 1


def test_without_a_gpu_a_job_computes_on_the_cpu():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert devices.claim_device(print) == torch.device("cpu")
    assert devices.device_kind(torch.device("cpu")) == processors.kind()


def test_what_was_trained_on_a_gpu_is_not_trained_anew_on_a_cpu():
    cpu, gpu = processors.kind(), "NVIDIA H100 (CUDA 13.0, cuDNN 91002)"
    with pytest.raises(StudyError, match=r"^results/x/\.cohort0: .*Delete this file and the network's folder"):
        platforms.check_comparable(cpu, "NVIDIA H200 (CUDA 13.0, cuDNN 91002)", "results/x/.cohort0")
    platforms.check_comparable(cpu, "cpu (AVX2, oneDNN: Intel AVX2)", "m")
    platforms.check_comparable(gpu, "cpu", "m")
    platforms.check_comparable(gpu, "NVIDIA H200 (CUDA 13.0, cuDNN 91002)", "m")


def test_the_kind_of_a_gpu_names_the_libraries_that_decide_on_its_bits(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    assert devices.device_kind(torch.device("cuda", 1)) == "NVIDIA H200 (CUDA 13.0, cuDNN 91002)"
    monkeypatch.setenv("TORCH_CUDNN_USE_HEURISTIC_MODE_B", "1")
    assert devices.device_kind(torch.device("cuda", 1)) == "NVIDIA H200 (CUDA 13.0, cuDNN 91002, heuristics B)"
