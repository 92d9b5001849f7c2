"""Pairs of variants, their weights and their rows of the table of kernels."""

import numpy as np
import pandas as pd
import pytest

from manyseeds.errors import StudyError
from manyseeds.io import tensors
from manyseeds.kernels import comparison, pairs, sources
from manyseeds.kernels.variants import convolutions
from manyseeds.models import initialisation
from manyseeds.models.spec import Network
from manyseeds.study import variants

NETWORK = Network("all_cnn_7", width=0.05, readout_relu=False)
CHOSEN = [
    variants.trained(),
    variants.at_epoch(3),
    variants.noise(0.99),
    variants.rescaled(0.3),
    variants.permuted(),
    variants.finetuned("blur", 1e-3),
    variants.finetuned("gamma", 1e-3),
]


def weights(seed):
    return initialisation.initial_weights(NETWORK, (12, 12, 1), 10, root_seed=0, seed=seed)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Sources of three networks, the last of which failed to be trained further on gamma."""
    folder = tmp_path_factory.mktemp("weights")
    by_seed = dict.fromkeys((0, 1, 4), CHOSEN)
    files = {kind: [] for kind in ("trained", "epoch", "finetuned")}
    for seed, chosen in by_seed.items():
        for place, variant in enumerate(each for each in chosen if each.kind in files):
            outcome = "not_finite" if (seed, variant.distortion) == (4, "gamma") else "accepted"
            files[variant.kind].append(folder / f"{seed}_{variant.name}.safetensors")
            tensors.write(files[variant.kind][-1], weights(10 * seed + place), {"outcome": outcome})
    found = sources.files_by_variant(by_seed, files)
    initial = {seed: weights(100 + seed) for seed in by_seed}
    return sources.Sources(by_seed, found, is_chain=True, root_seed=0, initial=initial)


def test_each_kind_has_its_pairs():
    found = pairs.pairs(dict.fromkeys((0, 1, 4), CHOSEN), 5, untrained=True)
    numbers = pd.Series([pair.kind for pair in found]).value_counts().to_dict()
    per_network = dict.fromkeys(("epochs", "noise", "rescaled", "permuted", "siblings"), 3)
    assert numbers == per_network | {"seeds": 3, "null": 3, "finetuned": 6}
    assert all(pair.a.seed == pair.b.seed for pair in found if pair.kind not in ("seeds", "null"))
    epochs = next(pair for pair in found if pair.kind == "epochs")
    assert epochs.a == (0, 3, "epoch3")
    assert epochs.b == (0, 5, "trained")
    assert "null" not in {pair.kind for pair in pairs.pairs({0: CHOSEN, 1: CHOSEN}, 5, untrained=False)}
    early = [variants.trained(), variants.at_epoch(4), variants.at_epoch(2)]
    named = [pair for pair in pairs.pairs({0: early}, 5, untrained=False) if pair.kind == "epochs"]
    assert [(pair.a.epoch, pair.b.epoch) for pair in named] == [(2, 4)]


def test_weights_are_those_of_files_or_made_from_the_trained_ones(known):
    np.testing.assert_array_equal(known.weights(1, "trained")["conv1.weight"], weights(10)["conv1.weight"])
    np.testing.assert_array_equal(known.weights(1, "epoch3")["conv1.weight"], weights(11)["conv1.weight"])
    np.testing.assert_array_equal(
        known.weights(1, "finetuned_gamma_0.001")["conv1.weight"], weights(13)["conv1.weight"]
    )
    np.testing.assert_array_equal(known.weights(1, "epoch0")["conv1.weight"], weights(101)["conv1.weight"])
    assert known.weights(4, "finetuned_gamma_0.001") is None
    assert known.weights(4, "finetuned_blur_0.001") is not None
    rescaled = known.weights(1, "rescaled_0.3")
    assert not np.array_equal(rescaled["conv1.weight"], weights(10)["conv1.weight"])
    np.testing.assert_array_equal(rescaled["conv7.weight"], weights(10)["conv7.weight"])


def test_rows_are_of_layers_and_of_networks_and_leave_out_failed_variants(known):
    layers = comparison.chosen_layers(weights(0), None, "net")
    comparer = comparison.Comparer(weights(0), layers, is_chain=True, restarts=1, draws=5, seed=0)
    chosen = pairs.pairs(dict.fromkeys((0, 1, 4), CHOSEN), 5, untrained=True)
    rows = comparison.compare(chosen, known.weights, comparer, lambda line: None)
    assert len(rows) == (len(chosen) - 2) * 4 * (len(layers) + 1)  # a pair of finetuned and one of siblings
    network = rows[rows["layer"].isna()].set_index(["pair_kind", "matching"])
    mean = rows.dropna(subset=["layer"]).groupby(["pair_kind", "matching"])["similarity"].mean()
    np.testing.assert_allclose(network.groupby(level=[0, 1])["similarity"].mean(), mean)
    assert network.loc[("permuted", "propagated"), "minimum"].min() > 1 - 1e-12
    assert network.loc[("permuted", "index"), "similarity"].max() < 0.5
    assert network.loc[("rescaled", "index"), "minimum"].min() > 1 - 1e-12
    assert network.loc[("rescaled", "index"), "flattened"].max() < 0.999  # the layer as one vector is another one
    noise = network.loc[("noise", "index"), "similarity"]
    np.testing.assert_allclose(noise, 0.99, atol=0.01)
    assert (rows["chance_mean"] < rows["chance_high"]).all()
    assert network.loc[("null", "greedy"), "similarity"].mean() < network["chance_high"].loc[("null", "greedy")].iloc[0]
    assert set(rows["n_constant"]) == {0}


def test_networks_that_begin_alike_have_no_pair_before_training(known):
    layers = comparison.chosen_layers(weights(0), None, "net")
    comparer = comparison.Comparer(weights(0), layers, is_chain=False, restarts=1, draws=3, seed=0)
    chosen = [pair for pair in pairs.pairs(dict.fromkeys((0, 1, 4), CHOSEN), 5, untrained=True) if pair.kind == "null"]
    initial = {0: weights(100), 1: weights(101), 4: weights(101)}
    rows = comparison.compare(chosen, lambda seed, _: initial[seed], comparer, lambda line: None)
    assert {*zip(rows["seed_a"], rows["seed_b"], strict=True)} == {(0, 1), (0, 4)}
    initial[4] = weights(102) | {"conv3.weight": weights(100)["conv3.weight"]}
    rows = comparison.compare(chosen, lambda seed, _: initial[seed], comparer, lambda line: None)
    assert {*zip(rows["seed_a"], rows["seed_b"], strict=True)} == {(0, 1), (1, 4)}


def test_networks_that_are_no_chain_are_not_matched_as_a_whole():
    some = {"a.weight": weights(0)["conv1.weight"], "fc.weight": np.ones((2, 3))}
    comparer = comparison.Comparer(some, {"a": 0}, is_chain=False, restarts=1, draws=3, seed=0)
    pair = pairs.Pair("seeds", pairs.Side(0, 1, "trained"), pairs.Side(1, 1, "trained"))
    assert {row["matching"] for row in comparer.rows(pair, some, some)} == {"index", "greedy", "optimal"}


def test_layers_are_chosen_by_name_and_refused_if_there_are_none():
    assert comparison.chosen_layers(weights(0), ["conv3", "fc"], "net") == {"conv3": 2}
    assert list(comparison.chosen_layers(weights(0), None, "net")) == convolutions(weights(0))
    with pytest.raises(StudyError, match=r"kernels\.layers: found fc, expected .* of net: conv1, conv2"):
        comparison.chosen_layers(weights(0), ["fc"], "net")
    with pytest.raises(StudyError, match=r"it has none; set kernels\.conditions to \[\]"):
        comparison.chosen_layers({"fc.weight": np.ones((2, 2))}, None, "net")
