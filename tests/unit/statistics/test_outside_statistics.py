"""Intervals of the agreement with RDMs from outside, against explicit loops, enumeration and simulation."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from manyseeds.comparison import outside
from manyseeds.statistics import outside_resampling, outside_summaries
from manyseeds.statistics.outside_summaries import Errors, errors_of

RNG = np.random.default_rng(0)
SHARED = RNG.normal(size=(8, 4))
NETWORKS = np.stack([pdist(SHARED + RNG.normal(size=(8, 4))) for _ in range(3)])
SUBJECTS = np.stack([np.round(pdist(SHARED + RNG.normal(size=(8, 4)))) for _ in range(2)])
WEIGHTS = RNG.multinomial(8, np.full(8, 1 / 8), size=6).astype(float)


def expanded(vector, counts):
    """Each entry of two different stimuli as often as both were drawn."""
    i, j = np.triu_indices(8, 1)
    return np.repeat(vector, (counts[i] * counts[j]).astype(int))


@pytest.mark.parametrize("comparison", ["pearson", "cosine", "spearman", "rho_a"])
@pytest.mark.parametrize("gap", [False, True])
def test_draws_are_comparisons_of_stimuli_drawn_several_times(comparison, gap):
    networks, subjects = NETWORKS.copy(), SUBJECTS.copy()
    if gap:
        networks[1, 4] = subjects[0, 9] = np.nan
    kept = ~(np.isnan(networks).any(axis=0) | np.isnan(subjects).any(axis=0))
    found = outside_resampling.resampled_means(networks, subjects, comparison, WEIGHTS)
    for value, counts in zip(found, WEIGHTS, strict=True):
        masked = [[np.where(kept, v, np.nan) for v in side] for side in (networks, subjects)]
        pairs = product(*([expanded(v, counts) for v in side] for side in masked))
        expected = np.mean([outside.compare(one, other, comparison) for one, other in pairs])
        assert value == pytest.approx(expected, abs=1e-12)


def test_tau_and_the_whitened_cosine_are_not_resampled():
    for comparison in set(outside.COMPARISONS) - {"pearson", "cosine", "spearman", "rho_a"}:
        assert not outside_resampling.resampled_means(NETWORKS, SUBJECTS, comparison, WEIGHTS).size


def test_intervals_by_hand():
    values, draws = RNG.normal(size=(5, 3)), RNG.normal(size=200)
    errors = errors_of(values, draws, n_stimuli=9)
    of_networks, of_subjects = values.mean(axis=1), values.mean(axis=0)
    half = stats.t.ppf(0.975, 4) * of_networks.std(ddof=1) / np.sqrt(5)
    assert errors.half_width("networks") == pytest.approx(half)
    assert errors.half_width("subjects") == pytest.approx(stats.t.ppf(0.975, 2) * of_subjects.std(ddof=1) / np.sqrt(3))
    assert errors.half_width("stimuli") == pytest.approx(stats.t.ppf(0.975, 4) * draws.std(ddof=1) * np.sqrt(9 / 8))
    total = of_networks.var(ddof=1) / 5 + of_subjects.var(ddof=1) / 3 + draws.var(ddof=1) * 9 / 8
    assert errors.half_width("all") == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(total))
    alone = errors_of(values[:, :1], draws, 9)
    assert np.isnan(alone.half_width("subjects"))
    assert np.isfinite(alone.half_width("all"))
    assert np.isnan(errors_of(values, np.empty(0), 9).half_width("all"))
    assert np.isnan(errors_of(values[:1], draws, 9).half_width("networks"))


def test_the_interval_for_new_networks_stimuli_and_subjects_covers_a_crossed_truth():
    """Value = network + subject + mean over stimuli, each drawn; the bootstrap of stimuli is exact here."""
    rng, covered = np.random.default_rng(1), []
    for _ in range(400):
        n, s, m = 8, 6, 40
        of_stimuli = rng.normal(size=m)
        values = rng.normal(size=(n, 1)) + rng.normal(size=(1, s)) + of_stimuli.mean() + rng.normal(size=(n, s)) / 2
        drawn = rng.multinomial(m, np.full(m, 1 / m), size=200) / m
        half = errors_of(values, drawn @ of_stimuli, m).half_width("all")
        covered.append(abs(values.mean()) <= half)
    assert np.mean(covered) >= 0.95


def compared(values, draws=(), **keys):
    named = {"file": "brain", "comparison": "pearson", "layer": "conv1", "layer_index": 0, "measure": "correlation"}
    values = np.asarray(values, float)
    return outside.Compared(named | keys, values, values.mean(axis=0), np.asarray(draws, float), 9, 36, 0)


def test_rows_have_networks_ensemble_and_subjects():
    values = RNG.normal(size=(2, 3))
    rows = list(outside_summaries.value_rows([compared(values)], [4, 7], {"brain": ("a", "b", "c")}))
    assert [(row["seed"], row["subject"]) for row in rows[:5]] == [(4, None), (4, "a"), (4, "b"), (4, "c"), (7, None)]
    assert rows[0]["value"] == pytest.approx(values[0].mean())
    assert (rows[-1]["seed"], rows[-1]["subject"]) == (None, "c")
    alone = list(outside_summaries.value_rows([compared(values[:, :1])], [4, 7], {"brain": ("",)}))
    assert [row["seed"] for row in alone] == [4, 7, None]


def test_conclusions_compare_groups_the_better_one_first(tmp_path):
    draws = RNG.normal(size=50)
    first = compared(RNG.normal(size=(5, 2)), draws)
    second = compared(RNG.normal(2, 1, size=(5, 2)), draws + RNG.normal(size=50), layer="conv2", layer_index=1)
    other = compared(RNG.normal(size=(4, 2)), draws)
    outside_summaries.save_compared(tmp_path / "net.npz", [first, second])
    outside_summaries.save_compared(tmp_path / "other.npz", [other])
    files = {("net", "baseline"): tmp_path / "net.npz", ("other", "baseline"): tmp_path / "other.npz"}
    rows = outside_summaries.tables_of_conclusions(files)
    assert len(rows) == 3 * len(outside_summaries.KS)
    assert (rows["difference"] >= 0).all()
    row = rows[(rows["group_a"] == "net/baseline/conv2") & (rows["group_b"] == "net/baseline/conv1")].iloc[0]
    one, two = second.values.mean(axis=1), first.values.mean(axis=1)
    assert row["flip"] == np.mean(one[:, None] < two)
    paired = errors_of(second.values - first.values, second.draws - first.draws, 9)
    assert row["ci_high"] - row["difference"] == pytest.approx(paired.half_width("all"))
    row = rows[(rows["group_a"] == "net/baseline/conv2") & (rows["group_b"] == "other/baseline/conv1")].iloc[0]
    of_networks = one.var(ddof=1) / 5 + other.values.mean(axis=1).var(ddof=1) / 4
    of_subjects = (second.values.mean(axis=0) - other.values.mean(axis=0)).var(ddof=1) / 2
    of_stimuli = (second.draws - other.draws).var(ddof=1) * 9 / 8
    unpaired = Errors({"networks": of_networks, "subjects": of_subjects, "stimuli": of_stimuli}, 4, 2)
    assert row["ci_high"] - row["difference"] == pytest.approx(unpaired.half_width("all"))


def test_a_groups_own_rdm_agrees_wholly_with_it():
    places = np.arange(8)
    theirs = outside.Outside("brain", ("",), NETWORKS[:1], places)
    for comparison in outside.COMPARISONS:
        values, _ = outside.compare_networks(NETWORKS, theirs, comparison, "correlation")
        assert values[0, 0] == pytest.approx(1.0)
        assert values[1, 0] < 1


def test_built_in_rdms_are_those_of_pixels_and_of_categories():
    images, categories = RNG.integers(0, 255, (8, 3, 3, 1), dtype=np.uint8), np.repeat([0, 1], 4)
    pixels = outside.of_pixels(images, np.arange(8))
    np.testing.assert_allclose(pixels.vectors[0], pdist(images.reshape(8, 9).astype(float)))
    built = outside.of_categories(categories, np.arange(8))
    expected = squareform((categories[:, None] != categories).astype(float))
    np.testing.assert_array_equal(built.vectors[0], expected)
    assert built.comparisons(["pearson", "spearman"]) == ["rho_a"]
