"""The functions for notebooks, against scipy and against the tables of the workflow."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from rsatoolbox.rdm import RDMs, concat
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr

import manyseeds as ms
from manyseeds.exchange import rsatoolbox_files

RNG = np.random.default_rng(0)
CATEGORIES = np.repeat(["cat", "dog", "car"], 4)
SHARED = RNG.normal(size=(12, 3, 3, 5))
NETWORKS = {
    name: {
        "conv1": (SHARED + RNG.normal(size=SHARED.shape)).astype(np.float32),
        "fc": RNG.normal(size=(12, 7)) + np.repeat(np.eye(3), 4, axis=0) @ RNG.normal(size=(3, 7)),
    }
    for name in (3, 5, 8, 9)
}
SCIPY = {"correlation": "correlation", "cosine": "cosine", "euclidean": "euclidean"}


@pytest.mark.parametrize("measure", SCIPY)
@pytest.mark.parametrize("normalisation", ["none", "cocktail"])
def test_rdms_are_those_of_scipy(measure, normalisation):
    patterns = NETWORKS[3]["conv1"].reshape(12, -1).astype(float)
    if normalisation == "cocktail":
        patterns = patterns - patterns.mean(axis=0)
    found = ms.rdm(NETWORKS[3]["conv1"], measure, normalisation=normalisation)
    np.testing.assert_allclose(found, pdist(patterns, SCIPY[measure]), rtol=1e-6)


def test_pairs_are_squared_correlations_of_rdms():
    rows = ms.pairs(NETWORKS, CATEGORIES, measures=["euclidean"])
    assert len(rows) == 2 * 4 * 6  # layers, kinds, pairs
    exemplars = rows[(rows["kind"] == "exemplar") & (rows["layer"] == "fc")].set_index(["seed_a", "seed_b"])
    for a, b in combinations(NETWORKS, 2):
        r = pearsonr(pdist(NETWORKS[a]["fc"]), pdist(NETWORKS[b]["fc"])).statistic
        assert exemplars.loc[(a, b), "consistency"] == pytest.approx(r**2, rel=1e-9)
        assert exemplars.loc[(a, b), "r"] == pytest.approx(r, rel=1e-9)
    centroids = rows[(rows["kind"] == "centroid") & (rows["layer"] == "fc")].set_index(["seed_a", "seed_b"])
    means = {name: layers["fc"].reshape(3, 4, -1).mean(axis=1) for name, layers in NETWORKS.items()}
    expected = pearsonr(pdist(means[3]), pdist(means[9])).statistic ** 2
    assert centroids.loc[(3, 9), "consistency"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("interval", ["jackknife", "pairs", "stimuli"])
def test_means_are_those_of_the_pairs_inside_their_interval(interval):
    table = ms.consistency(NETWORKS, CATEGORIES, interval=interval, n_resamples=200)
    rows = ms.pairs(NETWORKS, CATEGORIES)
    expected = rows.groupby(["layer", "kind"])["consistency"].mean()
    found = table.set_index(["layer", "kind"])["mean"]
    np.testing.assert_allclose(found, expected.loc[found.index])
    assert set(table["ci_method"]) == {interval}
    assert (table["ci_low"] < table["ci_high"]).all()
    assert table["layer"].unique().tolist() == ["conv1", "fc"]
    assert table["n_networks"].eq(4).all()


def test_stimuli_are_resampled_as_often_as_asked():
    ends = {
        n: ms.consistency(NETWORKS, CATEGORIES, interval="stimuli", n_resamples=n)["ci_low"] for n in (None, 40, 1000)
    }
    pd.testing.assert_series_equal(ends[None], ends[1000])
    assert not np.isclose(ends[40], ends[1000]).all()


def test_several_intervals_are_several_rows():
    table = ms.consistency(NETWORKS, interval=["jackknife", "components", "jackknife_simultaneous"])
    widths = (table["ci_high"] - table["ci_low"]).groupby([table["layer"], table["ci_method"]]).sum()
    assert len(table) == len(widths) == 6
    for layer in ("conv1", "fc"):
        assert widths[layer]["components"] < widths[layer]["jackknife"] < widths[layer]["jackknife_simultaneous"]


def test_intervals_need_enough_networks():
    two = {name: NETWORKS[name] for name in (3, 5)}
    assert ms.consistency(two)["ci_low"].isna().all()
    assert ms.consistency(NETWORKS, CATEGORIES, interval="both")["ci_low"].isna().all()


def test_without_categories_whole_rdms_are_compared():
    table = ms.consistency(NETWORKS)
    assert table["kind"].tolist() == ["exemplar", "exemplar"]
    with_categories = ms.consistency(NETWORKS, CATEGORIES).query("kind == 'exemplar'").reset_index(drop=True)
    pd.testing.assert_frame_equal(table, with_categories)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([NETWORKS[3]],), "found list, expected a dict of at least two networks"),
        (({3: NETWORKS[3]},), "found 1, expected a dict of at least two networks"),
        (({3: NETWORKS[3], 5: {"fc": NETWORKS[5]["fc"]}},), r"network 5: found layers \['fc'\], expected"),
        (({3: {}, 5: {}},), "found no layers"),
        (({3: {"fc": np.ones((3, 2))}, 5: {"fc": np.ones((4, 2))}},), "network 5, layer fc: found 4 stimuli"),
        (({3: {"fc": np.ones(3)}, 5: {"fc": np.ones(3)}},), "expected real numbers of at least two stimuli x units"),
        (({0: np.ones((3, 2)), 1: np.ones((3, 2))},), "network 0: found ndarray, expected a dict of layers and arrays"),
        (({3: {"fc": np.full((3, 2), np.nan)}, 5: {"fc": np.ones((3, 2))}},), "network 3, layer fc"),
        ((NETWORKS, [*CATEGORIES[:11], np.nan]), "categories: found no category at place 11, expected one for each"),
        ((NETWORKS, [*CATEGORIES[:11], None]), "categories: found no category at place 11"),
        ((NETWORKS, np.array([0.0] * 6 + [1.0] * 5 + [np.nan])), "categories: found no category at place 11"),
        ((NETWORKS, CATEGORIES[:5]), r"categories: found shape \(5,\), expected one for each of 12 stimuli"),
    ],
)
def test_arrays_that_do_not_match_are_refused(arguments, words):
    with pytest.raises(ms.StudyError, match=words):
        ms.consistency(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"measures": ["corelation"]}, "found 'corelation', expected one of .*correlation"),
        ({"measures": "correlation"}, "expected a list of names"),
        ({"normalisations": ["blank"]}, "expected one of none, cocktail"),
        ({"interval": "bootstrap"}, "expected one of jackknife"),
        ({"interval": []}, "intervals: found no name, expected one or more of jackknife"),
        ({"measures": []}, "measures: found no name, expected one or more of .*correlation"),
        ({"normalisations": ()}, "normalisations: found no name, expected one or more of none, cocktail"),
        ({"interval": "both", "normalisations": ["none", "cocktail"]}, "'both' with the normalisation 'cocktail', exp"),
        ({"n_resamples": 0}, "n_resamples: found 0, expected an integer of at least 1"),
    ],
)
def test_unknown_names_are_refused_with_those_that_are_known(options, words):
    with pytest.raises(ms.StudyError, match=words):
        ms.consistency(NETWORKS, **options)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            torch.ones(3, 2, requires_grad=True),
            r"found Tensor, which numpy cannot read \(Can't call numpy\(\) on Tensor",
        ),
        (
            torch.ones(3, 2, dtype=torch.bfloat16),
            r"unsupported ScalarType BFloat16\); .* tensor\.detach\(\)\.float\(\)",
        ),
        ([[1.0, 2.0], [3.0]], "found list, which numpy cannot read"),
        (np.ma.masked_equal([[1.0, 2.0], [3.0, 4.0]], 4.0), "found masked values, expected a value of each unit"),
        (np.array([[1, 2], [3, 2**53 + 1]]), r"found an integer beyond 2\*\*53, expected integers that float64 holds"),
        (np.array([[1, 2], [3, -(2**53) - 1]]), r"found an integer beyond 2\*\*53"),
    ],
)
def test_values_that_are_no_plain_numbers_are_refused(values, words):
    with pytest.raises(ms.StudyError, match=rf"^activations: .*{words}"):
        ms.rdm(values)


def as_rdms(order=(3, 5, 8, 9), layers=("conv1", "fc"), **descriptors):
    points = pd.DataFrame([(name, layer) for name in order for layer in layers], columns=["seed", "layer"])
    points = points.assign(**descriptors)
    vectors = np.stack(
        [ms.rdm(NETWORKS[name][layer]) for name, layer in points[["seed", "layer"]].itertuples(index=False)]
    )
    return rsatoolbox_files.as_rdms(vectors, points, {"stimulus": list("abcdefghijkl")}, {}, "correlation")


def test_rdms_of_rsatoolbox_have_the_consistency_of_their_activations():
    found = ms.consistency_of_rdms(as_rdms(), interval=["jackknife", "pairs"])
    expected = ms.consistency(NETWORKS, interval=["jackknife", "pairs"])
    pd.testing.assert_frame_equal(found, expected)
    shuffled = as_rdms().subset("layer", "conv1"), as_rdms((9, 3, 8, 5)).subset("layer", "fc")
    by_name = ms.consistency_of_rdms(concat(*shuffled), interval=["jackknife", "pairs"])
    pd.testing.assert_frame_equal(by_name, expected)


@pytest.mark.parametrize(
    ("rdms", "options", "words"),
    [
        (as_rdms(), {"interval": "stimuli"}, "interval: found 'stimuli', expected one of"),
        (as_rdms(), {"network": "subject"}, "descriptor of RDMs: found 'subject', expected one of"),
        (as_rdms(order=(3,)), {}, "found 1 network, expected at least two"),
        (as_rdms(), {"n_resamples": 0}, "n_resamples: found 0, expected an integer of at least 1"),
        (
            as_rdms().dissimilarities,
            {},
            "rdms: found ndarray, expected an object of rsatoolbox, whose descriptors name",
        ),
        (as_rdms(order=(3, 5, 3)), {}, r"layer conv1 has 3 RDMs of 2 networks, expected one of each\.$"),
        (
            as_rdms(order=(3, 5, 8) * 2, layers=["fc"], epoch=np.repeat([5, 10], 3)),
            {},
            r"fc has 6 RDMs of 3 networks, expected one of each; select one epoch first: rdms\.subset\('epoch', 10\)",
        ),
        (
            RDMs(np.ones((3, 1)), rdm_descriptors={"seed": [1, 2, 1], "layer": list("aab")}),
            {},
            r"rdms: layer b has no RDM of seed 2, expected one of each\.",
        ),
    ],
)
def test_rdms_that_do_not_pair_up_are_refused(rdms, options, words):
    with pytest.raises(ms.StudyError, match=words):
        ms.consistency_of_rdms(rdms, **options)


def brain(n_subjects=3):
    rng = np.random.default_rng(5)
    return np.stack(
        [pdist(SHARED.reshape(12, -1) + rng.normal(size=(12, 45)), "sqeuclidean") for _ in range(n_subjects)]
    )


def test_rdms_from_outside_are_compared_with_each_network(tmp_path):
    rdms = brain()
    table = ms.outside(NETWORKS, rdms, comparisons=["pearson", "whitened_cosine"], squared=True, measure="euclidean")
    assert len(table) == 2 * 2 * 4  # layers, comparisons, methods
    row = table[(table["layer"] == "fc") & (table["comparison"] == "pearson") & (table["ci_method"] == "networks")]
    ours = [pdist(layers["fc"]) for layers in NETWORKS.values()]
    values = np.array([np.mean([pearsonr(own, other).statistic for other in rdms]) for own in ours])
    assert row["mean"].item() == pytest.approx(values.mean())
    assert row["sd"].item() == pytest.approx(values.std(ddof=1))
    ensemble = np.mean([pearsonr(np.mean(ours, axis=0), other).statistic for other in rdms])
    assert row["ensemble"].item() == pytest.approx(ensemble)
    assert row["ceiling_low"].item() < row["ceiling_high"].item() <= 1
    assert table[(table["comparison"] == "pearson")]["ci_low"].notna().all()
    whitened = table[table["comparison"] == "whitened_cosine"].set_index("ci_method")["ci_low"]
    assert whitened[["stimuli", "all"]].isna().all()
    assert (table.query("layer == 'conv1'")["mean"].to_numpy() > table.query("layer == 'fc'")["mean"].to_numpy()).all()

    order = np.random.default_rng(0).permutation(12)
    square = pd.DataFrame(squareform(rdms[0]), list("abcdefghijkl"), list("abcdefghijkl")).iloc[order, order]
    square.to_csv(tmp_path / "brain.csv")
    by_name = ms.outside(NETWORKS, tmp_path / "brain.csv", "abcdefghijkl", comparisons=["spearman"])
    in_order = ms.outside(NETWORKS, rdms[0], comparisons=["spearman"])
    pd.testing.assert_frame_equal(by_name, in_order)
    assert by_name.set_index("ci_method")["ci_low"]["subjects"].isna().all()
    with pytest.warns(
        UserWarning, match=r"brain\.csv: stimuli without a match: 1 of the study \(x\), 1 of the file \(l\)"
    ):
        ms.outside(NETWORKS, tmp_path / "brain.csv", "abcdefghijkx", comparisons=["spearman"])


@pytest.mark.parametrize(
    ("rdms", "options", "words"),
    [
        (brain(), {"comparisons": ["kendall"]}, "comparison: found 'kendall', expected one of pearson"),
        (brain(), {"comparisons": []}, "comparisons: found no name, expected one or more of pearson"),
        (brain(), {"n_resamples": -1}, "n_resamples: found -1, expected an integer of at least 1"),
        (brain(), {"comparisons": ["whitened_cosine"]}, "compares squared distances; set squared=True"),
        (brain()[:, :9], {}, r"found an array of shape \(3, 9\), expected \(12, 12\) or \(66,\) for 12 stimuli"),
        ("brain.csv", {}, "stimuli: expected 12 names"),
        ("brain.pkl", {"stimuli": "abcdefghijkl"}, "because unpickling a file runs its code"),
    ],
)
def test_rdms_from_outside_that_do_not_fit_are_refused(rdms, options, words):
    with pytest.raises(ms.StudyError, match=words):
        ms.outside(NETWORKS, rdms, **options)


def test_the_package_lists_what_it_has():
    assert {"cka", "procrustes", "similarity", "consistency", "pairs", "rdm", "open_study", "plot"} <= set(dir(ms))
    with pytest.raises(AttributeError, match=r"it has .*consistency"):
        _ = ms.consistancy


def test_two_networks_are_compared_by_each_comparator():
    a, b = NETWORKS[3]["fc"], NETWORKS[5]["fc"]
    x, y = a - a.mean(axis=0), b - b.mean(axis=0)
    cka = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert ms.cka(a, b, debiased=False) == pytest.approx(cka)
    assert ms.cka(a, b) < cka
    scale = np.linalg.svd(x.T @ y, compute_uv=False).sum()
    assert ms.procrustes(a, b) == pytest.approx(scale / (np.linalg.norm(x) * np.linalg.norm(y)))
    r = pearsonr(pdist(a), pdist(b)).statistic
    assert ms.similarity(a, b, "r", measure="euclidean") == pytest.approx(r)


def test_comparators_refuse_what_they_cannot_compare():
    a = NETWORKS[3]["fc"]
    with pytest.raises(ms.StudyError, match=r"comparator: found 'ckaa', expected one of r2, .*procrustes"):
        ms.similarity(a, a, "ckaa")
    with pytest.raises(ms.StudyError, match="second: found 5 stimuli, expected 12 as in first"):
        ms.cka(a, a[:5])


def test_rdms_are_condensed_as_squareform_expects():
    square = squareform(ms.rdm(NETWORKS[3]["fc"]))
    assert square.shape == (12, 12)
    np.testing.assert_array_equal(square, square.T)


def test_signed_r_tells_that_short_vectors_agree_by_chance():
    rng = np.random.default_rng(0)
    categories = np.repeat(np.arange(4), 10)
    networks = {seed: {"a": rng.normal(size=(40, 200))} for seed in range(30)}
    table = ms.consistency(networks, categories)
    centroid = table.set_index("kind").loc["centroid"]
    assert centroid["mean"] == pytest.approx(1 / 5, abs=0.05)
    assert abs(centroid["mean_r"]) < 0.05
    signed = ms.pairs(networks, categories).groupby("kind")["r"].mean()
    np.testing.assert_allclose(table.set_index("kind")["mean_r"], signed[table["kind"]], rtol=1e-12)
