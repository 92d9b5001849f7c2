"""Divergence: pairs of a pool and perturbed copies, weights and predictions, against loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import pdist

from manyseeds.comparison.divergence import (
    Pair,
    Snapshot,
    compare_snapshots,
    copies_of,
    correctness,
    correlate_copies,
    pairs_of,
    predicted_categories,
    snapshots,
)
from manyseeds.comparison.pools import pool_networks
from manyseeds.io import tensors
from manyseeds.models import build, spec
from manyseeds.models.initialisation import initial_weights
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import save_geometries

CELLS = [("crossed", seed) for seed in range(4)]
DRAWS = {cell: {"init": (cell[1] // 2, 0), "order": (cell[1] % 2, 0)} for cell in CELLS}


def test_pairs_of_a_pool_have_the_streams_that_they_share():
    found = {(pair.first[1], pair.second[1]): pair.shared for pair in pairs_of(pool_networks(DRAWS, CELLS))}
    assert found == {(0, 1): "init", (0, 2): "order", (0, 3): "none", (1, 2): "none", (1, 3): "order", (2, 3): "init"}


def test_a_perturbed_network_is_the_copy_of_the_one_with_its_draws():
    pool = pool_networks(DRAWS, CELLS[:3])
    perturbed = {("ulp", seed): {"init": (seed, 0), "order": (0, 0)} for seed in range(3)}
    perturbed["ulp", 3] = {"init": (0, 1), "order": (0, 0)}  # redrawn
    found = copies_of(pool, DRAWS, perturbed, [*perturbed], "ulp")
    assert [(pair.first, pair.second) for pair in found] == [
        (("crossed", 0), ("ulp", 0)),
        (("crossed", 2), ("ulp", 1)),  # seed 2 has no unperturbed network
    ]
    assert {(pair.shared, pair.perturbation) for pair in found} == {(None, "ulp")}


def test_weights_and_predictions_are_compared_pair_by_pair():
    rng = np.random.default_rng(0)
    networks = {cell: Snapshot(rng.standard_normal(50), rng.integers(0, 3, 40)) for cell in CELLS}
    tiny = networks[CELLS[0]].weights.copy()
    tiny[7] += 1e-9
    networks["ulp", 0] = Snapshot(tiny, networks[CELLS[0]].predictions)
    pairs = [Pair(a, b, "none", None) for a, b in combinations(CELLS, 2)]
    pairs += [Pair(CELLS[0], ("ulp", 0), None, "ulp"), Pair(CELLS[1], ("gone", 0), None, "ulp")]
    rows = compare_snapshots(pairs, networks)
    assert len(rows) == 7
    for pair, row in zip(pairs, rows.itertuples(), strict=False):
        one, other = networks[pair.first], networks[pair.second]
        scale = np.sqrt(np.linalg.norm(one.weights) * np.linalg.norm(other.weights))
        assert row.weight_distance == pytest.approx(np.linalg.norm(one.weights - other.weights) / scale)
        assert row.agreement == np.mean(one.predictions == other.predictions)
    assert rows["weight_distance"].iloc[-1] == pytest.approx(1e-9 / np.linalg.norm(tiny), rel=1e-6)


def test_snapshots_have_all_parameters_and_the_predictions_of_the_module(tmp_path):
    network, shape = spec.Network("all_cnn_7", width=0.05, readout_relu=False), (12, 12, 1)
    module, stimuli = build.build(network, shape, 3), np.random.default_rng(1).standard_normal((9, *shape))
    files, expected = {}, {}
    for seed in range(2):
        weights = initial_weights(network, shape, 3, root_seed=0, seed=seed)
        files["crossed", seed] = tmp_path / f"{seed}.safetensors"
        tensors.write(files["crossed", seed], weights, {})
        build.load(module, weights, source="test")
        logits = module.eval()(torch.from_numpy(stimuli.astype(np.float32)).permute(0, 3, 1, 2))
        expected["crossed", seed] = logits.argmax(1).numpy(), sum(array.size for array in weights.values())
    found = snapshots(files, module, stimuli.astype(np.float32), torch.device("cpu"))
    for cell, (predictions, n_weights) in expected.items():
        np.testing.assert_array_equal(found[cell].predictions, predictions)
        assert found[cell].weights.shape == (n_weights,)


def test_predicted_categories_are_those_that_outputs_stand_for(tmp_path):
    network, shape = spec.Network("all_cnn_7", width=0.05, readout_relu=False), (12, 12, 1)
    module, stimuli = build.build(network, shape, 3), np.random.default_rng(3).standard_normal((9, *shape))
    stimuli, files, expected = stimuli.astype(np.float32), {}, []
    for seed in (1, 4):
        weights = initial_weights(network, shape, 3, root_seed=0, seed=seed)
        files[seed] = tmp_path / f"{seed}.safetensors"
        tensors.write(files[seed], weights, {})
        build.load(module, weights, source="test")
        expected.append(module.eval()(torch.from_numpy(stimuli).permute(0, 3, 1, 2)).argmax(1).numpy())
    expected = np.concatenate(expected)
    for categories in (None, [5, 2, 9]):
        rows = predicted_categories(files, module, stimuli, torch.device("cpu"), categories)
        assert rows["seed"].tolist() == [1] * 9 + [4] * 9
        assert rows["position"].tolist() == [*range(9)] * 2
        np.testing.assert_array_equal(rows["predicted"], np.array(categories or [0, 1, 2])[expected])


def test_predictions_of_stimuli_from_a_folder_are_right_by_the_names_of_categories():
    stimuli = pd.DataFrame({"category": [0, 0, 1, 2], "category_name": ["cat", "cat", "dog", "unicorn"]})
    predicted = pd.DataFrame({"position": [0, 1, 2, 3] * 2, "predicted": [3, 5, 5, 0, 3, 3, 3, 1]})
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog"]
    found = correctness(predicted, stimuli, names)
    np.testing.assert_array_equal(found, [1, 0, 1, np.nan, 1, 1, 0, np.nan])
    np.testing.assert_array_equal(
        correctness(predicted[:2], stimuli[:2].assign(category_name="3"), ["0", "1", "2", "3"]), [1, 0]
    )


def test_copies_are_correlated_at_each_epoch_that_both_have(tmp_path):
    rng, files, patterns = np.random.default_rng(2), {}, {}
    for cell, epochs in ((("crossed", 0), (0, 3)), (("ulp", 0), (3, 5))):
        for epoch in epochs:
            patterns[cell, epoch] = rng.standard_normal((10, 30))
            files[cell, epoch] = tmp_path / f"{cell[0]}{epoch}.npz"
            geometry = measure_geometry(patterns[cell, epoch], name="conv1")
            save_geometries(files[cell, epoch], {"conv1": geometry, "conv2": geometry}, {"conv1": 0, "conv2": 1})
    pair = Pair(("crossed", 0), ("ulp", 0), None, "ulp")
    rows = list(correlate_copies([pair], files, ["conv1"], ["euclidean", "correlation"]))
    assert [(row["epoch"], row["layer"], row["measure"]) for row in rows] == [
        (3, "conv1", "euclidean"),
        (3, "conv1", "correlation"),
    ]
    vectors = [pdist(patterns[cell, 3]) for cell in (("crossed", 0), ("ulp", 0))]
    assert rows[0]["r"] == pytest.approx(np.corrcoef(vectors)[0, 1])
