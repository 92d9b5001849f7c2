"""Stimulus bootstrap of the consistency of 10 networks (45 pairs, 1000 stimuli): weighted products against rsatoolbox.

    OMP_NUM_THREADS=1 python benchmarks/resampling.py

rsatoolbox resamples its RDMs object (`subsample_pattern`) and compares it with itself (`compare`), once a resample.
It is measured on a few of the same resamples and scaled to all; the ratio is of one run on one core. That both sides
find the same exemplar consistencies is checked.
"""

import argparse
import csv
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rsatoolbox.rdm import RDMs, compare
from scipy.spatial.distance import pdist

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.statistics.stimulus_resampling import resample_rdms, stimulus_weights


def rdm_vectors(n_networks: int, n_stimuli: int, n_categories: int, rng: np.random.Generator) -> np.ndarray:
    """Return correlation RDMs (n_networks, n_pairs) of networks that share half of their patterns' variance."""
    categories = np.arange(n_stimuli) * n_categories // n_stimuli
    shared = rng.normal(size=(n_categories, 64))[categories] + rng.normal(size=(n_stimuli, 64))
    return np.stack([pdist(shared + rng.normal(size=shared.shape), "correlation") for _ in range(n_networks)])


def rsatoolbox_resample(rdms: RDMs, weights: np.ndarray) -> np.ndarray:
    """Return the squared correlations (n_pairs of networks,) of RDMs resampled with these stimulus counts."""
    drawn = np.repeat(np.arange(weights.size), weights.astype(int))
    resampled = rdms.subsample_pattern("index", drawn)
    r = compare(resampled, resampled, method="corr")
    return r[np.triu_indices(len(r), 1)] ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--rsatoolbox-resamples", type=int, default=5)
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--stimuli", type=int, default=1000)
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    categories = np.arange(arguments.stimuli) * 10 // arguments.stimuli
    vectors = rdm_vectors(arguments.networks, arguments.stimuli, 10, rng)
    weights = stimulus_weights(categories, arguments.resamples, rng)

    start = time.perf_counter()
    ours = resample_rdms(vectors, categories, weights)["exemplar"]
    seconds = time.perf_counter() - start

    rdms = RDMs(vectors, pattern_descriptors={"index": np.arange(arguments.stimuli)})
    start = time.perf_counter()
    theirs = np.stack([rsatoolbox_resample(rdms, w) for w in weights[: arguments.rsatoolbox_resamples]])
    measured = time.perf_counter() - start
    scaled = measured * arguments.resamples / arguments.rsatoolbox_resamples
    difference = float(np.abs(ours[: len(theirs)] - theirs).max())
    assert difference < 1e-9, f"the two disagree by {difference}"

    row = {
        "task": f"{arguments.resamples} stimulus resamples of {ours.shape[1]} pairs, {arguments.stimuli} stimuli",
        "manyseeds_s": round(seconds, 2),
        "rsatoolbox_s": round(scaled, 1),
        "rsatoolbox_measured_on": f"{arguments.rsatoolbox_resamples} resamples, scaled",
        "ratio": round(scaled / seconds, 1),
        "max_difference": f"{difference:.1e}",
        "device": f"{platform.machine()} CPU, 1 thread",
        "versions": f"numpy {version('numpy')}, rsatoolbox {version('rsatoolbox')}, python {platform.python_version()}",
    }
    path = ROOT / "benchmarks" / "results" / "resampling.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        writer.writeheader()
        writer.writerow(row)
    print("| " + " | ".join(row) + " |")
    print("|" + "---|" * len(row))
    print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
