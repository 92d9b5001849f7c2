"""What a job used of a GPU: readings in the background, and a record beside what the job made."""

import time

import pytest
import torch

from manyseeds import devices, gpu_usage


@pytest.fixture
def gpu(monkeypatch):
    """Stand in for a GPU whose utilisation is 30, 90 and then 60 percent."""
    readings = iter([30, 90])
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: next(readings, 60))
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 3 * 2**30)
    return torch.device("cuda", 1)


@pytest.fixture
def metered(gpu):
    """Return a function that begins a meter, which ends with the test."""
    begun = []

    def begin():
        begun.append(gpu_usage.Meter(gpu, seconds=0.001))
        return begun[-1]

    yield begin
    for meter in begun:
        meter.stop()


def wait_until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("waited 10 seconds")


def test_readings_are_averaged_while_a_job_computes(metered):
    meter = metered()
    wait_until(lambda: meter.usage().utilisation == pytest.approx(0.6) and len(meter._percents) > 2)
    assert meter.usage().peak_memory == 3 * 2**30
    first = meter.usage().seconds
    wait_until(lambda: meter.usage().seconds > first)


def test_a_gpu_that_does_not_tell_its_utilisation_has_none(gpu, metered, monkeypatch):
    """As a slice of a GPU, or a container without NVML."""
    asked = []

    def refuse(device):
        asked.append(device)
        raise RuntimeError("Not Supported")

    monkeypatch.setattr(torch.cuda, "utilization", refuse)
    meter = metered()
    wait_until(lambda: asked)
    assert meter.usage().utilisation is None
    assert "an unknown share" in str(meter.usage())
    time.sleep(0.02)
    assert asked == [gpu]  # once is enough


def test_usage_is_one_sentence():
    usage = gpu_usage.Usage(81.25, 0.934, 5 * 2**29)
    assert str(usage) == "GPU: claimed for 81.2 s, computing in 93% of them, 2.50 GiB of memory at most"


def test_who_claims_a_gpu_has_a_meter(gpu, monkeypatch, tmp_path):
    class Properties:
        uuid = "a"

    monkeypatch.setattr(devices, "LOCKS", tmp_path)
    for name, value in (("is_available", True), ("device_count", 1), ("get_device_properties", Properties())):
        monkeypatch.setattr(torch.cuda, name, lambda *number, value=value: value)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(devices, "claimed", devices.claimed)
    monkeypatch.setattr(devices, "meter", None)
    assert devices.claim_device(print) == torch.device("cuda", 0)
    assert devices.meter is not None
    assert devices.meter.usage().peak_memory == 3 * 2**30
    devices.meter.stop()
