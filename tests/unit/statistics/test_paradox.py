"""Criteria of the paradox on pairs with planted similarities and differences."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from manyseeds.statistics import paradox

N = 4
THRESHOLDS = {"similar": 0.999, "different": 0.05, "equivalent": 0.02}
STRENGTHS = {"none": [np.nan], "blur": [0.5, 0.9]}


def pairs():
    for a in range(N):
        for b in range(a + 1, N):
            yield {"pair_kind": "seeds", "seed_a": a, "variant_a": "trained", "seed_b": b, "variant_b": "trained"}
    for seed in range(N):
        yield {"pair_kind": "finetuned", "seed_a": seed, "variant_a": "trained", "seed_b": seed, "variant_b": "tuned"}


def similarity(pair, matching):
    if pair["pair_kind"] == "finetuned":
        return 0.9995 if pair["seed_a"] else 0.99  # that of seed 0 is not similar
    return {"index": 0.0, "greedy": 0.16, "propagated": 0.2}[matching]


def tables(m=4000, *, tuned=0.3, floor=False):
    kernels = [
        pair
        | {"matching": matching, "layer": None, "similarity": similarity(pair, matching)}
        | {"chance_mean": 0.15, "chance_high": 0.17}
        for pair in pairs()
        for matching in ("index", "greedy", "propagated")
    ]
    errors = []
    for pair in pairs():
        for distortion, strengths in STRENGTHS.items():
            for strength in strengths:
                difference = 0.001 if distortion == "none" else 0.004
                if pair["pair_kind"] == "finetuned" and strength == 0.9:
                    difference = tuned if pair["seed_a"] != 1 else 0.0  # that of seed 1 performs alike
                only_b, only_a = (0.01 + difference) * m, 0.01 * m
                row = {"distortion": distortion, "strength": strength, "difference": difference, "n_images": m}
                row |= {"n_only_a": only_a, "n_only_b": only_b, "mcnemar_p_holm": 0.001 if difference > 0.1 else 1.0}
                errors.append(pair | row)
    accuracy = pd.DataFrame(
        [
            {"architecture": "net", "condition": "baseline", "distortion": name, "strength": each}
            | {"at_floor": floor and each == 0.9}
            for name, strengths in STRENGTHS.items()
            for each in strengths
        ]
    )
    return pd.DataFrame(errors), accuracy, pd.DataFrame(kernels)


def rows(**options):
    found = paradox.paradox(*tables(**options), THRESHOLDS)
    return found.set_index(["pair_kind", "distortion"])


def test_similar_pairs_that_perform_differently_are_counted():
    row = rows().loc[("finetuned", "blur")]
    assert (row["n_pairs"], row["n_similar"], row["n_similar_yet_different"]) == (4, 3, 2)
    assert row["share"] == 0.5
    assert row["seeds_high"] == pytest.approx(0.004)
    assert row["difference_max_abs"] == pytest.approx(0.3)
    assert row["difference_mean_abs"] == pytest.approx((0.004 * 4 + 0.3 * 3) / 8)
    assert row["ci_low"] < 0.5 < row["ci_high"]
    assert rows().loc[("finetuned", "none"), "n_similar_yet_different"] == 0


def test_a_difference_must_exceed_that_of_seeds():
    errors, accuracy, kernels = tables()
    errors.loc[errors["pair_kind"] == "seeds", "difference"] = 0.5
    found = paradox.paradox(errors, accuracy, kernels, THRESHOLDS).set_index(["pair_kind", "distortion"])
    assert found.loc[("finetuned", "blur"), "n_similar_yet_different"] == 0


def test_different_pairs_that_perform_alike_are_counted_if_there_are_images_enough():
    row = rows().loc[("seeds", "blur")]
    assert row["excess_mean"] == pytest.approx(0.01 / 0.85)
    assert (row["n_different"], row["n_different_yet_similar"], row["can_qualify"]) == (6, 6, True)
    assert row["share"] == 1
    few = rows(m=100).loc[("seeds", "blur")]
    assert (few["n_different"], few["n_different_yet_similar"], few["can_qualify"]) == (6, 0, False)


def test_strengths_at_the_floor_do_not_count():
    row = rows(floor=True).loc[("finetuned", "blur")]
    assert row["n_similar_yet_different"] == 0
    assert row["difference_max_abs"] == pytest.approx(0.004)


def test_similarities_are_those_of_whole_networks():
    row = rows().loc[("finetuned", "none")]
    assert row["similarity_index_mean"] == pytest.approx((3 * 0.9995 + 0.99) / 4)
    assert row["similarity_index_min"] == 0.99
    assert row["chance_high"] == 0.17


def test_means_have_jackknives_over_instances():
    errors, accuracy, kernels = tables()
    found = paradox.judged(errors, accuracy, kernels, THRESHOLDS)
    for kind in ("finetuned", "seeds"):
        row, pairs = rows().loc[(kind, "blur")], found[(found["pair_kind"] == kind) & (found["distortion"] == "blur")]
        ends = "similarity_index_mean", "similarity_index_ci_low", "similarity_index_ci_high"
        differences = "difference_mean_abs", "difference_ci_low", "difference_ci_high"
        for column, (mean, low, high) in (("index", ends), ("mean_absolute", differences)):
            without = [
                pairs.loc[(pairs["seed_a"] != seed) & (pairs["seed_b"] != seed), column].mean() for seed in range(4)
            ]
            half = stats.t.ppf(0.975, 3) * np.sqrt(3 / 4 * np.sum((without - np.mean(without)) ** 2))
            assert row[mean] == pytest.approx(pairs[column].mean())
            assert (row[low], row[high]) == pytest.approx((row[mean] - half, row[mean] + half))
    no_chains = paradox.paradox(errors, accuracy, kernels[kernels["matching"] != "propagated"], THRESHOLDS)
    assert no_chains["similarity_propagated_ci_low"].isna().all()
