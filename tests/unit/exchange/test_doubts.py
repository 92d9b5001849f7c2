"""Imported networks that were not trained, are one and the same, or agree with no other are named."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from manyseeds.exchange import doubts

SEEDS = (0, 1, 2, 5, 7)


def metadata(**changes: dict[str, str]) -> dict[int, dict[str, str]]:
    """Metadata of networks that are trained and differ, but for changes by seed (s5)."""
    plain = {
        seed: doubts.about_weights({"w": np.full(3, seed, np.float32)}, initial=False) | {"source": f"seed{seed}"}
        for seed in SEEDS
    }
    return {seed: each | changes.get(f"s{seed}", {}) for seed, each in plain.items()}


def accuracy(**values: float) -> pd.DataFrame:
    """Accuracies on 1000 test images, 0.6 but for changes by seed, and other rows that do not matter."""
    rows = [
        {"seed": seed, "split": split, "subset": subset, "n_images": 1000, "accuracy": accuracy}
        for seed in SEEDS
        for split, subset, accuracy in (
            ("test", "all", values.get(f"s{seed}", 0.6)),
            ("test", "lossless", 0.1),
            ("train", "all", 0.1),
        )
    ]
    return pd.DataFrame(rows)


def consistency(outlier: int | None = None, of_outlier: float = 0.1, of_others: float = 0.5) -> pd.DataFrame:
    """Consistencies in three layers: an outlier is one in the second, and in rows of other kinds all are low."""
    rows = [
        {
            "layer": layer,
            "measure": measure,
            "kind": kind,
            "normalisation": "none",
            "epoch": 10,
            "dropout_samples": 0,
            "seed_a": a,
            "seed_b": b,
            "consistency": of_outlier if outlier in (a, b) and layer == "conv2" else of_others,
        }
        for layer in ("conv1", "conv2", "conv3")
        for measure, kind in (("euclidean", "exemplar"), ("correlation", "exemplar"), ("correlation", "centroid"))
        for a, b in combinations(SEEDS, 2)
    ]
    frame = pd.DataFrame(rows)
    other = (frame["measure"] == "euclidean") | (frame["kind"] == "centroid")
    frame.loc[other & (frame["seed_a"] == 0), "consistency"] = 0.01
    return frame


def elsewhere(rows: pd.DataFrame, **values: int) -> pd.DataFrame:
    """Rows of another epoch or number of dropout samples, where every network agrees perfectly."""
    return rows.assign(consistency=1.0, **values)


def of_group(about=None, tested=None, compared=None) -> dict[int, str]:
    about = metadata() if about is None else about
    tested = accuracy() if tested is None else tested
    return doubts.of_group(about, [tested], consistency() if compared is None else compared, 10)


def test_trained_networks_raise_no_doubt():
    assert of_group() == {}


def test_initial_weights_and_equal_weights_are_named():
    same = {doubts.WEIGHTS: metadata()[1][doubts.WEIGHTS]}
    found = of_group(metadata(s0={doubts.INITIAL: "true"}, s5=same, s7=same))
    assert found == {
        0: "its weights are distributed as before training",
        5: "it has the weights of seed 1",
        7: "it has the weights of seed 1",
    }


def test_equal_activations_are_named_once():
    """Without weights, networks are compared by their dissimilarities."""
    compared = consistency()
    equal = compared["seed_a"].isin([1, 5, 7]) & compared["seed_b"].isin([1, 5, 7])
    compared.loc[equal & (compared["kind"] == "exemplar"), "consistency"] = 1 - 2e-15
    nothing = {seed: {} for seed in SEEDS}
    same = "it has the dissimilarities of seed 1 in all layers"
    assert doubts.of_group(nothing, [], compared, None) == {5: same, 7: same}
    weights = {doubts.WEIGHTS: metadata()[1][doubts.WEIGHTS]}
    assert of_group(metadata(s5=weights), compared=compared) == {5: "it has the weights of seed 1", 7: same}
    in_one = (compared["layer"] == "conv1") & (compared["measure"] == "euclidean") & (compared["seed_b"] != 1)
    compared.loc[in_one, "consistency"] = 0.99
    assert doubts.of_group(nothing, [], compared, None) == {}


@pytest.mark.parametrize(
    ("value", "doubtful"), [(0.05, True), (0.1, True), (0.115, True), (0.125, False), (0.9, False)]
)
def test_an_accuracy_of_chance_is_named_with_its_interval(value, doubtful):
    """Wilson's interval of 115 in 1000 is 0.0966 to 0.1363, that of 125 is 0.1059 to 0.1469."""
    found = of_group(tested=accuracy(s2=value))
    assert set(found) == ({2} if doubtful else set())
    if value == 0.115:
        assert found[2] == "its test accuracy is 0.115 [0.097, 0.136], chance is 0.100"


@pytest.mark.parametrize(
    ("of_outlier", "of_others", "doubtful"), [(0.1, 0.5, True), (0.3, 0.5, False), (0.01, 0.05, False)]
)
def test_a_network_that_agrees_with_no_other_is_named(of_outlier, of_others, doubtful):
    found = of_group(compared=consistency(5, of_outlier, of_others))
    assert set(found) == ({5} if doubtful else set())
    if doubtful:
        assert found[5] == "its consistency with the others is 0.10 in conv2, theirs is 0.50"


def test_earlier_epochs_and_dropout_samples_do_not_hide_an_outlier():
    rows = consistency(5)
    others = [elsewhere(rows, epoch=0), elsewhere(rows, epoch=5), elsewhere(rows, dropout_samples=10)]
    assert of_group(compared=pd.concat([*others, rows])) == of_group(compared=rows) != {}


def test_among_three_networks_none_is_an_outlier():
    """With two groups of agreement among three pairs, nobody knows whose it is."""
    rows = consistency(5)
    few = rows[rows["seed_a"].isin([0, 1, 5]) & rows["seed_b"].isin([0, 1, 5])]
    assert of_group(compared=few) == {}


def test_all_doubts_of_a_group_are_one_sentence():
    found = of_group(metadata(s2={doubts.INITIAL: "true"}), accuracy(s2=0.1), consistency(5))
    assert doubts.sentence("net/mine", found) == (
        "Networks of net/mine to look at: seed 2 (its weights are distributed as before training; its test accuracy is "
        "0.100 [0.083, 0.120], chance is 0.100), seed 5 (its consistency with the others is 0.10 in conv2, theirs is "
        "0.50)."
    )
