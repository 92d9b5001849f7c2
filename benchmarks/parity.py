"""Whether networks trained in bf16 agree with each other and with networks of float32, by the criteria of methods 3.

    python benchmarks/parity.py results/parity results/parity_bf16

after both runs of studies/parity.yaml. Three questions are answered by yes or no. Does the mean consistency of the last
layer differ by less than 0.1 (jackknife over seeds, paired)? Is the mean test accuracy within half a point? Do twins in
bf16 and in float32 agree as two trainings of one seed in different orders do, or hardly less?
"""

import argparse
import csv
import sys
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.training import stores

LARGEST_CHANGE, LARGEST_LOSS, LARGEST_GAP = 0.1, 0.005, 0.05
"""Half-width of the interval of the change in consistency, change in accuracy, and gap to another order, at most."""

Vectors = Mapping[int, np.ndarray]
"""RDM of the last layer by seed."""


def last_layers(study: Path, condition: str) -> Vectors:
    """Return the correlation RDMs of the last layer of a study's only network."""
    paths = study.glob(f"rdms/*/{condition}/seed*/epoch*/correlation.npy")
    return {int(path.parts[-3].removeprefix("seed")): np.load(path)[-1] for path in sorted(paths)}


def consistency(one: np.ndarray, other: np.ndarray) -> float:
    defined = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[defined], other[defined])[0, 1] ** 2)


def mean_consistency(vectors: Vectors, left_out: int | None = None) -> float:
    """Return the mean over all pairs of networks, but those of one seed."""
    kept = [vector for seed, vector in vectors.items() if seed != left_out]
    return float(np.mean([consistency(*pair) for pair in combinations(kept, 2)]))


def paired_change(fp32: Vectors, bf16: Vectors) -> tuple[float, float]:
    """Return by how much mean consistency is larger in bf16, and the half-width of its 95 % interval: jackknife, both
    networks of a seed deleted at once.
    """
    change = mean_consistency(bf16) - mean_consistency(fp32)
    without = [mean_consistency(bf16, seed) - mean_consistency(fp32, seed) for seed in fp32]
    n = len(without)
    error = np.sqrt((n - 1) / n * np.sum((np.array(without) - np.mean(without)) ** 2))
    return change, float(stats.t.ppf(0.975, n - 1) * error)


def twins(one: Vectors, other: Vectors, seeds: list[int]) -> np.ndarray:
    """Return the consistency of two networks of each seed."""
    return np.array([consistency(one[seed], other[seed]) for seed in seeds])


def test_accuracies(study: Path) -> pd.Series:
    """Return the test accuracy after the last epoch by seed, in the baseline."""
    parts = sorted(study.glob("tables/parts/*/baseline/accuracy*.parquet"))
    rows = pd.concat(map(pd.read_parquet, parts))
    rows = rows[(rows["split"] == "test") & (rows["subset"] == "all") & (rows["epoch"] == rows["epoch"].max())]
    return rows.set_index("seed")["accuracy"].sort_index()


def check_alike(fp32: Path, bf16: Path) -> str:
    """Check that the studies differ in precision alone, and return on what they were trained."""
    found = []
    for study, precision in ((fp32, "fp32"), (bf16, "bf16")):
        (path,) = list(study.glob("networks/*/baseline/seed0/epoch[1-9]*.safetensors"))
        metadata = stores.metadata_of(path)
        if metadata["precision"] != precision:
            sys.exit(f"{path} was trained in {metadata['precision']}, expected {precision}")
        found.append(f"{metadata['cpu']}, {metadata['device']}")
    if len(set(found)) > 1:
        sys.exit(f"the studies were trained on {' and on '.join(found)}; expected one kind of device")
    return found[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fp32", type=Path, help="results of the study in float32, with the condition `order`")
    parser.add_argument("bf16", type=Path, help="results of the same study in bf16")
    arguments = parser.parse_args()
    device = check_alike(arguments.fp32, arguments.bf16)
    fp32, bf16 = (last_layers(study, "baseline") for study in (arguments.fp32, arguments.bf16))
    order = last_layers(arguments.fp32, "order")
    if not fp32.keys() == bf16.keys() == order.keys():
        sys.exit(f"found the seeds {[*fp32]}, {[*bf16]} and {[*order]}; expected the same")
    change, half_width = paired_change(fp32, bf16)
    reordered = [seed for seed in fp32 if seed > 0]  # seed 0 is the same network in both conditions
    same_seed, other_order = twins(fp32, bf16, [*fp32]), twins(fp32, order, reordered)
    gain = test_accuracies(arguments.bf16) - test_accuracies(arguments.fp32)
    answers = {
        "consistency is the same": abs(change) < half_width < LARGEST_CHANGE,
        "accuracy is the same": abs(gain.mean()) <= LARGEST_LOSS,
        "twins agree as those of another order": same_seed.mean() >= other_order.mean() - LARGEST_GAP,
    }
    row = {
        "networks": len(fp32),
        "consistency_fp32": round(mean_consistency(fp32), 4),
        "consistency_bf16": round(mean_consistency(bf16), 4),
        "change": round(change, 4),
        "half_width": round(half_width, 4),
        "test_accuracy_fp32": round(test_accuracies(arguments.fp32).mean(), 4),
        "test_accuracy_bf16": round(test_accuracies(arguments.bf16).mean(), 4),
        "largest_accuracy_change": round(gain.abs().max(), 4),
        "same_seed_bf16_fp32": round(same_seed.mean(), 4),
        "same_seed_other_order": round(other_order.mean(), 4),
        "device": device,
    } | answers
    for name, value in row.items():
        print(f"{name}: {value}")
    path = ROOT / "benchmarks/results/parity.csv"
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    sys.exit(0 if all(answers.values()) else 1)


if __name__ == "__main__":
    main()
