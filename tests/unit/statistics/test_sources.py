"""Sources of difference: planted components, explicit loops, and the coverage of intervals."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from manyseeds.comparison.consistency import agreement
from manyseeds.comparison.pools import Pool
from manyseeds.statistics.sources import Design, answer, components, source_rows

CROSSED = np.array(list(product(range(4), range(5))))
PLANTED = {"common": 0.4, "init": 0.3, "order": 0.1, "init+order": 0.2}
THREE = {
    "common": 0.3,
    "init": 0.15,
    "order": 0.05,
    "augment": 0.1,
    "init+order": 0.1,
    "init+augment": 0.05,
    "order+augment": 0.05,
    "init+order+augment": 0.2,
}


def planted(rng, levels, factors, variances, n_entries=2000):
    """RDM vectors (N, P): a fixed common part, and a part for each combination of levels of each set of streams."""
    common = np.sqrt(2) * np.sin(2 * np.pi * np.arange(n_entries) / n_entries)
    vectors = np.sqrt(variances["common"]) * np.tile(common, (len(levels), 1))
    for name, variance in variances.items():
        if name != "common":
            columns = [factors.index(factor) for factor in name.split("+")]
            _, which = np.unique(levels[:, columns], axis=0, return_inverse=True)
            parts = np.sqrt(variance) * rng.standard_normal((which.max() + 1, n_entries))
            vectors = vectors + parts[which.ravel()]
    return vectors


def estimated(vectors, levels, factors):
    design = Design(factors, levels)
    means = design.class_means(agreement(vectors).r[None])
    return design, means, {name: values[0] for name, values in components(design, means).items()}


@pytest.mark.parametrize(
    ("factors", "levels", "variances"),
    [
        (("init", "order"), CROSSED, PLANTED),
        (("init", "order", "augment"), np.array(list(product(range(3), repeat=3))), THREE),
    ],
)
def test_planted_components_are_recovered_and_add_up_to_one(factors, levels, variances):
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        found.append(estimated(planted(rng, levels, factors, variances), levels, factors)[2])
        parts = [values[0] for name, values in found[-1].items() if name != "difference"]
        assert sum(parts) == pytest.approx(1.0, abs=1e-12)
    for name, value in variances.items():
        estimates = np.array([each[name][0] for each in found])
        error = estimates.std(ddof=1) / np.sqrt(len(estimates))
        assert abs(estimates.mean() - value) < 4 * error + 1e-3, name
    differences = np.array([each["difference"][0] for each in found])
    assert abs(differences.mean() - (variances["init"] - variances["order"])) < 0.02


def test_identical_networks_have_the_common_part_alone():
    vectors = np.tile(np.random.default_rng(0).standard_normal(50), (len(CROSSED), 1))
    _, _, found = estimated(vectors, CROSSED, ("init", "order"))
    assert found["common"] == pytest.approx(1.0)
    for name in ("init", "order", "init+order", "difference"):
        np.testing.assert_allclose(found[name], 0.0, atol=1e-12)


def test_other_names_of_the_streams_give_the_same_components_under_other_names():
    vectors = planted(np.random.default_rng(1), CROSSED, ("init", "order"), PLANTED, 100)
    one = estimated(vectors, CROSSED, ("init", "order"))[2]
    other = estimated(vectors, CROSSED, ("order", "init"))[2]
    np.testing.assert_array_equal(one["init"], other["order"])
    np.testing.assert_array_equal(one["order"], other["init"])
    np.testing.assert_array_equal(one["difference"], -other["difference"])
    columns = estimated(vectors, CROSSED[:, ::-1], ("order", "init"))[2]
    np.testing.assert_allclose(columns["init"][0], one["init"][0])


IRREGULAR = np.array([(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (1, 1), (2, 2)])
"""A star about (0, 0) with two more cells."""


def test_classes_of_an_irregular_pool_are_those_of_an_enumeration():
    vectors = np.random.default_rng(2).standard_normal((len(IRREGULAR), 30))
    design, means, _ = estimated(vectors, IRREGULAR, ("init", "order"))
    by_class = {"none": [], "init": [], "order": []}
    for i, j in combinations(range(len(IRREGULAR)), 2):
        same = IRREGULAR[i] == IRREGULAR[j]
        name = "init" if same[0] else "order" if same[1] else "none"
        by_class[name].append(np.corrcoef(vectors[i], vectors[j])[0, 1])
    assert {name: len(values) for name, values in by_class.items()} == {"none": 11, "init": 5, "order": 5}
    for number in range(3):
        assert means[0, 0, number] == pytest.approx(np.mean(by_class[design.name(number)]))


def test_the_two_way_jackknife_against_a_loop():
    vectors = planted(np.random.default_rng(3), CROSSED, ("init", "order"), PLANTED, 80)
    design, _, found = estimated(vectors, CROSSED, ("init", "order"))
    for name, values in found.items():
        variance = 0.0
        for factor in (0, 1):
            left = []
            for level in range(4 + factor):
                kept = CROSSED[:, factor] != level
                left.append(estimated(vectors[kept], CROSSED[kept], ("init", "order"))[2][name][0])
            k = len(left)
            variance += (k - 1) / k * np.sum((np.array(left) - np.mean(left)) ** 2)
        half = stats.t.ppf(0.975, 3) * np.sqrt(variance)
        low, high = design.interval(values[None])
        assert (low[0], high[0]) == pytest.approx((values[0] - half, values[0] + half))


def test_a_class_without_pairs_is_null_and_so_is_what_needs_it():
    """Networks that all differ in both streams say how much is common, and nothing about each stream."""
    levels = np.array([(0, 0), (1, 1), (2, 2), (3, 3)])
    design, means, found = estimated(np.random.default_rng(4).standard_normal((4, 20)), levels, ("init", "order"))
    assert np.isfinite(found["common"][0])
    assert np.isnan([found[name][0] for name in ("init", "order", "init+order", "difference")]).all()
    assert np.isfinite(design.interval(means[..., 0])[0]).all()


@pytest.mark.parametrize("levels", [IRREGULAR[:5], np.array(list(product(range(2), range(5))))])
def test_a_star_and_two_seeds_of_a_stream_have_no_interval(levels):
    vectors = np.random.default_rng(5).standard_normal((len(levels), 20))
    design, _, found = estimated(vectors, levels, ("init", "order"))
    assert np.isfinite(found["difference"][0])
    assert np.isnan(design.interval(found["difference"][None])).all()


def test_missing_networks_leave_estimates_unbiased():
    rng, found = np.random.default_rng(6), []
    for _ in range(60):
        kept = np.sort(rng.permutation(len(CROSSED))[3:])
        vectors = planted(rng, CROSSED[kept], ("init", "order"), PLANTED)
        found.append(estimated(vectors, CROSSED[kept], ("init", "order"))[2])
    for name, value in PLANTED.items():
        estimates = np.array([each[name][0] for each in found])
        assert abs(estimates.mean() - value) < 4 * estimates.std(ddof=1) / np.sqrt(60) + 1e-3, name


@pytest.mark.slow
def test_intervals_cover_planted_components():
    """`benchmarks/sources.py` does this at larger size."""
    rng, n_simulations = np.random.default_rng(7), 300
    levels = np.array(list(product(range(5), repeat=2)))
    covered = dict.fromkeys(("common", "init", "order", "difference"), 0)
    truth = PLANTED | {"difference": PLANTED["init"] - PLANTED["order"]}
    for _ in range(n_simulations):
        vectors = planted(rng, levels, ("init", "order"), PLANTED, 300)
        design, _, found = estimated(vectors, levels, ("init", "order"))
        for name in covered:
            low, high = design.interval(found[name][None])
            covered[name] += int(low[0] <= truth[name] <= high[0])
    assert all(n / n_simulations > 0.9 for n in covered.values()), covered


def pool(n_missing=1):
    cells = tuple(("crossed", place) for place in range(len(CROSSED)))
    return Pool(cells, ("init", "order"), CROSSED, n_missing)


def test_tables_have_components_shares_and_classes():
    vectors = planted(np.random.default_rng(8), CROSSED, ("init", "order"), PLANTED, 60)
    found = agreement(vectors)
    rows, pairs = source_rows(pool(), [({"epoch": 3, "layer": "conv1"}, found)])
    by_name = rows.set_index("component")
    assert list(by_name.index) == ["common", "init", "order", "init+order", "difference"]
    individual = 1 - by_name["value"]["common"]
    parts = ["init", "order", "init+order"]
    np.testing.assert_allclose(by_name["share"][parts], by_name["value"][parts] / individual)
    assert by_name["share"][parts].sum() == pytest.approx(1.0)
    assert by_name["share"][["common", "difference"]].isna().all()
    assert by_name["n_pairs"].to_dict() == {
        "common": 120,
        "init": 160,
        "order": 150,
        "init+order": 190,
        "difference": 70,
    }
    assert {*rows["levels"]} == {"init4+order5"}
    assert {*rows["n_missing"]} == {1}
    assert pairs.set_index("shared")["n_pairs"].to_dict() == {"none": 120, "init": 40, "order": 30}
    same_init = [i // 5 == j // 5 for i, j in combinations(range(20), 2)]
    of_init = pairs[pairs["shared"] == "init"].iloc[0]
    assert of_init["r"] == pytest.approx(found.r[same_init].mean())
    assert of_init["consistency"] == pytest.approx(found.consistency[same_init].mean())


def test_a_pool_that_crosses_nothing_has_no_rows():
    found = [({"epoch": 1}, agreement(np.random.default_rng(0).standard_normal((1, 9))))]
    one = Pool((("crossed", 0),), (), np.empty((1, 0), int), 3)
    assert [len(rows) for rows in source_rows(one, found)] == [0, 0]


def answered(difference, init, order):
    ends = {"init": init, "order": order, "difference": difference}
    rows = [
        {"component": name, "value": np.mean(end), "ci_low": end[0], "ci_high": end[1]} for name, end in ends.items()
    ]
    return answer(pd.DataFrame(rows).assign(equivalent=0.02))


@pytest.mark.parametrize(
    ("difference", "init", "order", "words"),
    [
        ((0.01, 0.09), (0.1, 0.2), (0.0, 0.1), "by +0.050 (0.010 to 0.090): initialisation constrains more"),
        ((-0.09, -0.01), (0.0, 0.1), (0.1, 0.2), "by -0.050 (-0.090 to -0.010): order constrains more"),
        ((-0.01, 0.01), (0.1, 0.2), (0.1, 0.2), "neither constrains more than the other"),
        ((-0.01, 0.01), (-0.01, 0.015), (-0.015, 0.01), "neither constrains, and any one source releases all"),
        ((-0.1, 0.09), (0.0, 0.2), (0.0, 0.2), "by -0.005 (-0.100 to 0.090): undecided"),
        ((np.nan, np.nan), (0.0, 0.2), (0.0, 0.2), "init and order are not both crossed"),
    ],
)
def test_the_answer_in_words(difference, init, order, words):
    assert words in answered(difference, init, order)


def test_an_answer_without_an_interval_says_so():
    rows = pd.DataFrame([{"component": "difference", "value": 0.03, "ci_low": np.nan, "ci_high": np.nan}])
    assert answer(rows.assign(equivalent=0.02)) == "sharing init instead of order changes r by +0.030 (no interval)"
