"""Geometries against scipy, rsatoolbox and explicit loops on the activations themselves, in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import calc_rdm
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group

from manyseeds.errors import StudyError
from manyseeds.representations import geometry, geometry_files, layer_table
from manyseeds.representations.geometry import centroids, cocktail_blank, measure_geometry
from manyseeds.representations.measures import MEASURES, as_float32, rdm

N_STIMULI, N_UNITS = 24, 700
CATEGORIES = np.array([2] * 3 + [0] * 9 + [1] * 7 + [5] * 5)


def rectified(seed: int = 0, n: int = N_STIMULI, units: int = N_UNITS) -> np.ndarray:
    """Return float32 activations like those behind a ReLU: a shared pattern, categories, noise; half of them zero."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=units), rng.normal(size=(n, units))
    return np.maximum(0.5 * shared + rng.normal(size=(6, units))[np.resize(CATEGORIES, n)] + own, 0).astype(np.float32)


def expected(patterns: np.ndarray, measure: str) -> np.ndarray:
    """Return an RDM vector from float64 patterns, by scipy's pdist or from the measure's definition."""
    patterns = np.asarray(patterns, dtype=np.float64)
    norms = np.linalg.norm(patterns, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        match measure:
            case "norm_difference":
                return pdist(norms[:, None], "cityblock")
            case "unit_euclidean":
                return pdist(patterns / norms[:, None], "euclidean")
            case _:
                return pdist(patterns, measure)


def blanked(patterns: np.ndarray) -> np.ndarray:
    patterns = patterns.astype(np.float64)
    return patterns - patterns.mean(axis=0)


def means(patterns: np.ndarray, groups: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the groups' mean patterns by explicit loops."""
    weights = np.ones(len(groups)) if weights is None else weights
    centroid_patterns = []
    for group in sorted(set(groups.tolist())):
        total, weight = np.zeros(patterns.shape[1]), 0.0
        for pattern, label, w in zip(patterns.astype(np.float64), groups, weights, strict=True):
            if label == group:
                total, weight = total + w * pattern, weight + w
        centroid_patterns.append(total / weight)
    return np.stack(centroid_patterns)


def assert_within_bound(ours: np.ndarray, reference: np.ndarray) -> None:
    """Hold the bound of methods 4: |error| <= 1e-6 value + 1e-9 max(RDM)."""
    assert np.isfinite(reference).all()
    assert (np.abs(ours - reference) <= 1e-6 * reference + 1e-9 * reference.max()).all()


@pytest.fixture(scope="module")
def activations() -> np.ndarray:
    return rectified()


# Dissimilarities


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_rdms_agree_with_scipy(activations, measure, dtype):
    patterns = activations.astype(dtype)
    measured = measure_geometry(patterns, name="a")
    assert_within_bound(rdm(measured, measure), expected(patterns, measure))
    assert_within_bound(rdm(cocktail_blank(measured), measure), expected(blanked(patterns), measure))


def test_rdms_agree_with_rsatoolbox(activations):
    patterns = activations.astype(np.float64)
    measured, data = measure_geometry(patterns, name="a"), Dataset(patterns)
    correlation = calc_rdm(data, method="correlation").get_vectors()[0]
    squared = calc_rdm(data, method="euclidean").get_vectors()[0] * N_UNITS  # its distances are per unit, and squared
    assert_within_bound(rdm(measured, "correlation"), correlation)
    np.testing.assert_allclose(rdm(measured, "euclidean") ** 2, squared, rtol=1e-9)


def test_chunks_and_memory_maps_change_nothing(activations, monkeypatch, tmp_path):
    whole = measure_geometry(activations, name="a")
    np.save(tmp_path / "a.npy", activations.reshape(N_STIMULI, 7, 10, 10))
    monkeypatch.setattr(geometry, "CHUNK_VALUES", 37 * N_STIMULI)  # the last chunk is shorter
    chunked = measure_geometry(np.load(tmp_path / "a.npy", mmap_mode="r"), name="a")
    for field in ("gram", "row_sums", "squared_distances"):
        np.testing.assert_allclose(getattr(chunked, field), getattr(whole, field), rtol=1e-11)
    assert (chunked.n_units, chunked.n_silent_units) == (N_UNITS, whole.n_silent_units)


def test_arrays_of_either_order_are_read_where_they_lie(activations, tmp_path):
    maps = activations[:, :600].reshape(N_STIMULI, 10, 6, 10)
    for order in "CF":
        np.save(tmp_path / f"{order}.npy", np.asarray(maps, order=order))
        stored = np.load(tmp_path / f"{order}.npy", mmap_mode="r")
        assert np.shares_memory(geometry.as_patterns(stored), stored)
        found = measure_geometry(stored, name="stored")
        np.testing.assert_allclose(rdm(found, "correlation"), expected(maps.reshape(N_STIMULI, -1), "correlation"))


def test_gram_matrix_and_sums_are_those_of_the_activations(activations):
    patterns = activations.astype(np.float64)
    measured = measure_geometry(activations, name="a")
    np.testing.assert_allclose(measured.gram, patterns @ patterns.T, rtol=1e-12)
    np.testing.assert_allclose(measured.row_sums, patterns.sum(axis=1), rtol=1e-12)
    assert measured.raw_scale == pytest.approx((patterns**2).sum(axis=1).mean(), rel=1e-12)


# Cancellation: what a Gram matrix alone gets wrong


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_identical_and_nearly_identical_stimuli(activations, measure):
    patterns = activations.astype(np.float64)
    patterns[7] = patterns[9] = patterns[3]
    patterns[20] = patterns[21]
    rng = np.random.default_rng(1)
    for stimulus, difference in enumerate([1e-2, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8], start=10):
        patterns[stimulus] = patterns[4] + difference * rng.normal(size=N_UNITS)
    measured = measure_geometry(patterns, name="a")
    for ours, reference in ((measured, patterns), (cocktail_blank(measured), blanked(patterns))):
        assert_within_bound(rdm(ours, measure), expected(reference, measure))
    assert not np.isnan(rdm(measured, measure)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_identical_stimuli_are_at_no_distance(activations, dtype):
    patterns = np.repeat(activations[:3], 5, axis=0).astype(dtype) * dtype(1 / 3)
    same = np.repeat(np.arange(3), 5)
    i, j = np.triu_indices(15, 1)
    measured = measure_geometry(patterns, name="a")
    for measure in ("euclidean", "unit_euclidean"):
        assert (rdm(measured, measure)[same[i] == same[j]] == 0).all()
        assert (rdm(measured, measure)[same[i] != same[j]] > 0.1).all()


@pytest.mark.parametrize("measure", ["euclidean", "unit_euclidean"])
@pytest.mark.parametrize("spread", [1e-2, 1e-4, 1e-6])
def test_small_differences_beside_a_large_shared_pattern(measure, spread):
    rng = np.random.default_rng(2)
    patterns = 10 * rng.normal(size=N_UNITS) + spread * rng.normal(size=(N_STIMULI, N_UNITS))
    assert_within_bound(rdm(measure_geometry(patterns, name="a"), measure), expected(patterns, measure))


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_patterns_that_are_multiples_of_each_other(activations, measure):
    patterns = activations.astype(np.float64)
    patterns[5], patterns[6], patterns[8] = 3 * patterns[4], 0.1 * patterns[4], 20 * patterns[4]
    assert_within_bound(rdm(measure_geometry(patterns, name="a"), measure), expected(patterns, measure))


def test_correlation_beside_a_large_mean(activations):
    patterns = activations.astype(np.float64) + 1000
    reference = expected(patterns, "correlation")
    assert_within_bound(rdm(measure_geometry(patterns, name="a"), "correlation"), reference)


# What has no defined dissimilarity


def test_silent_and_constant_patterns_are_undefined_where_a_measure_needs_a_direction(activations):
    patterns = activations.copy()
    patterns[2], patterns[5] = 0.0, 0.7
    measured = measure_geometry(patterns, name="a")
    assert (measured.gram[2] == 0).all()
    assert (measured.gram[:, 2] == 0).all()
    i, j = np.triu_indices(N_STIMULI, 1)
    touches = {stimulus: (i == stimulus) | (j == stimulus) for stimulus in (2, 5)}
    undefined = {
        "correlation": touches[2] | touches[5],
        "cosine": touches[2],
        "unit_euclidean": touches[2],
        "euclidean": np.zeros(i.size, dtype=bool),
        "norm_difference": np.zeros(i.size, dtype=bool),
    }
    for measure, left_out in undefined.items():
        ours = rdm(measured, measure)
        np.testing.assert_array_equal(np.isnan(ours), left_out)
        assert_within_bound(ours[~left_out], expected(patterns, measure)[~left_out])


def test_flags_and_counts_of_silence():
    patterns = np.array(
        [
            [1, 0, 2, 0, 3],
            [0, 0, 0, 0, 0],  # silent, and so constant
            [3, 0, 3, 0, 3],
            [-1, 0, 1, 0, 0],  # its sum is zero, it is not
        ],
        dtype=np.float32,
    )
    measured = measure_geometry(patterns, name="a")
    np.testing.assert_array_equal(measured.zero_norm, [False, True, False, False])
    np.testing.assert_array_equal(measured.zero_variance, [False, True, False, False])
    assert measured.n_silent_units == 2

    active = measure_geometry(patterns[:, ::2], name="a")
    np.testing.assert_array_equal(active.zero_variance, [False, True, True, False])
    assert active.n_silent_units == 0


def test_a_pattern_constant_in_each_chunk_is_not_constant(monkeypatch):
    monkeypatch.setattr(geometry, "CHUNK_VALUES", 2 * 3)
    patterns = np.array([[1, 1, 1, 2, 2, 2], [5, 5, 5, 5, 5, 5]], dtype=np.float32)
    np.testing.assert_array_equal(measure_geometry(patterns, name="a").zero_variance, [False, True])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_a_layer_that_diverged_is_undefined_in_a_collapsed_network_and_an_error_in_others(activations, value):
    diverged = activations.astype(np.float64)
    diverged[2, 5] = value
    with pytest.raises(StudyError, match="row 2"):
        measure_geometry(diverged, name="conv1")
    undefined = measure_geometry(diverged, name="conv1", is_collapsed=True)
    groups = np.arange(len(diverged)) % 3
    for derived in (undefined, cocktail_blank(undefined), centroids(undefined, groups)):
        for measure in MEASURES:
            assert np.isnan(rdm(derived, measure)).all()
    assert not undefined.zero_norm.any()  # which would be counted as silence
    sound = [measure_geometry(activations, name="conv1", is_collapsed=collapsed) for collapsed in (True, False)]
    np.testing.assert_array_equal(sound[0].gram, sound[1].gram)


def test_tiny_raw_patterns_are_defined_and_tiny_derived_ones_are_not(activations):
    patterns = activations.astype(np.float64)
    patterns[1] *= 1e-6
    patterns[CATEGORIES == 1] = 0.0
    patterns[CATEGORIES == 1, 0] = 1e-7 * np.linalg.norm(patterns[0])
    measured = measure_geometry(patterns, name="a")
    assert not np.isnan(rdm(measured, "cosine")).any()
    grouped = centroids(measured, CATEGORIES)
    np.testing.assert_array_equal(grouped.zero_norm, [False, True, False, False])
    np.testing.assert_array_equal(grouped.zero_variance, [False, True, False, False])
    np.testing.assert_array_equal(np.isnan(rdm(grouped, "correlation")), [True, False, False, True, True, False])
    assert not np.isnan(rdm(grouped, "euclidean")).any()


def test_a_layer_that_answers_alike_to_all_stimuli():
    patterns = np.tile(np.linspace(0, 1, 50, dtype=np.float32), (8, 1))
    measured = measure_geometry(patterns, name="a")
    for measure in MEASURES:
        np.testing.assert_allclose(rdm(measured, measure), 0, atol=1e-14)
    for measure in ("correlation", "cosine", "unit_euclidean"):
        assert np.isnan(rdm(cocktail_blank(measured), measure)).all()


def test_a_silent_layer():
    measured = measure_geometry(np.zeros((5, 9), dtype=np.float16), name="a")
    assert measured.n_silent_units == 9
    assert measured.zero_norm.all()
    assert np.isnan(rdm(measured, "cosine")).all()
    assert (rdm(measured, "euclidean") == 0).all()
    assert np.isnan(rdm(centroids(measured, [0, 0, 1, 1, 2]), "correlation")).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(activations, value):
    patterns = activations.copy()
    patterns[6, -1] = value
    with pytest.raises(StudyError, match=r"conv3\.npy: row 6 .* not finite"):
        measure_geometry(patterns, name="conv3.npy")


# Derived patterns


@pytest.mark.parametrize("measure", sorted(MEASURES))
@pytest.mark.parametrize("normalise", [False, True])
def test_centroids_of_unequal_groups(activations, measure, normalise):
    measured, patterns = measure_geometry(activations, name="a"), activations.astype(np.float64)
    if normalise:
        measured, patterns = cocktail_blank(measured), blanked(patterns)
    assert_within_bound(rdm(centroids(measured, CATEGORIES), measure), expected(means(patterns, CATEGORIES), measure))


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_weighted_centroids(activations, measure):
    weights = np.random.default_rng(3).integers(0, 4, N_STIMULI).astype(float) + (np.arange(N_STIMULI) % 3 == 0)
    ours = centroids(measure_geometry(activations, name="a"), CATEGORIES, weights)
    assert_within_bound(rdm(ours, measure), expected(means(activations, CATEGORIES, weights), measure))


def test_identical_centroids_are_at_no_distance(activations):
    patterns = np.concatenate([activations, activations])
    groups = np.repeat([0, 1], N_STIMULI)
    grouped = centroids(measure_geometry(patterns, name="a"), groups)
    assert rdm(grouped, "euclidean") == 0
    assert rdm(grouped, "unit_euclidean") == 0


def test_averages_of_many_partitions_at_once(activations):
    measured, rng = measure_geometry(activations, name="a"), np.random.default_rng(4)
    groups = np.stack([rng.permutation(CATEGORIES) for _ in range(6)])
    labels = np.unique(CATEGORIES)
    members = groups[:, None, :] == labels[:, None]
    averaged = geometry.average(measured, members / members.sum(axis=-1, keepdims=True))
    for measure in MEASURES:
        single = np.stack([rdm(centroids(measured, row), measure) for row in groups])
        np.testing.assert_allclose(rdm(averaged, measure), single, rtol=1e-9, atol=1e-12)


def test_a_geometry_known_by_its_gram_matrix_alone(activations):
    patterns = means(activations, CATEGORIES)
    measured = measure_geometry(activations, name="a")
    derived = geometry.with_gram(measured, patterns @ patterns.T, patterns.sum(axis=1))
    for measure in MEASURES:
        np.testing.assert_allclose(rdm(derived, measure), expected(patterns, measure), rtol=1e-9)


# Invariances (methods 10)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_order_of_units_does_not_matter(seed):
    patterns = rectified(seed, n=8, units=90)
    shuffled = patterns[:, np.random.default_rng(seed).permutation(90)]
    for measure in MEASURES:
        ours, other = (rdm(measure_geometry(a, name="a"), measure) for a in (patterns, shuffled))
        np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_rotation_about_the_origin_leaves_all_but_correlation(seed):
    patterns = rectified(seed, n=8, units=30).astype(np.float64)
    rotated = patterns @ ortho_group.rvs(30, random_state=seed)
    for measure in MEASURES:
        ours, other = (rdm(measure_geometry(a, name="a"), measure) for a in (patterns, rotated))
        assert np.allclose(ours, other, rtol=1e-9, atol=1e-12) == (measure != "correlation")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_rotation_about_a_point_leaves_euclidean_and_with_cocktail_blank_all_but_correlation(seed):
    patterns = rectified(seed, n=8, units=30).astype(np.float64)
    point = np.random.default_rng(seed).normal(size=30)
    rotated = (patterns - point) @ ortho_group.rvs(30, random_state=seed) + point
    for measure in MEASURES:
        geometries = [measure_geometry(a, name="a") for a in (patterns, rotated)]
        raw, other = (rdm(g, measure) for g in geometries)
        assert np.allclose(raw, other, rtol=1e-9, atol=1e-12) == (measure == "euclidean")
        blank, other = (rdm(cocktail_blank(g), measure) for g in geometries)
        assert np.allclose(blank, other, rtol=1e-9, atol=1e-12) == (measure != "correlation")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3))
def test_scaling_scales_distances_and_leaves_angles(seed, scale):
    patterns = rectified(seed, n=8, units=30).astype(np.float64)
    for measure in MEASURES:
        ours, scaled = (rdm(measure_geometry(a, name="a"), measure) for a in (patterns, scale * patterns))
        factor = scale if measure in ("euclidean", "norm_difference") else 1.0
        np.testing.assert_allclose(scaled, factor * ours, rtol=1e-9, atol=1e-12 * factor)


def test_cocktail_blank_leaves_euclidean_and_is_done_once(activations):
    measured = measure_geometry(activations, name="a")
    blank = cocktail_blank(measured)
    np.testing.assert_array_equal(rdm(blank, "euclidean"), rdm(measured, "euclidean"))
    assert not np.allclose(rdm(blank, "correlation"), rdm(measured, "correlation"), rtol=0.1)
    np.testing.assert_allclose(rdm(cocktail_blank(blank), "cosine"), rdm(blank, "cosine"), rtol=1e-9)


# Files


def test_files_give_back_what_was_written(activations, tmp_path):
    geometries = {
        "conv10": measure_geometry(activations, name="a"),
        "conv2": measure_geometry(activations**2, name="b"),
    }
    geometry_files.save_geometries(tmp_path / "epoch3.npz", geometries, {"conv2": 1, "conv10": 9, "conv3": 2})
    assert geometry_files.stored_layers(tmp_path / "epoch3.npz") == ["conv10", "conv2"]
    assert geometry_files.layer_indices(tmp_path / "epoch3.npz") == {"conv10": 9, "conv2": 1}
    for layer, written in geometries.items():
        read = geometry_files.load_geometry(tmp_path / "epoch3.npz", layer)
        for measure in MEASURES:
            np.testing.assert_array_equal(rdm(read, measure), rdm(written, measure))
            np.testing.assert_array_equal(
                rdm(centroids(read, CATEGORIES), measure), rdm(centroids(written, CATEGORIES), measure)
            )
        assert read.raw_scale == pytest.approx(written.raw_scale, rel=1e-12)


def test_files_hold_half_a_matrix_from_which_the_gram_matrix_follows(activations, tmp_path):
    patterns = activations.copy()
    patterns[2], patterns[5] = 0.0, patterns[6]
    written = measure_geometry(patterns, name="a")
    geometry_files.save_geometries(tmp_path / "e.npz", {"fc": written})
    read = geometry_files.load_geometry(tmp_path / "e.npz", "fc")
    np.testing.assert_allclose(read.gram, written.gram, rtol=0, atol=1e-13 * written.gram.max())
    np.testing.assert_array_equal(read.squared_norms, written.squared_norms)
    assert not read.gram[2].any()
    assert not read.gram[:, 2].any()
    with np.load(tmp_path / "e.npz") as file:
        largest = max(array.size for array in map(file.__getitem__, file.files))
    assert largest == len(patterns) * (len(patterns) - 1) // 2


def test_files_of_networks_that_diverged_are_undefined(activations, tmp_path):
    patterns = activations.copy()
    patterns[3, 1] = np.inf
    geometry_files.save_geometries(tmp_path / "e.npz", {"fc": measure_geometry(patterns, name="a", is_collapsed=True)})
    assert np.isnan(geometry_files.load_geometry(tmp_path / "e.npz", "fc").gram).all()


def test_older_files_with_gram_matrices_are_read(activations, tmp_path):
    written = measure_geometry(activations, name="a")
    fields = ["gram", "squared_distances", "row_sums", "n_units", "zero_norm", "zero_variance", "n_silent_units"]
    arrays = {f"fc/{field}": getattr(written, field) for field in fields}
    np.savez(tmp_path / "e.npz", layers=np.array(["fc"]), layer_indices=np.array([0]), **arrays)
    read = geometry_files.load_geometry(tmp_path / "e.npz", "fc")
    np.testing.assert_array_equal(read.gram, written.gram)
    for measure in MEASURES:
        np.testing.assert_array_equal(rdm(read, measure), rdm(written, measure))


def test_description_of_layers(activations, tmp_path):
    patterns = activations.copy()
    patterns[2], patterns[5] = 0.0, 0.7
    geometry_files.save_geometries(tmp_path / "e.npz", {"fc": measure_geometry(patterns, name="a")})
    silent_units = int((patterns == 0).all(axis=0).sum())
    assert layer_table.describe_layers(tmp_path / "e.npz") == [
        {
            "layer": "fc",
            "layer_index": 0,
            "n_units": N_UNITS,
            "n_silent_units": silent_units,
            "n_silent_stimuli": 1,
            "n_constant_stimuli": 2,
        }
    ]


@pytest.mark.parametrize(("scale", "holds"), [(1e100, False), (1e-60, False), (1e30, True), (1e-30, True), (0, True)])
def test_dissimilarities_that_float32_cannot_hold_are_refused(scale, holds, activations):
    geometries = [measure_geometry(activations.astype(np.float64) * factor, name="") for factor in (1, scale)]
    rdms = np.stack([rdm(each, "euclidean") for each in geometries])
    rdms[0, 0] = np.nan
    if holds:
        kept = as_float32(rdms, "euclidean", ["conv1.npy", "fc.npy"])
        assert kept.dtype == np.float32
        np.testing.assert_array_equal(kept, rdms.astype(np.float32))
        return
    with pytest.raises(StudyError, match=r"^fc\.npy: found euclidean dissimilarities of up to .*e.*take euclidean out"):
        as_float32(rdms, "euclidean", ["conv1.npy", "fc.npy"])
