"""How time and memory of each stage grow with networks and stimuli.

    OMP_NUM_THREADS=1 python benchmarks/scale.py

Each stage runs in a process of its own, on random geometries of one layer; its peak memory is the process's, less that
of the same process before the stage. Stages by layer take as long for each layer. A growth is the exponent between two
sizes: 1 is proportional to them, 2 to their square.
"""

import argparse
import csv
import json
import math
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.comparison import by_comparators, mds, second_level, within_group
from manyseeds.comparison.consistency import random_partitions
from manyseeds.representations.geometry import Geometry, measure_geometry
from manyseeds.representations.geometry_files import load_geometry, save_geometries
from manyseeds.representations.measures import MEASURES
from manyseeds.statistics import stimulus_resampling
from manyseeds.statistics.group_summaries import summarise_consistency
from manyseeds.statistics.intervals import Bootstrap

UNITS, LAYERS, N_CATEGORIES = 200, 20, 10
GROUP = {"architecture": "net", "condition": "mine", "epoch": 1, "layer": "a", "layer_index": 0}


def categories_of(n_stimuli: int) -> np.ndarray:
    return np.repeat(np.arange(N_CATEGORIES), n_stimuli // N_CATEGORIES)


def networks(n_networks: int, n_stimuli: int) -> dict[int, Geometry]:
    """Return geometries of networks whose patterns are half shared."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((n_stimuli, UNITS))
    patterns = (shared + rng.standard_normal(shared.shape) for _ in range(n_networks))
    return {seed: measure_geometry(each, name=str(seed)) for seed, each in enumerate(patterns)}


def as_files(geometries: dict[int, Geometry], folder: Path, n_layers: int) -> dict[int, Path]:
    """Write the same geometry for each layer of a network."""
    files = {seed: folder / f"{seed}.npz" for seed in geometries}
    for seed, geometry in geometries.items():
        save_geometries(files[seed], {f"layer{layer}": geometry for layer in range(n_layers)})
    return files


# Stages: each prepares its inputs, and returns the function that is measured.


def measure(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    patterns = np.random.default_rng(0).standard_normal((n_stimuli, 10_000)).astype(np.float32)
    return lambda: [measure_geometry(patterns, name="a") for _ in range(n_networks)]


def compare(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    files, measures = as_files(networks(n_networks, n_stimuli), folder, 1), list(MEASURES)
    categories = categories_of(n_stimuli)
    return lambda: within_group.compare_layer(
        {seed: load_geometry(path, "layer0") for seed, path in files.items()}, categories, measures
    )


def random_groups(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    geometries = networks(n_networks, n_stimuli)
    partitions = random_partitions(categories_of(n_stimuli), 1000, np.random.default_rng(0))
    return lambda: within_group.compare_random_groups(geometries, partitions, ["correlation"])


def resample(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    geometries, categories = list(networks(n_networks, n_stimuli).values()), categories_of(n_stimuli)
    weights = stimulus_resampling.stimulus_weights(categories, 1000, np.random.default_rng(0))
    return lambda: stimulus_resampling.resample_stimuli(geometries, categories, ["correlation"], weights)


def comparators(n_networks: int, n_stimuli: int, folder: Path, n_layers: int = 1) -> Callable[[], object]:
    files = as_files(networks(n_networks, n_stimuli), folder, n_layers)
    chosen = by_comparators.variants(["spearman", "cka", "cka_debiased"], ["correlation"])
    return lambda: by_comparators.compare_by_comparators(files, 1, None, chosen, lambda line: None)


def second(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    files = as_files(networks(n_networks, n_stimuli), folder, LAYERS)
    return lambda: second_level.second_level_distances(second_level.load_rdms(files, "correlation")[1])


def map_stimuli(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    files = as_files(networks(1, n_stimuli), folder, 1)
    points, rdms = second_level.load_rdms(files, "correlation")
    categories = categories_of(n_stimuli)
    names = categories.astype(str)
    stimuli = pd.DataFrame({"stimulus": np.arange(n_stimuli), "category": categories, "category_name": names})
    return lambda: mds.map_stimuli(rdms, points, stimuli)


def map_rdms(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(
        [(f"layer{layer}", layer, seed) for layer in range(LAYERS) for seed in range(n_networks)],
        columns=["layer", "layer_index", "seed"],
    )
    places = rng.standard_normal((len(points), 5))
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    return lambda: mds.map_rdms(distances, points)


def summarise(n_networks: int, n_stimuli: int, folder: Path) -> Callable[[], object]:
    first, other = np.triu_indices(n_networks, 1)
    values = np.random.default_rng(0).random((LAYERS, first.size))
    rows = [
        pd.DataFrame({"seed_a": first, "seed_b": other, "consistency": values[layer], "r": values[layer]}).assign(
            **GROUP | {"layer": f"layer{layer}", "layer_index": layer},
            measure="correlation",
            normalisation="none",
            kind="exemplar",
            dropout_samples=0,
            n_entries=1000,
            n_undefined=0,
        )
        for layer in range(LAYERS)
    ]
    table = pd.concat(rows, ignore_index=True)
    return lambda: summarise_consistency(table, None, Bootstrap(0, 10_000))


STAGES: dict[str, tuple[Callable[..., Callable[[], object]], list[tuple[int, int]]]] = {
    "measure a layer of 10,000 units": (measure, [(1, 1000), (1, 2000), (1, 5000)]),
    "compare a layer, five measures": (compare, [(10, 1000), (30, 1000), (100, 1000), (10, 2000), (10, 5000)]),
    "random groups of a layer, one measure": (random_groups, [(10, 1000), (30, 1000), (100, 1000), (10, 2000)]),
    "resample stimuli of a layer, one measure": (resample, [(5, 1000), (10, 1000), (20, 1000), (5, 2000)]),
    "three comparators of a layer": (comparators, [(10, 1000), (30, 1000), (100, 1000), (10, 2000)]),
    "three comparators of 5 layers": (partial(comparators, n_layers=5), [(10, 1000), (100, 1000)]),
    "second level, 20 layers": (second, [(10, 1000), (30, 1000), (100, 1000), (10, 2000)]),
    "map of the stimuli of a layer": (map_stimuli, [(1, 500), (1, 1000), (1, 2000)]),
    "map of all RDMs, 20 layers": (map_rdms, [(10, 1000), (30, 1000), (100, 1000)]),
    "summarise one kind and measure, 20 layers": (summarise, [(10, 1000), (100, 1000)]),
}
"""By stage: what prepares it, and the numbers of networks and stimuli. `summarise` and maps of RDMs ignore stimuli."""


@contextmanager
def watched(found: dict[str, float]) -> Iterator[None]:
    """Add the peak memory in GB that is no part of a file, looked at every 20 ms. Pages of files can be taken back."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            status = Path("/proc/self/status").read_text()
            kilobytes = int(status.split("RssAnon:")[1].split()[0])
            found["peak_without_files_gb"] = max(found.get("peak_without_files_gb", 0.0), kilobytes / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def run_stage(name: str, n_networks: int, n_stimuli: int) -> dict[str, float]:
    """Run a stage in this process; return its processor seconds and its peak memory in GB."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        function = STAGES[name][0](n_networks, n_stimuli, Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        with watched(found):
            function()
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak_gb": peak / 2**20, "prepared_gb": before / 2**20, **found}


def growth(rows: list[dict[str, Any]], key: str) -> float | None:
    """Return the exponent of the seconds in the largest two sizes of networks or stimuli, the other fixed."""
    fixed = "stimuli" if key == "networks" else "networks"
    alike = [row for row in rows if row[fixed] == rows[0][fixed]]
    sizes = sorted({row[key]: row["seconds"] for row in alike}.items())
    if len(sizes) < 2:
        return None
    (small, first), (large, last) = sizes[-2:]
    return math.log(last / first) / math.log(large / small)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", nargs=3, metavar=("NAME", "NETWORKS", "STIMULI"), help="one stage, in this process")
    stage = parser.parse_args().stage
    if stage:
        print(json.dumps(run_stage(stage[0], int(stage[1]), int(stage[2]))))
        return
    rows = []
    for name, (_, sizes) in STAGES.items():
        for n_networks, n_stimuli in sizes:
            command = [sys.executable, __file__, "--stage", name, str(n_networks), str(n_stimuli)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append({"stage": name, "networks": n_networks, "stimuli": n_stimuli, **json.loads(done.stdout)})
            print(rows[-1], flush=True)
        of_stage = [row for row in rows if row["stage"] == name]
        print(f"growth with networks {growth(of_stage, 'networks')}, stimuli {growth(of_stage, 'stimuli')}", flush=True)
    with (ROOT / "benchmarks/results/scale.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
