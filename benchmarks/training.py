"""Images a second of the training engine against a bare loop, the reference loop and a loop around a DataLoader.

    OMP_NUM_THREADS=1 python benchmarks/training.py
    OMP_NUM_THREADS=1 python benchmarks/training.py --precision bf16 --compile

All train All-CNN-C on random images of CIFAR-10's size, with the same steps: momentum, penalty, clipped gradient. The
bare loop indexes one tensor and does nothing else; the other is written as in most tutorials, around a DataLoader, and
asks for the loss of each step. Each contender in turn trains for an epoch of a few steps, round after round, the first
of which does not count; ratios are medians over rounds of what was measured within one. In bf16 the engine in fp32
runs beside the others; --compile compiles the bare loop, the reference and the engine. On a CPU processor seconds of
one thread count, on a GPU (where there is one) seconds. The share is that of the rate of a large matrix product in the
same precision, three forward passes' operations an image.
"""

import argparse
import csv
import math
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds import processors
from manyseeds.data.images import Images
from manyseeds.devices import claim_device, device_kind, make_deterministic
from manyseeds.models import build, initialisation, spec
from manyseeds.training import compiled, precision, recipes, reference, stores
from manyseeds.training.attempts import Assignment, Attempt
from manyseeds.training.cohorts import Cohort
from manyseeds.training.collapse import CollapseRule
from manyseeds.training.interruption import Interruption

SETTINGS = {"cpu": {0.125: (32, 60), 0.25: (32, 25), 0.5: (128, 4), 1.0: (128, 2)}, "cuda": {1.0: (128, 200)}}
"""By kind of device and width: images a batch, and steps an epoch."""
COHORTS = (1, 2, 5, 10)
BARE, FP32 = "bare loop", "engine in fp32"


def task_of(seed: int, width: float, batch: int, precision: str, compile: bool = False) -> recipes.Task:
    recipe = recipes.Recipe(
        epochs=10**6,
        batch_size=batch,
        learning_rate=0.01,
        milestones=(),
        momentum=0.9,
        l2=1e-5,
        clip_norm=500,
        precision=precision,
        checkpoints=(),
        compile=compile,
    )
    return recipes.Task(
        name=f"seed{seed}",
        network=spec.Network("all_cnn_c", width=width, readout_relu=True),
        recipe=recipe,
        collapse=CollapseRule(0, False, 1),
        root_seed=0,
        stream_seeds={"init": seed, "order": 0, "augment": 0, "dropout": 0},
        vary=("init",),
    )


def initial_weights(task: recipes.Task) -> spec.Weights:
    return initialisation.initial_weights(task.network, (32, 32, 3), 10, root_seed=0, seed=task.stream_seeds["init"])


def network_of(task: recipes.Task, device: torch.device) -> nn.Module:
    module = build.build(task.network, (32, 32, 3), 10)
    build.load(module, initial_weights(task), source="benchmark")
    return module.to(device).train()


def engine(tasks: list[recipes.Task], images: Images, device: torch.device, folder: Path) -> Callable[[], None]:
    """Return a function that trains a cohort for an epoch."""
    platform = precision.platform_of(tasks[0].recipe, device)
    assignments = [
        Assignment(task, initial_weights(task), stores.Store(folder / task.name), "key", "digest", platform)
        for task in tasks
    ]
    attempts = [Attempt(assignment, images, device) for assignment in assignments]
    options = {"save_every": 1e9, "interruption": Interruption(), "report": lambda line: None}
    cohort = Cohort(attempts, images, device, **options)
    for attempt in attempts:
        attempt.module.train()
    return lambda: cohort.advance(tasks[0].recipe.epochs)


def reference_loop(task: recipes.Task, images: Images, device: torch.device) -> Callable[[], None]:
    """Return a function that trains for an epoch by the project's reference (which builds its network anew)."""
    one_epoch = replace(task, recipe=replace(task.recipe, epochs=1))
    start = initial_weights(task)
    return lambda: reference.train_plainly(one_epoch, start, images, device)


def bare_loop(task: recipes.Task, images: Images, device: torch.device) -> Callable[[], None]:
    """Return a function that trains for an epoch by the shortest loop there is, channels last in memory (contiguous
    images take up to half as long again on a CPU).
    """
    module = network_of(task, device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    inputs = torch.from_numpy(images.inputs).permute(0, 3, 1, 2).to(device)
    labels = torch.from_numpy(images.labels).to(device)
    decayed = [parameter for parameter in module.parameters() if parameter.ndim > 1]

    def loss_of(batch: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=task.recipe.precision == "bf16"):
            return functional.cross_entropy(module(batch), answers)

    if task.recipe.compile:
        loss_of = torch.compile(loss_of, dynamic=False)

    def epoch() -> None:
        for places in torch.randperm(len(labels), device=device).split(task.recipe.batch_size):
            loss = loss_of(inputs[places], labels[places])
            optimiser.zero_grad()
            loss.backward()
            for parameter in decayed:
                parameter.grad.add_(parameter.detach(), alpha=2e-5)
            nn.utils.clip_grad_norm_(module.parameters(), 500)
            optimiser.step()

    return epoch


def plain_loop(task: recipes.Task, images: Images, device: torch.device) -> Callable[[], None]:
    """Return a function that trains for an epoch by a loop as most people write it."""
    module = network_of(task, device)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    data = TensorDataset(
        torch.from_numpy(images.inputs).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(images.labels)
    )
    loader = DataLoader(data, batch_size=task.recipe.batch_size, shuffle=True, pin_memory=device.type == "cuda")

    def epoch() -> float:
        running = 0.0
        for batch, labels in loader:
            batch, labels = batch.to(device), labels.to(device)
            optimiser.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=task.recipe.precision == "bf16"):
                loss = functional.cross_entropy(module(batch), labels)
            weights = [parameter for name, parameter in module.named_parameters() if name.endswith("weight")]
            (loss + 1e-5 * sum(weight.square().sum() for weight in weights)).backward()
            nn.utils.clip_grad_norm_(module.parameters(), 500)
            optimiser.step()
            running += loss.item()
        return running

    return epoch


