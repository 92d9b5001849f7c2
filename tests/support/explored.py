"""A small study for the explorer's tests: activations, and the geometries, tables and page made from them."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from places import ROOT
from synthetic_tables import study_tables

from manyseeds.explorer import contents, packing, page, parts, pictures
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import save_geometries
from manyseeds.statistics import conserved

LAYERS = ["conv1", "conv2", "conv3"]
CATEGORIES = ["cat", "dog", "</script><b>ship"]
GROUP = ("all_cnn_c", "baseline")
N_STIMULI = 24
ASSETS = ROOT / "workflow_scripts/manyseeds/explorer/assets"


def activations(n_networks: int = 5) -> dict[int, dict[str, np.ndarray]]:
    """Return stimuli x units by seed and layer. What networks share is less in deeper layers."""
    rng = np.random.default_rng(0)
    shared = [rng.standard_normal((N_STIMULI, 30)) for _ in LAYERS]
    return {
        seed: {
            layer: shared[k] + 0.5 * (k + 1) * rng.standard_normal((N_STIMULI, 30)) for k, layer in enumerate(LAYERS)
        }
        for seed in range(n_networks)
    }


def stimuli(*, categories: bool = True) -> pd.DataFrame:
    numbers = np.arange(N_STIMULI) % 3 if categories else np.zeros(N_STIMULI, int)
    names = [CATEGORIES[k] for k in numbers] if categories else ["all"] * N_STIMULI
    return pd.DataFrame({"stimulus": np.arange(N_STIMULI), "category": numbers, "category_name": names})


def geometry_files(folder: Path, patterns: dict[int, dict[str, np.ndarray]]) -> dict[int, Path]:
    files = {seed: folder / f"seed{seed}.npz" for seed in patterns}
    for seed, path in files.items():
        layers = {layer: measure_geometry(values, name="a") for layer, values in patterns[seed].items()}
        save_geometries(path, layers)
    return files


def tables_of(files: dict[int, Path], listed: pd.DataFrame, *, trained: bool = True) -> dict[str, pd.DataFrame]:
    """The tables that the page reads. Stimuli have the agreement of these files; the other numbers are arbitrary."""
    n = len(files)
    found = study_tables({GROUP[0]: LAYERS}, n_networks=max(n, 2), n_collapsed=1)
    if n > 1:
        plan = conserved.Plan(splits=10, min_reliability=0.3, dimensions=3, seed=0)
        common = conserved.of_group(list(files.values()), listed, None, ["correlation"], None, plan, print)
        keys = {"architecture": GROUP[0], "condition": GROUP[1], "epoch": 30, "n_networks": n}
        for name in ("stimulus_agreement", "agreement_reliability"):
            found[name] = common[name].assign(**keys)
    epochs = [(seed, epoch) for seed in files for epoch in (1, 2, 3)]
    history = {"architecture": GROUP[0], "condition": GROUP[1], "loss": 2.5, "accuracy": 0.5}
    found["history"] = pd.DataFrame(epochs, columns=["seed", "epoch"]).assign(**history)
    untrained = () if trained else ("history", "accuracy")
    return {name: found[name] for name in contents.TABLES if name not in untrained}


def write_page(
    folder: Path, *, n_networks: int = 5, categories: bool = True, images: bool = True, trained: bool = True
) -> Path:
    """Write the tables as CSV and the page of a study, and return the path of the page."""
    listed = stimuli(categories=categories)
    files = geometry_files(folder, activations(n_networks))
    predicted = pd.DataFrame(
        [(seed, place, (place + seed) % 3) for seed in files for place in range(N_STIMULI)],
        columns=["seed", "position", "predicted"],
    )
    part = parts.of_group(files, listed, predicted if trained else None, "correlation", None, 20)
    tables = tables_of(files, listed, trained=trained)
    (folder / "tables").mkdir()
    for name, table in tables.items():
        table.to_csv(folder / f"tables/{name}.csv", index=False)
    pixels = np.random.default_rng(0).integers(0, 255, (N_STIMULI, 8, 8, 3)).astype(np.uint8)
    sheet = pictures.sheet(pixels) if images else None
    assets = packing.read_assets(ASSETS / name for name in contents.ASSETS)
    text = page.page("small <study>", assets, "correlation", tables, {GROUP: part}, listed, sheet)
    (folder / "explorer.html").write_text(text, encoding="utf-8")
    return folder / "explorer.html"


def row_correlations(patterns: dict[int, dict[str, np.ndarray]], layer: str) -> dict[tuple[int, int], np.ndarray]:
    """Return the correlation of each stimulus's dissimilarities to the others, between two networks, one by one."""
    rdms = {seed: 1 - np.corrcoef(layers[layer]) for seed, layers in patterns.items()}
    others = [np.arange(N_STIMULI) != stimulus for stimulus in range(N_STIMULI)]
    return {
        (a, b): np.array([np.corrcoef(rdms[a][s, others[s]], rdms[b][s, others[s]])[0, 1] for s in range(N_STIMULI)])
        for a, b in combinations(patterns, 2)
    }
