"""torchvision beside a build of torch that its compiled operators do not fit: in processes of their own."""

import os
import subprocess
import sys

import pytest
from places import ROOT

MODELS = """
import torch

def net(num_classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, num_classes))
"""
DESCRIBES = """
import torch

@torch.library.register_fake("torchvision::nms")
def fake(dets, scores, iou_threshold):
    return dets
"""
"""What stops torchvision's import where its operators are missing."""
DECLARES = """
import torch

library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
BUILD = """
from manyseeds.models import build, torchvision_import
from manyseeds.models.spec import Network
print(build.build(Network("net"), (2, 2, 3), 5)[1].out_features, len(torchvision_import._declared))
"""


@pytest.fixture
def build_with(tmp_path):
    """Build a network of a stand-in for torchvision that begins with some code, in a process of its own."""

    def build(beginning: str) -> subprocess.CompletedProcess:
        package = tmp_path / "torchvision"
        package.mkdir()
        (package / "__init__.py").write_text(beginning)
        (package / "models.py").write_text(MODELS)
        environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'workflow_scripts'}"}
        return subprocess.run([sys.executable, "-c", BUILD], env=environment, capture_output=True, text=True)

    return build


def test_operators_are_declared_where_the_import_fails_for_want_of_them(build_with):
    run = build_with(DESCRIBES)
    assert run.stdout.split() == ["5", "1"], run.stderr


def test_nothing_is_declared_where_the_import_succeeds(build_with):
    run = build_with(DECLARES + DESCRIBES)
    assert run.stdout.split() == ["5", "0"], run.stderr


@pytest.mark.parametrize(
    ("beginning", "reason"),
    [
        ("raise RuntimeError('compiled for another CUDA')", "RuntimeError: compiled for another CUDA"),
        ("raise RuntimeError('operator torchvision::roi_align does not exist')", "operator torchvision::roi_align"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_any_other_failure_is_told(build_with, beginning, reason):
    run = build_with(beginning)
    assert run.returncode != 0
    assert "StudyError: networks: architecture 'net' needs the module torchvision.models, which cannot" in run.stderr
    assert reason in run.stderr