def seconds(function: Callable[[], object], device: torch.device) -> float:
    if device.type == "cpu":
        start = time.process_time()
        function()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    function()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def matrix_rate(device: torch.device, precision: str) -> float:
    """Return the operations a second of a large matrix product, random numbers, best of five."""
    size = 2048 if device.type == "cpu" else 8192
    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    if precision == "bf16":
        a, b = a.bfloat16(), b.bfloat16()
    return 2 * size**3 / min(seconds(lambda: a @ b, device) for _ in range(6))


def operations(width: float) -> int:
    """Return the floating-point operations that training takes an image: three times those of a forward pass."""
    module = network_of(task_of(0, width, 1, "fp32"), torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 3, 32, 32))
    return 3 * counter.get_total_flops()


def benchmark(
    width: float, batch: int, n_steps: int, arguments: argparse.Namespace, device: torch.device
) -> Iterator[dict]:
    arithmetic = arguments.precision
    make_deterministic(arithmetic)
    draw = np.random.default_rng(0)
    n_images = batch * n_steps
    inputs = draw.standard_normal((n_images, 32, 32, 3), dtype=np.float32)
    images = Images(inputs, draw.integers(0, 10, n_images), 10)
    tasks = [task_of(seed, width, batch, arithmetic, arguments.compile) for seed in range(max(arguments.cohorts))]
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            (BARE, 1): bare_loop(tasks[0], images, device),
            ("loop around a DataLoader", 1): plain_loop(tasks[0], images, device),
            ("reference", 1): reference_loop(tasks[0], images, device),
            **{("engine", n): engine(tasks[:n], images, device, Path(folder, str(n))) for n in arguments.cohorts},
        }
        if arithmetic == "bf16":
            fp32 = engine([task_of(0, width, batch, "fp32")], images, device, Path(folder, "fp32"))
            contenders[FP32, 1] = fp32
        rates: dict[tuple[str, int], list[float]] = {contender: [] for contender in contenders}
        for number in range(arguments.rounds + 1):
            first = number % len(contenders)  # nobody always follows the same one
            for name, size in [*contenders][first:] + [*contenders][:first]:
                rate = size * n_images / seconds(contenders[name, size], device)
                if number > 0:
                    rates[name, size].append(rate)
    available, needed = matrix_rate(device, arithmetic), operations(width)
    for (name, size), measured in rates.items():
        ratios = [rate / bare for rate, bare in zip(measured, rates[BARE, 1], strict=True)]
        in_fp32 = rates.get((FP32, 1), rates["engine", 1] if arithmetic == "fp32" else [math.nan] * len(measured))
        gains = [rate / slow for rate, slow in zip(measured, in_fp32, strict=True)]
        yield {
            "width": width,
            "batch_size": batch,
            "precision": arithmetic,
            "compiled": arguments.compile,
            "loop": name,
            "cohort_size": size,
            "images_per_s": round(statistics.median(measured), 1),
            "ratio_to_bare_loop": round(statistics.median(ratios), 3),
            "lowest_ratio": round(min(ratios), 3),
            "highest_ratio": round(max(ratios), 3),
            "ratio_to_fp32": round(statistics.median(gains), 2),
            "share_of_matrix_rate": round(statistics.median(measured) * needed / available, 3),
            "matrix_gflop_per_s": round(available / 1e9, 1),
            "device": f"{processors.model()}, {device_kind(device)}" if device.type == "cpu" else device_kind(device),
            "versions": f"torch {version('torch')}, python {platform.python_version()}",
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds; the first is not counted")
    parser.add_argument("--widths", type=float, nargs="+", help="of the network; default: all of the device")
    parser.add_argument("--cohorts", type=int, nargs="+", default=COHORTS, help="sizes of cohorts")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--compile", action="store_true", help="compile steps (on a CPU)")
    parser.add_argument("--batch", type=int, help="images a minibatch; default: by width")
    arguments = parser.parse_args()
    device = claim_device(print)
    rows = []
    with tempfile.TemporaryDirectory() as code:
        recipe = task_of(0, 1, 1, arguments.precision, arguments.compile).recipe
        compiled.configure(Path(code), precision.platform_of(recipe, device))
        for width, (batch, n_steps) in SETTINGS[device.type].items():
            if arguments.widths is None or width in arguments.widths:
                for row in benchmark(width, arguments.batch or batch, n_steps, arguments, device):
                    rows.append(row)
                    print(", ".join(f"{key} {value}" for key, value in list(row.items())[:12]), flush=True)
    path = (
        ROOT
        / "benchmarks/results"
        / f"training_{device.type}_{arguments.precision}{'_compiled' * arguments.compile}.csv"
    )
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
