"""The last layer with other stimuli or other networks, against comparing these alone."""

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from manyseeds.comparison.variations import compare_variations, kept_without_rule
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import measure_geometry, restricted
from manyseeds.representations.measures import MEASURES, rdm

CATEGORIES = np.repeat([0, 1, 2], [4, 6, 5])
LOSSLESS = np.ones(15, dtype=bool)
LOSSLESS[[1, 2, 9]] = False
SEEDS = (0, 3, 4)


def stimuli(lossless):
    return pd.DataFrame({"category": CATEGORIES, "lossless": pd.array(lossless, dtype="boolean")})


@pytest.fixture(scope="module")
def patterns():
    """Two layers of three networks, and a fourth network that was rejected."""
    rng = np.random.default_rng(0)
    found = {seed: rng.normal(size=(2, 15, 40)) + CATEGORIES[:, None] for seed in (*SEEDS, 9)}
    found[3][1, 7] = 0.0  # silent
    return found


@pytest.fixture(scope="module")
def files(patterns, tmp_path_factory):
    folder = tmp_path_factory.mktemp("geometry")
    for seed in SEEDS:
        layers = {name: measure_geometry(patterns[seed][place], name=name) for place, name in enumerate(["a", "b"])}
        geometry_files.save_geometries(folder / f"{seed}.npz", layers)
    return {seed: folder / f"{seed}.npz" for seed in SEEDS}


def nothing_rejected(weights, layer):
    raise AssertionError("no network was rejected")


def compared(files, *, accepted=SEEDS, kept=None, measure=nothing_rejected, lossless=LOSSLESS):
    kept = dict.fromkeys(accepted) if kept is None else kept
    comparison = compare_variations(
        files, list(accepted), kept, measure, stimuli(lossless), ["correlation", "euclidean"], 7
    )
    columns = ["variation", "epoch", "layer", "layer_index", "measure", "normalisation", "kind", "n_entries"]
    rows = comparison.table(
        "consistency", [*columns, "dropout_samples", "n_undefined", "seed_a", "seed_b", "r", "consistency"]
    )
    return rows.drop(columns=["dropout_samples", "n_undefined", "r"])


def direct(one, other, metric):
    """Return exemplar and centroid consistency of two networks' patterns [stimuli, units], with their categories."""
    for means in (False, True):
        vectors = []
        for patterns, categories in (one, other):
            rows = [patterns[categories == c].mean(axis=0) for c in np.unique(categories)] if means else patterns
            vectors.append(pdist(np.array(rows), metric))
        defined = np.isfinite(vectors).all(axis=0)
        yield "centroid" if means else "exemplar", pearsonr(*(each[defined] for each in vectors))[0] ** 2


def test_restricted_geometry_is_that_of_the_kept_stimuli(patterns):
    whole, part = (measure_geometry(patterns[3][1][kept], name="x") for kept in (slice(None), LOSSLESS))
    found = restricted(whole, LOSSLESS)
    for measure in MEASURES:
        np.testing.assert_allclose(rdm(found, measure), rdm(part, measure), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found.zero_norm, part.zero_norm)
    assert found.raw_scale == pytest.approx(part.raw_scale)


@pytest.mark.parametrize("metric", ["correlation", "euclidean"])
def test_lossless_stimuli_are_compared_as_if_there_were_no_others(patterns, files, metric):
    rows = compared(files).query("variation == 'lossless_stimuli' and measure == @metric and normalisation == 'none'")
    assert rows[["layer", "epoch"]].drop_duplicates().to_numpy().tolist() == [["b", 7]]
    assert rows.groupby("kind")["n_entries"].unique().to_dict() == {"exemplar": [12 * 11 / 2], "centroid": [3]}
    rows = rows.set_index(["seed_a", "seed_b", "kind"])["consistency"]
    assert len(rows) == 6
    few = {seed: (patterns[seed][1][LOSSLESS], CATEGORIES[LOSSLESS]) for seed in SEEDS}
    with np.errstate(invalid="ignore", divide="ignore"):
        for a, b in ((0, 3), (0, 4), (3, 4)):
            for kind, expected in direct(few[a], few[b], metric):
                assert rows[a, b, kind] == pytest.approx(expected, abs=1e-9)


