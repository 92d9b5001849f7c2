"""Precision of a training: the meaning of `precision: auto` on a device, and the check of bfloat16."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from manyseeds import processors
from manyseeds.data.feeding import to_device
from manyseeds.data.images import Images
from manyseeds.devices import device_kind, make_deterministic
from manyseeds.errors import StudyError
from manyseeds.models import rectifier
from manyseeds.training import compiled
from manyseeds.training.attempts import Assignment, Attempt
from manyseeds.training.platforms import Platform
from manyseeds.training.recipes import AUTO, Recipe

ROUNDS = 3
"""Number of steps that are timed in each precision; the fastest counts."""

SLOWER, HARDLY_FASTER = 1.1, 1.1
"""Largest allowed ratio of step times, bfloat16 to float32; a speed-up below the second number is reported."""

LARGEST_DIFFERENCE = 0.5
"""Largest allowed difference of a layer's first gradients in bfloat16 and float32, as a share of the float32 norm.

Values at initial weights, for the layer that differs most: 0.08 to 0.21 for All-CNNs of widths 0.06 to 1 and for
AlexNet. A layer that is left out, or has the wrong sign, gives 1 or more.
"""


def resolved(asked: str, device: torch.device) -> str:
    """Return the precision that a config's `training.precision` means on a device.

    ``auto`` is bf16 on CPUs with instructions for bfloat16 matrices, fp32 on other CPUs, and tf32 on GPUs. tf32 is
    torch's default for float32 convolutions on GPUs.
    """
    if asked != AUTO:
        return asked
    if device.type == "cuda":
        return "tf32"
    return "bf16" if processors.multiplies_bf16() else "fp32"


def platform_of(recipe: Recipe, device: torch.device) -> Platform:
    """Return the platform of a recipe on a device.

    Raises
    ------
    StudyError
        If steps are to be compiled and there is no C++ compiler.
    """
    compiler = None
    if device.type == "cuda":
        compiler = rectifier.compiler()
    elif device.type == "cpu" and recipe.compile:
        compiler = compiled.compiler()
    return Platform(device_kind(device), resolved(recipe.precision, device), compiler)


def check_bf16(
    assignments: Sequence[Assignment], images: Images, device: torch.device, report: Callable[[str], None]
) -> None:
    """Check on one minibatch that bfloat16 is fast and accurate on this CPU.

    In some versions of torch it was not. Copies of the first network take the steps, so its training does not change.
    On GPUs nothing is checked.

    Parameters
    ----------
    assignments
        Instances with the same recipe. The list may be empty.
    report
        Called with one line for each finding.

    Raises
    ------
    StudyError
        If a step takes longer in bfloat16 than in float32, or the gradients differ by more than `LARGEST_DIFFERENCE`.
    """
    if not assignments or device.type != "cpu" or assignments[0].task.recipe.precision != "bf16":
        return
    seconds, difference = _measured(assignments[0], images, device)
    times = f"a step takes {1e3 * seconds['bf16']:.1f} ms in bf16 and {1e3 * seconds['fp32']:.1f} ms in fp32"
    where = f"Config key training.precision: on this CPU, {device_kind(device)},"
    if seconds["bf16"] > SLOWER * seconds["fp32"]:
        raise StudyError(f"{where} {times}; set it to fp32.")
    if not difference <= LARGEST_DIFFERENCE:  # so written, NaN fails too
        raise StudyError(
            f"{where} a layer's first gradient in bf16 differs from that in fp32 by {difference:.0%} of its norm, "
            f"expected at most {LARGEST_DIFFERENCE:.0%}; set it to fp32."
        )
    report(f"On this CPU {times}; the first gradients of a layer differ by at most {difference:.1%} of their norm.")
    if HARDLY_FASTER * seconds["bf16"] > seconds["fp32"]:
        report("bf16 is hardly faster than fp32 on this CPU.")


def _measured(assignment: Assignment, images: Images, device: torch.device) -> tuple[dict[str, float], float]:
    """Return seconds per step by precision, and the largest difference of a layer's first gradients."""
    recipe = assignment.task.recipe
    batch = to_device(images.inputs[: recipe.batch_size], device)
    labels = torch.from_numpy(images.labels[: recipe.batch_size]).to(device)
    arms = {
        "fp32": replace(recipe, precision="fp32", compile=False),
        "bf16": recipe,
    }
    attempts = {name: Attempt(_with(assignment, arm), images, device) for name, arm in arms.items()}
    gradients, seconds = {}, dict.fromkeys(arms, float("inf"))
    make_deterministic("fp32")  # one thread
    for number in range(ROUNDS + 1):
        for name, attempt in attempts.items():
            start = time.process_time()
            _step(attempt, batch, labels)
            if number > 0:  # the first step compiles code and allocates memory
                seconds[name] = min(seconds[name], time.process_time() - start)
            else:
                gradients[name] = [each.grad.clone() for each in attempt.decayed if each.grad is not None]
    differences = list(map(_difference, gradients["bf16"], gradients["fp32"]))
    return seconds, float(np.max(differences, initial=0.0))  # NaN wherever it is, as with max only if it is first


def _difference(found: Tensor, expected: Tensor) -> float:
    """Return |found - expected| / |expected|; 0 if the norm of `expected` is 0 or not finite."""
    norm = torch.linalg.vector_norm(expected).item()
    return torch.linalg.vector_norm(found - expected).item() / norm if 0 < norm < float("inf") else 0.0


def _with(assignment: Assignment, recipe: Recipe) -> Assignment:
    return replace(assignment, task=replace(assignment.task, recipe=recipe))


def _step(attempt: Attempt, batch: Tensor, labels: Tensor) -> None:
    with attempt.training():
        attempt.seed()
        attempt.step(batch, labels)
