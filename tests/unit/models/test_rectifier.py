"""The kernels for bias and ReLU against torch's operations in float64: on a GPU, or in Triton's interpreter."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from manyseeds.models import all_cnn, build, rectifier, spec

ROOT = Path(rectifier.__file__).parents[3]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="torch's builds for CPUs come without Triton")
def test_the_kernels_have_the_values_and_gradients_of_torch():
    command = [sys.executable, ROOT / "tests/support/rectify_once.py", DEVICE]
    environment = {"PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    for case, (value, gradient, bias) in json.loads(answer.stdout).items():
        half = "bfloat16" in case
        assert value < (1e-2 if half else 1e-6), case  # the interpreter cuts values off where a GPU rounds them
        assert gradient < (1e-2 if half else 1e-6), case
        assert bias < (1e-2 if half else 1e-6), case


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the kernels compute on GPUs")
def test_a_network_with_kernels_has_the_gradients_of_one_without(monkeypatch):
    assert rectifier.compiler() is not None
    network = spec.Network("all_cnn_c", width=0.5, readout_relu=True)
    gradients = []
    for kernels in (True, False):
        torch.manual_seed(0)
        module = build.build(network, (32, 32, 3), 10).to("cuda", memory_format=torch.channels_last)
        if not kernels:
            monkeypatch.setattr(rectifier, "applies_to", lambda weight: False)
            module = module.double()
        images = torch.randn(32, 3, 32, 32).to("cuda", next(module.parameters()).dtype)
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        module.train()(images).square().sum().backward()
        gradients.append({name: each.grad.double() for name, each in module.named_parameters()})
    for name, expected in gradients[1].items():
        assert torch.linalg.vector_norm(gradients[0][name] - expected) < 1e-4 * torch.linalg.vector_norm(expected), name


@pytest.mark.parametrize("missing", ["triton", "C compiler", "capability", None])
def test_without_what_the_kernels_need_torch_computes(monkeypatch, missing):
    capability = (6, 1) if missing == "capability" else (7, 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    spec_of = {"triton": None} if missing == "triton" else {"triton": object()}
    monkeypatch.setattr(rectifier.importlib.util, "find_spec", spec_of.get)
    monkeypatch.setattr(rectifier.shutil, "which", lambda name: None if missing == "C compiler" else f"/usr/bin/{name}")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setitem(sys.modules, "triton", SimpleNamespace(__version__="3.6.0"))
    assert rectifier.compiler.__wrapped__() == (None if missing else "triton 3.6.0")


def test_on_a_cpu_torch_computes(monkeypatch):
    monkeypatch.setattr(rectifier, "compiler", lambda: "triton 3")
    monkeypatch.setattr(rectifier, "rectified", None)
    convolution = all_cnn.RectifiedConvolution(3, 4, 3)
    images = torch.randn(2, 3, 8, 8)
    expected = torch.relu(torch.nn.functional.conv2d(images, convolution.weight, convolution.bias))
    assert torch.equal(convolution(images), expected)
    assert rectifier.applies_to(torch.empty(1, device="meta")) is False
