"""Conserved shares and ceilings against standardised RDMs, and the tables."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy import special, stats
from scipy.spatial.distance import pdist

from manyseeds.io import tables as tables_of_files
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import save_geometries
from manyseeds.statistics import conserved
from manyseeds.statistics.conserved import Plan
from manyseeds.statistics.resampling import jackknife

PLAN = Plan(splits=20, min_reliability=0.3, dimensions=50, seed=0)
CATEGORIES = np.repeat([0, 1, 2], 6)
SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"


def correlated(n, share, n_entries=20000, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(n_entries)
    z = sqrt(share) * common + sqrt(1 - share) * rng.standard_normal((n, n_entries))
    z = z - z.mean(axis=1, keepdims=True)
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def test_ceilings_are_correlations_with_mean_rdms():
    z = correlated(5, 0.4, 60)
    found = conserved.ceilings(np.corrcoef(z))
    lower = np.mean([np.corrcoef(z[i], np.delete(z, i, 0).mean(axis=0))[0, 1] for i in range(5)])
    upper = np.mean([np.corrcoef(each, z.mean(axis=0))[0, 1] for each in z])
    assert (found["lower"], found["upper"]) == pytest.approx((lower, upper))
    assert found["upper"] == pytest.approx(found["predicted_upper"])  # an identity
    pairs = np.corrcoef(z)[np.triu_indices(5, 1)]
    assert (found["share"], found["consistency"]) == pytest.approx((pairs.mean(), (pairs**2).mean()))


def test_a_planted_common_part_is_the_share_and_gives_the_ceilings():
    found = conserved.ceilings(np.corrcoef(correlated(8, 0.6)))
    assert found["share"] == pytest.approx(0.6, abs=0.01)
    assert found["lower"] == pytest.approx(found["predicted_lower"], abs=0.01)
    assert found["limit"] == pytest.approx(sqrt(0.6), abs=0.01)
    assert found["lower"] < found["limit"] < found["upper"]


def test_identical_networks_share_everything():
    rows = {row["quantity"]: row["value"] for row in conserved.shares(np.ones((4, 4)))}
    for quantity in ("share", "consistency", "lower", "upper", "limit", "predicted_eigenvalue_1", "eigenvalue_1"):
        assert rows[quantity] == pytest.approx(1.0)
    assert rows["eigenvalue_2"] == pytest.approx(0.0, abs=1e-12)


def test_shares_have_the_jackknife_over_networks():
    r = np.corrcoef(correlated(5, 0.4, 60))
    rows = {row["quantity"]: row for row in conserved.shares(r)}
    for quantity in ("share", "lower", "upper", "consistency"):
        scale, back = (special.logit, special.expit) if quantity == "consistency" else (np.arctanh, np.tanh)
        left = scale([conserved.ceilings(np.delete(np.delete(r, i, 0), i, 1))[quantity] for i in range(5)])
        half = stats.t.ppf(0.975, 4) * np.sqrt(4 / 5 * np.sum((left - np.mean(left)) ** 2))
        value = scale(conserved.ceilings(r)[quantity])
        ends = rows[quantity]["ci_low"], rows[quantity]["ci_high"]
        assert ends == pytest.approx((back(value - half), back(value + half)))
    summary = jackknife(r[np.triu_indices(5, 1)] ** 2, 5, in_unit_interval=True)
    of_summary = summary.low.item(), summary.high.item()
    assert (rows["consistency"]["ci_low"], rows["consistency"]["ci_high"]) == pytest.approx(of_summary)
    two = {row["quantity"]: row for row in conserved.shares(r[:2, :2])}
    assert np.isnan(two["share"]["ci_low"])


def test_chance_of_groups_is_the_mean_over_random_vectors():
    vectors = np.random.default_rng(0).standard_normal((2, 200_000, 6))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    assert conserved.chance_of_groups(7) == pytest.approx(np.abs((vectors[0] * vectors[1]).sum(-1)).mean(), abs=0.003)


def tables(n_networks=5, common=0.7, categories=CATEGORIES, plan=PLAN):
    rng = np.random.default_rng(1)
    shared = rng.standard_normal((18, 30))
    own = rng.standard_normal((n_networks, 18, 30)) * rng.uniform(0.2, 2.0, 18)[:, None]
    vectors = np.stack([pdist(common * shared + (1 - common) * each) for each in own])
    return conserved.agreement_tables(vectors, categories, [f"s{k}" for k in range(18)], plan)


def test_tables_of_five_networks():
    found = tables()
    assert found["conserved"]["quantity"].tolist()[:3] == ["share", "consistency", "lower"]
    assert {"second_eigenvector", "second_eigenvector_chance", "eigenvalue_5"} <= {*found["conserved"]["quantity"]}
    of_stimuli = found["stimulus_agreement"]
    assert of_stimuli["scope"].tolist() == ["all"] * 18 + ["same_category"] * 18
    assert of_stimuli[["agreement", "agreement_a", "agreement_b"]].notna().all(axis=None)
    assert len(found["category_agreement"]) == 6
    reliability = found["agreement_reliability"].set_index("what")
    assert reliability["n_splits"].to_dict() == {"stimuli_all": 10, "stimuli_same_category": 10, "pairs": 10}
    assert reliability["reliability"]["pairs"] >= PLAN.min_reliability
    pairs = found["pair_agreement"]
    assert {*pairs["list"]} == {"most", "least"}
    for half, sd in (("a", "sd_a"), ("b", "sd_b")):
        own = pairs[pairs["chosen_in"] == half]
        assert own[own["list"] == "most"][sd].max() <= own[own["list"] == "least"][sd].min()


def test_pairs_are_listed_only_if_they_are_reliable():
    strict = tables(plan=Plan(20, 0.999, 50, 0))
    assert strict["pair_agreement"].empty
    assert np.isfinite(strict["agreement_reliability"]["reliability"]).all()


def test_three_networks_have_no_halves_and_stimuli_of_one_category_no_blocks():
    few = tables(3)
    assert few["stimulus_agreement"][["agreement_a", "agreement_b"]].isna().all(axis=None)
    assert few["stimulus_agreement"]["agreement"].notna().all()
    assert few["agreement_reliability"]["reliability"].isna().all()
    assert few["pair_agreement"].empty
    plain = tables(5, categories=np.zeros(18, int))
    assert {*plain["stimulus_agreement"]["scope"]} == {"all"}
    assert plain["category_agreement"].empty


def test_dimensions_have_ratio_chance_and_interval():
    rng = np.random.default_rng(2)
    shared = rng.standard_normal((18, 30))
    networks = [shared + 0.5 * rng.standard_normal((18, 30)) for _ in range(5)]
    distances = [((each[:, None] - each[None]) ** 2).sum(-1) for each in networks]
    rows = conserved.dimension_rows(distances, CATEGORIES, Plan(20, 0.3, 4, 0))
    assert rows["q"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(rows["chance"], np.arange(1, 5) / 17)
    assert (rows["cross"] > rows["chance"]).all()
    assert (rows["ratio"] < 1).all()
    assert (rows["ci_low"] < rows["ratio"]).all()
    assert conserved.dimension_rows(distances[:3], CATEGORIES, PLAN).empty


def written(folder, n_networks, n_stimuli=18):
    """Geometry files of networks with two layers, and their patterns."""
    rng, files, patterns = np.random.default_rng(3), [], []
    for seed in range(n_networks):
        layers = {layer: rng.standard_normal((n_stimuli, 30)) for layer in ("conv1", "fc")}
        geometries = {layer: measure_geometry(each, name=layer) for layer, each in layers.items()}
        files.append(folder / f"{seed}.npz")
        save_geometries(files[-1], geometries, {"conv1": 0, "fc": 3})
        patterns.append(layers)
    return files, patterns


STIMULI = pd.DataFrame({"stimulus": range(18), "category": CATEGORIES, "category_name": np.repeat(["x", "y", "z"], 6)})


def test_a_group_has_all_tables_with_the_columns_of_their_schemas(tmp_path):
    files, patterns = written(tmp_path, 4)
    predicted = np.tile(CATEGORIES, 4).reshape(4, 18)
    predicted[:3, 5] = 2  # of the first category, so three of four are wrong
    rows = [(seed, position, predicted[seed, position]) for seed in range(4) for position in range(18)]
    predictions = pd.DataFrame(rows, columns=["seed", "position", "predicted"])
    predictions["correct"] = 1.0 * (predictions["predicted"] == CATEGORIES[predictions["position"]])
    found = conserved.of_group(files, STIMULI, predictions, ["euclidean", "correlation"], None, PLAN, lambda line: None)
    group = {"architecture": "net", "condition": "mine", "epoch": 3, "n_networks": 4}
    for name, table in found.items():
        schema = tables_of_files.read_schema(SCHEMAS / f"{name}.schema.json")
        tables_of_files.conform(tables_of_files.filled(table.assign(**group), schema), schema)
        if name != "pair_agreement":  # of noise, so that no list is reliable
            assert {*table["layer"]} == {"conv1", "fc"}
            assert {*table["layer_index"]} == {0, 3}
    of_stimuli = found["stimulus_agreement"].query("layer == 'fc' and measure == 'euclidean' and scope == 'all'")
    assert of_stimuli["category"].tolist() == STIMULI["category_name"].tolist()
    assert of_stimuli["correct_share"].tolist() == [0.25 if position == 5 else 1.0 for position in range(18)]
    ratios = []
    for layers in patterns:
        centroids = np.stack([layers["fc"][each == CATEGORIES].mean(axis=0) for each in range(3)])
        own = np.linalg.norm(layers["fc"] - centroids[CATEGORIES], axis=1)
        ratios.append(own / own.mean())
    np.testing.assert_allclose(of_stimuli["centroid_distance"], np.mean(ratios, axis=0))
    vectors = np.array([pdist(layers["fc"]) for layers in patterns])
    share = found["conserved"].query("layer == 'fc' and measure == 'euclidean' and quantity == 'share'")["value"].item()
    assert share == pytest.approx(np.corrcoef(vectors)[np.triu_indices(4, 1)].mean())


def test_chosen_layers_unknown_predictions_and_single_networks(tmp_path):
    files, _ = written(tmp_path, 4)
    found = conserved.of_group(files, STIMULI, None, ["euclidean"], ["fc"], PLAN, lambda line: None)
    assert {*found["conserved"]["layer"]} == {"fc"}
    assert found["stimulus_agreement"]["correct_share"].isna().all()
    nothing = conserved.of_group(files[:1], STIMULI, None, ["euclidean"], None, PLAN, lambda line: None)
    assert all(table.empty for table in nothing.values())
