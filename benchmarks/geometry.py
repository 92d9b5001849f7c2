"""Geometry and RDMs of one All-CNN-C on 1000 stimuli, against rsatoolbox and scipy; consistency of 90 RDMs.

    OMP_NUM_THREADS=1 python benchmarks/geometry.py

Activations are float32, random, some of them zero, of the nine layers at full width. manyseeds measures each layer's
geometry and makes its RDMs by five measures, in float64; the others make one correlation RDM a layer, timed on a tenth
of the units and scaled, since their time is proportional to the units. RDMs are checked to agree. Ratios are of a run;
processor seconds stand beside wall-clock seconds, which depend on what else the machine does.
"""

import argparse
import csv
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import RDMs, calc_rdm, compare
from scipy.spatial.distance import pdist

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.comparison.consistency import pairwise_r, random_centroid_agreement, random_partitions
from manyseeds.representations.geometry import Geometry, measure_geometry
from manyseeds.representations.measures import MEASURES, rdm

SIDES = (32, 32, 16, 16, 16, 8, 6, 6, 6)
CHANNELS = (96, 96, 96, 192, 192, 192, 192, 192, 10)
SHARE = 10
"""The other tools see one in so many units."""


def layer_activations(layer: int, n_stimuli: int, width: float) -> np.ndarray:
    """Return activations (n_stimuli, units) of a layer of All-CNN-C: rectified noise on a shared pattern."""
    channels = CHANNELS[layer] if layer == len(CHANNELS) - 1 else round(CHANNELS[layer] * width)
    rng = np.random.default_rng(layer)
    units = SIDES[layer] ** 2 * channels
    noise = rng.standard_normal((n_stimuli, units), dtype=np.float32)
    return np.maximum(noise + rng.standard_normal(units, dtype=np.float32), 0)


class Stopwatch:
    """Adds up wall-clock and processor seconds."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0

    def time(self, function: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = function()
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor
        return result


def peak_mib(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the most memory in MiB that a call takes at any one time, its arguments apart."""
    tracemalloc.start()
    function(*arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def five_rdms(activations: np.ndarray) -> tuple[Geometry, dict[str, np.ndarray]]:
    geometry = measure_geometry(activations, name="activations")
    return geometry, {measure: rdm(geometry, measure) for measure in MEASURES}


def rsatoolbox_rdm(activations: np.ndarray) -> np.ndarray:
    return calc_rdm(Dataset(activations), method="correlation").get_vectors()[0]


def benchmark_rdms(arguments: argparse.Namespace) -> tuple[list[dict], Geometry]:
    ours, theirs, scipys = Stopwatch(), Stopwatch(), Stopwatch()
    memory = peak_mib(five_rdms, layer_activations(0, arguments.stimuli, arguments.width))
    for layer in range(len(SIDES)):
        activations = layer_activations(layer, arguments.stimuli, arguments.width)
        geometry, _ = ours.time(lambda a=activations: five_rdms(a))
        share = np.ascontiguousarray(activations[:, ::SHARE])
        scipy_rdm = scipys.time(lambda a=share: pdist(a, "correlation"))
        rsatoolbox = theirs.time(lambda a=share: rsatoolbox_rdm(a))
        shared_rdm = five_rdms(share)[1]["correlation"]
        np.testing.assert_allclose(shared_rdm, scipy_rdm, atol=1e-9)
        np.testing.assert_allclose(shared_rdm, rsatoolbox, atol=1e-4)  # it computes in float32
        print(f"layer {layer + 1}: {activations.shape[1]} units", flush=True)
    task = f"RDMs of {len(SIDES)} layers, {arguments.stimuli} stimuli"
    rows = [
        row(f"{task}: geometry and five measures", "manyseeds", ours, ours, f"{memory:.0f} MiB"),
        row(f"{task}: correlation alone, scaled", "rsatoolbox", theirs, ours, factor=SHARE),
        row(f"{task}: correlation alone, scaled", "scipy pdist", scipys, ours, factor=SHARE),
    ]
    return rows, geometry


def benchmark_consistency(n_stimuli: int) -> list[dict]:
    vectors = np.random.default_rng(0).random((90, n_stimuli * (n_stimuli - 1) // 2))
    ours, theirs, gaps = Stopwatch(), Stopwatch(), Stopwatch()
    r, _ = ours.time(lambda: pairwise_r(vectors))
    rdms = RDMs(vectors)
    np.testing.assert_allclose(r, theirs.time(lambda: compare(rdms, rdms, method="corr")), atol=1e-9)
    vectors[:, ::1000] = np.nan
    gaps.time(lambda: pairwise_r(vectors))
    task = f"Consistency of 90 RDMs of {n_stimuli} stimuli"
    return [
        row(task, "manyseeds", ours, ours),
        row(task, "rsatoolbox", theirs, ours),
        row(f"{task}, some entries undefined", "manyseeds", gaps, ours),
    ]


def benchmark_partitions(geometry: Geometry, n_partitions: int) -> list[dict]:
    categories = np.arange(geometry.n_stimuli) * 10 // geometry.n_stimuli
    partitions = random_partitions(categories, n_partitions, np.random.default_rng(0))
    watch = Stopwatch()
    watch.time(lambda: random_centroid_agreement([geometry] * 2, partitions, ["correlation", "euclidean"]))
    return [row(f"{n_partitions} random groupings of 2 networks, one layer, two measures", "manyseeds", watch, watch)]


def row(task: str, tool: str, watch: Stopwatch, ours: Stopwatch, memory: str = "", factor: int = 1) -> dict:
    return {
        "task": task,
        "tool": tool,
        "wall_s": round(watch.wall * factor, 2),
        "processor_s": round(watch.processor * factor, 2),
        "times_manyseeds_wall": round(watch.wall * factor / ours.wall, 1),
        "times_manyseeds_processor": round(watch.processor * factor / ours.processor, 1),
        "memory_beyond_activations": memory,
        "device": f"{platform.machine()} CPU, {os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "rsatoolbox")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stimuli", type=int, default=1000)
    parser.add_argument("--width", type=float, default=1.0, help="of the network, relative to the published one")
    parser.add_argument("--partitions", type=int, default=1000)
    arguments = parser.parse_args()

    rows, geometry = benchmark_rdms(arguments)
    rows += benchmark_partitions(geometry, arguments.partitions)
    rows += benchmark_consistency(arguments.stimuli)

    path = ROOT / "benchmarks" / "results" / "geometry.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for line in rows:
        print("| " + " | ".join(map(str, line.values())) + " |")


if __name__ == "__main__":
    main()
