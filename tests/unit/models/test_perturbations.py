"""Perturbations of one weight: the new value against numpy and torch, and mistakes."""

import numpy as np
import pytest
import torch

from manyseeds.errors import StudyError
from manyseeds.models.perturbations import Perturbation, as_bfloat16, changes_forward

SHAPES = {"bias": (3,), "conv1.weight": (2, 1, 3, 3), "conv1.bias": (2,), "fc.weight": (4, 5)}


def perturbation(kind="factor", **changes):
    return Perturbation(**{"kind": kind, "factor": 1.001, "parameter": None, "index": 0, "epoch": 0} | changes)


@pytest.mark.parametrize("weight", [0.37, -0.37, 1.0, -1e-30, 0.0, -0.0])
def test_an_ulp_is_the_next_bit_pattern_away_from_zero(weight):
    before = np.float32(weight)
    after = perturbation("ulp").changed(weight, "net")
    assert int(after.view(np.uint32)) == int(before.view(np.uint32)) + 1
    assert abs(after) > abs(before)


def test_a_factor_multiplies_as_torch_does():
    for weight in np.random.default_rng(0).standard_normal(50).astype(np.float32):
        expected = torch.tensor(weight) * 1.001
        assert perturbation().changed(float(weight), "net") == expected.numpy()


@pytest.mark.parametrize("weight", [0.0, 3e38])
def test_a_factor_without_effect_or_with_an_infinite_one_is_refused(weight):
    with pytest.raises(StudyError, match=r"net: the weight .* times 1\.5 is .*; expected another finite number"):
        perturbation(factor=1.5).changed(weight, "net")


def test_the_first_convolution_is_perturbed_unless_a_parameter_is_named():
    assert perturbation(index=11).place_in(SHAPES, "net") == ("conv1.weight", (1, 0, 0, 2))
    assert perturbation(parameter="fc.weight", index=7).place_in(SHAPES, "net") == ("fc.weight", (1, 2))


@pytest.mark.parametrize(
    ("changes", "shapes", "sentence"),
    [
        ({"parameter": "conv2.weight"}, SHAPES, "found 'conv2.weight', expected one of the parameters of net: bias,"),
        ({"index": 18}, SHAPES, "index: found 18, expected less than 18, the size of conv1.weight in net"),
        ({}, {"fc.weight": (4, 5)}, "net: found no convolution to perturb"),
    ],
)
def test_what_a_network_does_not_have_is_refused(changes, shapes, sentence):
    with pytest.raises(StudyError) as problem:
        perturbation(**changes).place_in(shapes, "net")
    assert sentence in str(problem.value)


def test_a_network_is_checked_with_initial_weights_and_only_epoch_0_needs_one_that_is_not_zero():
    weights = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    perturbation(epoch=1).check(weights, "net")
    perturbation("ulp").check(weights, "net")
    with pytest.raises(StudyError, match="expected another finite number"):
        perturbation().check(weights, "net")
    with pytest.raises(StudyError, match="expected less than 18"):
        perturbation(epoch=1, index=99).check(weights, "net")


def test_bfloat16_is_rounded_as_torch_does():
    draw = np.random.default_rng(0)
    weights = np.concatenate([draw.standard_normal(500), [1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8]]).astype(np.float32)
    expected = torch.from_numpy(weights).bfloat16().view(torch.int16).numpy().view(np.uint16)
    assert [as_bfloat16(weight) for weight in weights] == expected.tolist()


def test_a_small_change_is_lost_in_bf16_and_not_in_fp32():
    one_ulp = float(np.nextafter(np.float32(0.37), np.float32(1)))
    assert changes_forward(0.37, one_ulp, "bf16") is False
    assert changes_forward(0.37, 0.38, "bf16") is True
    assert changes_forward(0.37, one_ulp, "fp32") is True
    assert changes_forward(0.37, one_ulp, "tf32") is None
