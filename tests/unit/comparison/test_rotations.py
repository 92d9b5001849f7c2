"""Rotations change what they must and nothing else, by explicit distances and by the geometry of the ball."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr

from manyseeds.comparison import rotations
from manyseeds.io import tables
from manyseeds.streams import generator

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
SETTINGS = {"n_points": 12, "n_dimensions": 6, "n_rotations": 20, "radius": 0.95, "seed": 3}
MEASURES = ("correlation", "cosine", "euclidean", "unit_euclidean", "norm_difference")
ABOUT_ORIGIN = set(MEASURES) - {"correlation"}
INVARIANT = {
    ("origin", "none"): ABOUT_ORIGIN,
    ("centre", "none"): {"euclidean"},
    ("origin", "cocktail"): ABOUT_ORIGIN,
    ("centre", "cocktail"): ABOUT_ORIGIN,
}


def unit_length(points):
    return points / np.linalg.norm(points, axis=1, keepdims=True)


ORACLES = {
    "correlation": lambda points: pdist(points, "correlation"),
    "cosine": lambda points: pdist(points, "cosine"),
    "euclidean": lambda points: pdist(points, "euclidean"),
    "unit_euclidean": lambda points: pdist(unit_length(points), "euclidean"),
    "norm_difference": lambda points: pdist(np.linalg.norm(points, axis=1, keepdims=True), "cityblock"),
}


def rows_of(table, **equal):
    return table[np.logical_and.reduce([table[column] == value for column, value in equal.items()])]


@pytest.fixture(scope="module")
def simulated():
    return rotations.simulate(**SETTINGS)


@pytest.fixture(scope="module")
def ball():
    """The points that `simulated` rotates."""
    size = (SETTINGS["n_points"], SETTINGS["n_dimensions"], SETTINGS["radius"])
    return rotations.draw_ball(*size, generator(SETTINGS["seed"], "rotations/points", 0))


@pytest.mark.parametrize(("about", "normalisation"), INVARIANT)
@pytest.mark.parametrize("measure", MEASURES)
def test_invariances(simulated, about, normalisation, measure):
    rows = rows_of(simulated[0], about=about, normalisation=normalisation, measure=measure)
    assert len(rows) == SETTINGS["n_rotations"]
    change = rows["largest_change"] / rows["largest_entry"]
    if measure in INVARIANT[about, normalisation]:
        assert change.max() < 1e-12
        assert rows["consistency"].min() > 1 - 1e-12
    else:
        assert change.min() > 0.05
        assert rows["consistency"].max() < 0.99


@pytest.mark.parametrize("n_dimensions", [3, 20])
def test_points_fill_a_ball_in_the_positive_orthant(n_dimensions):
    ball = rotations.draw_ball(2000, n_dimensions, 0.9, np.random.default_rng(0))
    assert (ball.centre > 0).all()
    distances = np.linalg.norm(ball.points - ball.centre, axis=1) / (0.9 * ball.centre.min())
    assert distances.max() <= 1
    # Uniform in the ball: the fraction within a distance is that distance's share of the volume.
    np.testing.assert_allclose(np.quantile(distances, [0.25, 0.5, 0.75]) ** n_dimensions, [0.25, 0.5, 0.75], atol=0.05)
    np.testing.assert_allclose(ball.points.mean(axis=0), ball.centre, atol=0.05)


def test_rotations_about_the_centre_keep_all_coordinates_positive():
    for seed in range(50):
        ball = rotations.draw_ball(100, 3, 0.999, generator(seed, "test", 0))
        matrix = rotations.random_rotation(3, generator(seed, "test", 1))
        assert rotations.rotate(ball.points, matrix, ball.centre).min() > 0


def test_the_table_says_which_rotations_leave_the_orthant(simulated):
    smallest = simulated[0].groupby("about")["smallest_coordinate"]
    assert smallest.min()["centre"] > 0
    assert smallest.max()["origin"] < 0


def test_random_rotations_are_proper_and_spread_evenly():
    matrices = np.array([rotations.random_rotation(4, generator(0, "test", seed)) for seed in range(400)])
    np.testing.assert_allclose(matrices @ matrices.mT, np.broadcast_to(np.eye(4), matrices.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    # Entries of a uniform rotation have mean 0 and variance 1 / dimensions.
    np.testing.assert_allclose(matrices.mean(axis=0), 0, atol=0.12)
    np.testing.assert_allclose(matrices.var(axis=0), 1 / 4, atol=0.06)


def test_a_quarter_turn_about_a_point():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    rotated = rotations.rotate(np.array([[3.0, 1.0], [2.0, 1.0]]), turn, np.array([2.0, 1.0]))
    np.testing.assert_array_equal(rotated, [[2.0, 2.0], [2.0, 1.0]])


@pytest.mark.parametrize("normalisation", ["none", "cocktail"])
@pytest.mark.parametrize("measure", MEASURES)
def test_entries_are_those_of_explicit_distances(simulated, ball, measure, normalisation):
    matrix = rotations.random_rotation(SETTINGS["n_dimensions"], generator(SETTINGS["seed"], "rotations/rotation", 0))
    places = {
        "centre": [matrix @ (point - ball.centre) + ball.centre for point in ball.points],
        "origin": [matrix @ point for point in ball.points],
    }
    pairs = list(combinations(range(SETTINGS["n_points"]), 2))
    for about, rotated in places.items():
        rows = rows_of(simulated[1], about=about, normalisation=normalisation, measure=measure)
        assert list(zip(rows["point_a"], rows["point_b"], strict=True)) == pairs
        for column, points in {"before": ball.points, "after": np.array(rotated)}.items():
            patterns = points - points.mean(axis=0) if normalisation == "cocktail" else points
            expected = squareform(ORACLES[measure](patterns))[rows["point_a"], rows["point_b"]]
            np.testing.assert_allclose(rows[column], expected, rtol=1e-9, atol=1e-12)


def test_summaries_are_those_of_the_entries(simulated):
    summary, entries = simulated
    keys = ["rotation", "about", "measure", "normalisation"]
    summary = summary.set_index(keys)
    groups = entries.groupby(keys)
    assert groups.ngroups == 2 * 2 * len(MEASURES)
    for key, rows in groups:
        row = summary.loc[key]
        assert row["n_entries"] == len(rows) == 66
        assert row["r"] == pytest.approx(pearsonr(rows["before"], rows["after"]).statistic, abs=1e-9)
        assert row["consistency"] == pytest.approx(row["r"] ** 2)
        assert row["largest_change"] == (rows["after"] - rows["before"]).abs().max()
        assert row["largest_entry"] == rows["before"].max()


def test_after_the_blank_it_does_not_matter_what_is_rotated_about(simulated):
    by_centre, by_origin = (
        rows_of(simulated[1], about=about, normalisation="cocktail")["after"] for about in ("centre", "origin")
    )
    np.testing.assert_allclose(by_centre, by_origin, rtol=1e-9)


def test_more_rotations_leave_the_first_as_they_are(simulated):
    fewer = rotations.simulate(**SETTINGS | {"n_rotations": 2})
    pd.testing.assert_frame_equal(fewer[0], simulated[0].query("rotation < 2"), check_exact=True)
    pd.testing.assert_frame_equal(fewer[1], simulated[1], check_exact=True)


def test_another_seed_draws_other_points_and_rotations(simulated):
    other = rotations.simulate(**SETTINGS | {"n_rotations": 1, "seed": 4})[1]
    assert (other["before"] != simulated[1]["before"]).all()


def test_tables_conform_to_their_schemas(simulated):
    for name, table in zip(("rotations", "rotation_entries"), simulated, strict=True):
        schema = tables.read_schema(SCHEMAS / f"{name}.schema.json")
        assert len(tables.conform(table, schema)) == len(table) > 0