def test_the_blank_is_that_of_the_kept_stimuli(patterns, files):
    rows = compared(files).query("measure == 'correlation' and normalisation == 'cocktail' and kind == 'exemplar'")
    blanked = [patterns[seed][1][LOSSLESS] - patterns[seed][1][LOSSLESS].mean(axis=0) for seed in (0, 4)]
    expected = pearsonr(*(pdist(each, "correlation") for each in blanked))[0] ** 2
    found = rows.set_index(["seed_a", "seed_b"])["consistency"]
    assert found[0, 4] == pytest.approx(expected, abs=1e-9)


def test_a_rejected_network_takes_the_place_of_the_accepted_one(patterns, files):
    def measure(weights, layer):
        assert (weights, layer) == ({3: "weights"}, "b")
        return {3: measure_geometry(patterns[9][1], name="x")}

    rows = compared(files, kept={0: None, 3: "weights", 4: None}, measure=measure, lossless=np.ones(15, dtype=bool))
    assert set(rows["variation"]) == {"with_missing_category"}
    rows = rows.query("measure == 'euclidean' and normalisation == 'none'").set_index(["seed_a", "seed_b", "kind"])
    for kind, expected in direct((patterns[0][1], CATEGORIES), (patterns[9][1], CATEGORIES), "euclidean"):
        assert rows["consistency"][0, 3, kind] == pytest.approx(expected, abs=1e-9)
    for kind, expected in direct((patterns[0][1], CATEGORIES), (patterns[4][1], CATEGORIES), "euclidean"):
        assert rows["consistency"][0, 4, kind] == pytest.approx(expected, abs=1e-9)


def test_a_network_that_only_missed_a_category_to_its_end_is_compared_too(files):
    rows = compared(files, accepted=(0, 4), kept=dict.fromkeys(SEEDS), lossless=np.ones(15, dtype=bool))
    assert set(zip(rows["seed_a"], rows["seed_b"], strict=True)) == {(0, 3), (0, 4), (3, 4)}


@pytest.mark.parametrize(
    "lossless", [np.ones(15, dtype=bool), [None] * 15, CATEGORIES == 1], ids=["all", "unknown", "one category"]
)
def test_what_changes_nothing_or_leaves_nothing_has_no_rows(files, lossless):
    assert compared(files, lossless=lossless).empty
    assert compared(files, lossless=lossless, kept={}).empty  # the training is not known


def test_one_network_has_no_pair(files):
    assert compared(files, accepted=(4,)).empty


def attempts(folder, outcomes, *, weights=()):
    folder.mkdir()
    pd.DataFrame({"attempt": range(len(outcomes)), "outcome": outcomes}).to_parquet(folder / "attempts.parquet")
    for attempt in weights:
        (folder / f"rejected{attempt}.safetensors").touch()
    return folder / "attempts.parquet"


def test_the_network_without_the_rule_is_the_first_that_only_it_rejects(tmp_path):
    tables = {
        0: attempts(tmp_path / "0", ["accepted"]),
        1: attempts(tmp_path / "1", ["dead", "missing_category", "missing_category", "accepted"], weights=(1, 2)),
        2: attempts(tmp_path / "2", ["missing_category", "accepted"]),  # given up before its last epoch
        3: attempts(tmp_path / "3", ["dead", "missing_category"]),
        4: attempts(tmp_path / "4", ["underfit", "dead"]),
    }
    rejected = tmp_path / "1" / "rejected1.safetensors"
    assert kept_without_rule(tables) == {0: None, 1: rejected, 2: None, 3: None}


def test_the_schema_names_the_variations():
    schema = (ROOT / "workflow_scripts/manyseeds/schemas/tables/robustness.schema.json").read_text()
    for variation in ("lossless_stimuli", "with_missing_category", "components", "both"):
        assert f'"{variation}"' in schema
