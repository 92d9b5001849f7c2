"""Intervals of methods 5, against explicit loops on the same draws, and their coverage of a known truth."""

from itertools import combinations

import numpy as np
import pytest
from rsatoolbox.util.inference_util import _dual_bootstrap
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from manyseeds.representations.geometry import cocktail_blank, measure_geometry
from manyseeds.statistics import pair_components, resampling, stimulus_resampling

CATEGORIES = np.array([0, 2, 1, 0, 0, 2, 1, 2, 0, 1, 0, 2])  # unequal, interleaved

DISTANCES = {
    "correlation": lambda a: pdist(a, "correlation"),
    "cosine": lambda a: pdist(a, "cosine"),
    "euclidean": lambda a: pdist(a),
    "unit_euclidean": lambda a: pdist(a / np.linalg.norm(a, axis=1, keepdims=True)),
    "norm_difference": lambda a: pdist(np.linalg.norm(a, axis=1, keepdims=True), "cityblock"),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def activations(n_networks=4, n_units=30, seed=0):
    """Patterns of networks that share a part, so that consistencies are neither 0 nor 1."""
    draws = rng(seed)
    shared = draws.gamma(2.0, size=(CATEGORIES.size, n_units))
    return [shared + draws.gamma(2.0, size=shared.shape) for _ in range(n_networks)]


def pair_values(n_networks, n_statistics=3, seed=0):
    return rng(seed).uniform(size=(n_statistics, n_networks * (n_networks - 1) // 2))


def repeated_consistency(first, second, categories, weights, keep):
    """Squared correlation of two square RDMs with stimuli repeated, over the pairs of distinct stimuli to keep."""
    drawn = np.repeat(np.arange(weights.size), weights.astype(int))
    x, y = [], []
    for i, j in combinations(drawn, 2):
        defined = np.isfinite(first[i, j]) and np.isfinite(second[i, j])
        if i != j and keep(categories[i], categories[j]) and defined:
            x.append(first[i, j])
            y.append(second[i, j])
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return np.corrcoef(x, y)[0, 1] ** 2


# draws


def test_stimuli_are_drawn_within_their_category():
    weights = stimulus_resampling.stimulus_weights(CATEGORIES, 2000, rng())
    for category, size in zip(*np.unique(CATEGORIES, return_counts=True), strict=True):
        members = weights[:, category == CATEGORIES]
        np.testing.assert_array_equal(members.sum(axis=1), size)
        np.testing.assert_allclose(members.mean(axis=0), 1, atol=0.1)
        np.testing.assert_allclose(members.var(axis=0), 1 - 1 / size, atol=0.1)


def test_equal_generators_give_equal_draws():
    np.testing.assert_array_equal(
        stimulus_resampling.stimulus_weights(CATEGORIES, 5, rng(3)),
        stimulus_resampling.stimulus_weights(CATEGORIES, 5, rng(3)),
    )


# intervals over networks against loops


@pytest.mark.parametrize("n_networks", [5, 8])
@pytest.mark.parametrize("n_undefined", [0, 3])
def test_instance_bootstrap_equals_a_loop_that_drops_self_pairs(n_networks, n_undefined):
    values = pair_values(n_networks)
    values[1, :n_undefined] = np.nan
    interval = resampling.instance_bootstrap(values, n_networks, 200, rng(1))
    counts = resampling.network_counts(n_networks, 200, rng(1)).astype(int)
    for row, pairs in enumerate(values):
        square = squareform(pairs)
        means = []
        for count in counts:
            drawn = np.repeat(np.arange(n_networks), count)
            kept = [square[i, j] for i, j in combinations(drawn, 2) if i != j and np.isfinite(square[i, j])]
            if kept:
                means.append(np.mean(kept))
        np.testing.assert_allclose([interval.low[row], interval.high[row]], np.quantile(means, [0.025, 0.975]))
        assert interval.n_resamples[row] == len(means)


def test_instance_bootstrap_of_networks_is_the_plain_bootstrap():
    values = rng().normal(size=7)
    interval = resampling.instance_bootstrap(values, 7, 300, rng(1), over="networks")
    counts = resampling.network_counts(7, 300, rng(1)).astype(int)
    means = [np.repeat(values, count).mean() for count in counts]
    np.testing.assert_allclose([interval.low, interval.high], np.quantile(means, [0.025, 0.975]))


def test_pair_bootstrap_equals_a_loop():
    values = pair_values(6)
    values[2, 4] = np.nan
    interval = resampling.pair_bootstrap(values, 300, rng(1))
    counts = resampling.pair_counts(values.shape[1], 300, rng(1)).astype(int)
    for row, pairs in enumerate(values):
        means = [np.nanmean(np.repeat(pairs, count)) for count in counts]
        np.testing.assert_allclose([interval.low[row], interval.high[row]], np.quantile(means, [0.025, 0.975]))
    np.testing.assert_allclose(interval.mean, np.nanmean(values, axis=1))


@pytest.mark.parametrize("n_networks", [3, 4, 10])
def test_jackknife_equals_a_loop(n_networks):
    values = 0.5 + 0.01 * pair_values(n_networks)
    interval = resampling.jackknife(values, n_networks)
    for row, pairs in enumerate(values):
        square = squareform(pairs)
        without = []
        for deleted in range(n_networks):
            kept = [i for i in range(n_networks) if i != deleted]
            without.append(np.mean([square[i, j] for i, j in combinations(kept, 2)]))
        error = np.sqrt((n_networks - 1) * np.var(without))
        half = stats.t.ppf(0.975, n_networks - 1) * error
        np.testing.assert_allclose(interval.high[row] - pairs.mean(), half)
        np.testing.assert_allclose(pairs.mean() - interval.low[row], half)


def test_jackknife_of_a_mean_over_networks_is_students_interval():
    values = rng().normal(size=9)
    interval = resampling.jackknife(values, 9, over="networks")
    expected = stats.t.interval(0.95, 8, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose([interval.low, interval.high], expected)


def test_jackknife_of_a_consistency_is_made_on_its_logit():
    values = pair_values(6, 1)[0]
    interval = resampling.jackknife(values, 6, in_unit_interval=True)
    square = squareform(values)
    without = []
    for deleted in range(6):
        kept = [i for i in range(6) if i != deleted]
        mean = np.mean([square[i, j] for i, j in combinations(kept, 2)])
        without.append(np.log(mean / (1 - mean)))
    centre, error = np.log(values.mean() / (1 - values.mean())), np.sqrt(5 * np.var(without))
    ends = centre + np.array([-1, 1]) * stats.t.ppf(0.975, 5) * error
    np.testing.assert_allclose([interval.low, interval.high], 1 / (1 + np.exp(-ends)))


def test_jackknife_of_a_consistency_stays_inside_the_unit_interval():
    values = np.array([0.4, 0.99, 0.9])
    inside, free = (resampling.jackknife(values, 3, in_unit_interval=inside) for inside in (True, False))
    assert 0 < inside.low < inside.high < 1
    assert free.low < 0 < 1 < free.high


@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_jackknife_of_a_mean_at_its_bound_is_null(bound):
    interval = resampling.jackknife(np.full(6, bound), 4, in_unit_interval=True)
    assert np.isnan([interval.low, interval.high]).all()
    assert resampling.at_bound(interval.mean)
    assert not np.isnan(resampling.jackknife(np.full(6, bound), 4).low)


def test_simultaneous_jackknife_has_the_level_of_bonferroni():
    values = pair_values(6, 2)
    pointwise, together = (
        resampling.jackknife(values, 6),
        resampling.jackknife(values, 6, n_simultaneous=np.array([1, 9])),
    )
    ratio = (together.high - together.mean) / (pointwise.high - pointwise.mean)
    np.testing.assert_allclose(ratio, [1, stats.t.ppf(1 - 0.025 / 9, 5) / stats.t.ppf(0.975, 5)])
    assert together.method == "jackknife_simultaneous"


@pytest.mark.parametrize(
    ("n_networks", "defined"),
    [(2, set()), (3, {"pairs", "jackknife"}), (4, {"pairs", "jackknife"}), (5, {"pairs", "jackknife", "instances"})],
)
def test_intervals_are_null_where_too_few_networks_would_mislead(n_networks, defined):
    values = pair_values(n_networks)
    intervals = [
        resampling.pair_bootstrap(values, 50, rng()),
        resampling.jackknife(values, n_networks),
        resampling.instance_bootstrap(values, n_networks, 50, rng()),
    ]
    for interval in intervals:
        assert np.isfinite(interval.low).all() == np.isfinite(interval.high).all() == (interval.method in defined)
        np.testing.assert_allclose(interval.mean, values.mean(axis=1))


def test_a_statistic_without_any_defined_value_is_null():
    values = np.full((1, 10), np.nan)
    for interval in (
        resampling.pair_bootstrap(values, 20, rng()),
        resampling.jackknife(values, 5),
        resampling.instance_bootstrap(values, 5, 20, rng()),
    ):
        assert np.isnan([interval.mean[0], interval.low[0], interval.high[0]]).all()
        assert interval.n_resamples[0] == 0


# resampled stimuli against explicit repetition


@pytest.mark.parametrize("undefined", ["none", "a stimulus of one network", "different stimuli", "single entries"])
def test_weights_equal_repeating_the_stimuli_and_dropping_self_pairs(undefined):
    squares = [squareform(pdist(a, "correlation")) for a in activations()]
    holes = {"a stimulus of one network": {1: [4]}, "different stimuli": {0: [4], 1: [4], 2: [1, 7]}}
    for network, stimuli in holes.get(undefined, {}).items():
        squares[network][stimuli] = squares[network][:, stimuli] = np.nan
    if undefined == "single entries":
        squares[3][0, 5] = squares[3][5, 0] = squares[0][2, 6] = squares[0][6, 2] = np.nan
    vectors = np.stack([squareform(np.nan_to_num(s, nan=-1.0), checks=False) for s in squares])
    vectors[vectors == -1] = np.nan
    weights = stimulus_resampling.stimulus_weights(CATEGORIES, 12, rng(5))

    resamples = stimulus_resampling.resample_rdms(vectors, CATEGORIES, weights)

    for b, drawn in enumerate(weights):
        for k, (i, j) in enumerate(combinations(range(len(squares)), 2)):
            arguments = (squares[i], squares[j], CATEGORIES, drawn)
            exemplar = repeated_consistency(*arguments, lambda c, d: True)
            within = repeated_consistency(*arguments, lambda c, d: c == d)
            each = [repeated_consistency(*arguments, lambda c, d, e=e: c == d == e) for e in range(3)]
            mean = np.nanmean(each) if np.isfinite(each).any() else np.nan
            np.testing.assert_allclose(resamples["exemplar"][b, k], exemplar, atol=1e-12)
            np.testing.assert_allclose(resamples["within_category"][b, k], within, atol=1e-12)
            np.testing.assert_allclose(resamples["within_category_mean"][b, k], mean, atol=1e-12)


def test_unit_weights_give_the_consistency_of_the_stimuli_as_they_are():
    vectors = np.stack([pdist(a) for a in activations(5)])
    resamples = stimulus_resampling.resample_rdms(vectors, CATEGORIES, np.ones((1, CATEGORIES.size)))
    expected = np.corrcoef(vectors)[np.triu_indices(5, 1)] ** 2
    np.testing.assert_allclose(resamples["exemplar"][0], expected, rtol=1e-12)


def test_centroids_are_resampled_a_few_at_a_time(monkeypatch):
    geometries = [measure_geometry(a, name="a") for a in activations(3)]
    weights = stimulus_resampling.stimulus_weights(CATEGORIES, 7, rng(1))
    arguments = (geometries, CATEGORIES, ["correlation", "euclidean"], weights)
    at_once = stimulus_resampling.resample_stimuli(*arguments)
    monkeypatch.setattr(stimulus_resampling, "BLOCK_VALUES", 3 * 3 * len(set(CATEGORIES)) ** 2)  # three, three, one
    for key, found in stimulus_resampling.resample_stimuli(*arguments).items():
        np.testing.assert_allclose(found, at_once[key], rtol=1e-9)


def test_a_single_stimulus_of_a_category_cannot_be_resampled():
    assert stimulus_resampling.can_be_resampled(np.array([3, 1, 3, 1]))
    assert not stimulus_resampling.can_be_resampled(np.array([3, 1, 3, 2, 1]))


def test_order_of_the_stimuli_does_not_matter():
    patterns = activations()
    weights = stimulus_resampling.stimulus_weights(CATEGORIES, 6, rng(2))
    order = rng(3).permutation(CATEGORIES.size)
    here = stimulus_resampling.resample_rdms(np.stack([pdist(a) for a in patterns]), CATEGORIES, weights)
    there = stimulus_resampling.resample_rdms(
        np.stack([pdist(a[order]) for a in patterns]), CATEGORIES[order], weights[:, order]
    )
    for kind in here:
        np.testing.assert_allclose(here[kind], there[kind], rtol=1e-9)


def test_a_constant_rdm_is_undefined():
    vectors = np.stack([pdist(activations(1)[0]), np.full(66, 0.1), np.full(66, 0.1)])
    resamples = stimulus_resampling.resample_rdms(vectors, CATEGORIES, np.ones((1, CATEGORIES.size)))
    assert np.isnan(resamples["exemplar"]).all()


def test_a_large_offset_costs_no_precision():
    vectors = np.stack([pdist(a) for a in activations(3)])
    weights = stimulus_resampling.stimulus_weights(CATEGORIES, 4, rng(1))
    near, far = (stimulus_resampling.resample_rdms(vectors + offset, CATEGORIES, weights) for offset in (0, 1e6))
    np.testing.assert_allclose(near["exemplar"], far["exemplar"], atol=1e-8)


@pytest.mark.parametrize("normalisation", ["none", "cocktail"])
@pytest.mark.parametrize("measure", list(DISTANCES))
def test_centroids_equal_means_of_repeated_patterns(measure, normalisation):
    patterns = activations(3)
    weights = stimulus_resampling.stimulus_weights(CATEGORIES, 8, rng(4))
    geometries = [measure_geometry(a, name="a") for a in patterns]
    if normalisation == "cocktail":  # the mean of all stimuli, whatever is drawn
        geometries = [cocktail_blank(geometry) for geometry in geometries]
        patterns = [a - a.mean(axis=0) for a in patterns]

    resamples = stimulus_resampling.resample_stimuli(geometries, CATEGORIES, [measure], weights)[measure, "centroid"]

    for b, drawn in enumerate(weights):
        index = np.repeat(np.arange(drawn.size), drawn.astype(int))
        rdms = []
        for pattern in patterns:
            means = [pattern[index[CATEGORIES[index] == category]].mean(axis=0) for category in range(3)]
            rdms.append(DISTANCES[measure](np.stack(means)))
        expected = np.corrcoef(rdms)[np.triu_indices(3, 1)] ** 2
        np.testing.assert_allclose(resamples[b], expected, atol=1e-8)


def test_a_centroid_of_silent_stimuli_is_undefined_and_left_out():
    categories = np.repeat(np.arange(5), 4)
    patterns = [rng(seed).gamma(2.0, size=(20, 30)) for seed in (1, 2)]
    patterns[0][:2] = 0.0  # of the four stimuli of category 0
    weights = np.ones((2, 20))
    weights[1, :4] = [3, 1, 0, 0]  # draws nothing but them
    geometries = [measure_geometry(a, name="a") for a in patterns]
    result = stimulus_resampling.resample_stimuli(geometries, categories, ["correlation"], weights)
    for b, kept in enumerate([slice(0, 5), slice(1, 5)]):
        rdms = []
        for pattern in patterns:
            means = [
                np.average(pattern[4 * c : 4 * c + 4], axis=0, weights=weights[b, 4 * c : 4 * c + 4]) for c in range(5)
            ]
            rdms.append(pdist(np.stack(means[kept]), "correlation"))
        expected = np.corrcoef(rdms)[0, 1] ** 2
        np.testing.assert_allclose(result["correlation", "centroid"][b], expected, atol=1e-9)


# intervals over stimuli and over both


def test_stimulus_interval_has_the_sd_of_the_means_over_pairs_and_their_percentiles_beside_it():
    values, resamples = pair_values(4, 1)[0], rng(1).uniform(size=(200, 6))
    interval = resampling.stimulus_interval(values, resamples)
    half = stats.norm.ppf(0.975) * resamples.mean(axis=1).std(ddof=1)
    np.testing.assert_allclose([interval.low, interval.high], [values.mean() - half, values.mean() + half])
    expected = np.quantile(resamples.mean(axis=1), [0.025, 0.975])
    np.testing.assert_allclose([interval.percentile_low, interval.percentile_high], expected)
    assert interval.mean == pytest.approx(values.mean())
    clipped = resampling.stimulus_interval(np.ones(6), 10 * resamples, bounds=(0, 1))
    assert (clipped.low, clipped.high) == (0, 1)


@pytest.mark.parametrize(("networks", "stimuli", "both"), [(2, 3, 6), (5, 1, 6.5)])
def test_two_factor_variance_is_that_of_schuett_2023_if_the_variance_of_networks_is_its_own(networks, stimuli, both):
    """They differ in two points alone: the variance of networks, and no cap."""
    expected = _dual_bootstrap(np.array([both, networks, stimuli], dtype=float), 6, 50)
    found = resampling.two_factor_variance(6 / 5 * networks, networks, stimuli, both, 6, 50)
    assert found == pytest.approx(float(expected))


def test_two_factor_variance_has_its_bounds():
    parts = {"n_networks": 6, "n_stimuli": 50}
    assert resampling.two_factor_variance(2, 1, 3, 100, **parts) == pytest.approx(3 * 50 / 49)  # all of it interaction
    assert resampling.two_factor_variance(9, 1, 3, 100, **parts) == 9
    assert resampling.two_factor_variance(2, 1, 3, 0, **parts) == pytest.approx(
        2 + 3 * 50 / 49
    )  # a negative one is none


def test_two_factor_interval_equals_a_loop():
    n_networks, n_stimuli = 6, 40
    values = rng().uniform(0.4, 0.6, size=15)
    resamples = values + 0.05 * rng(1).normal(size=(300, 15))
    interval = resampling.two_factor_interval(values, resamples, n_networks, n_stimuli, rng(2))

    counts = resampling.network_counts(n_networks, 300, rng(2)).astype(int)
    of_networks, of_both = [], []
    for b, count in enumerate(counts):
        drawn = np.repeat(np.arange(n_networks), count)
        pairs = [(i, j) for i, j in combinations(drawn, 2) if i != j]
        if pairs:
            of_networks.append(np.mean([squareform(values)[pair] for pair in pairs]))
            of_both.append(np.mean([squareform(resamples[b])[pair] for pair in pairs]))
    both, networks, stimuli = (np.var(draws, ddof=1) for draws in (of_both, of_networks, resamples.mean(axis=1)))
    exact = pair_components.pair_components(values, 6).variance_of_mean(6)
    interaction = max(0, 6 * 40 / (5 * 39) * (both - networks - stimuli))
    variance = max(exact + 40 / 39 * stimuli - interaction, exact, 40 / 39 * stimuli)
    half = stats.t.ppf(0.975, 5) * np.sqrt(variance)
    np.testing.assert_allclose([interval.low, interval.high], [values.mean() - half, values.mean() + half])


def test_two_factor_interval_is_null_below_five_networks():
    interval = resampling.two_factor_interval(np.ones(6), np.ones((10, 6)), 4, 20, rng())
    assert np.isnan([interval.low, interval.high]).all()


# coverage of a known truth


def simulated_pairs(n_networks, noise, n_simulations=2000, seed=0):
    """Pair values mu + a_i + a_j + e_ij: every network shifts all its pairs; the truth is mu = 0."""
    draws = rng(seed)
    first, second = np.triu_indices(n_networks, 1)
    effects = draws.normal(size=(n_simulations, n_networks))
    return effects[:, first] + effects[:, second] + noise * draws.normal(size=(n_simulations, first.size))


def coverage(interval, truth=0.0):
    return np.mean((interval.low <= truth) & (truth <= interval.high))


@pytest.mark.parametrize("n_networks", [3, 5, 10])
@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_jackknife_covers(n_networks, noise):
    assert 0.93 < coverage(resampling.jackknife(simulated_pairs(n_networks, noise), n_networks)) < 0.998


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_simultaneous_jackknife_covers_all_layers_at_once(noise):
    """Nine layers that share their networks; pointwise intervals cover all of them much less often."""
    draws, n = rng(5), 6
    first, second = np.triu_indices(n, 1)
    common = draws.normal(size=(1000, 1, n))
    effects = common + draws.normal(size=(1000, 9, n))
    values = effects[..., first] + effects[..., second] + noise * draws.normal(size=(1000, 9, first.size))
    layers = np.full((1000, 9), 9)
    together = resampling.jackknife(values, n, n_simultaneous=layers)
    pointwise = resampling.jackknife(values, n)
    covered = [np.mean(((i.low <= 0) & (i.high >= 0)).all(axis=-1)) for i in (together, pointwise)]
    assert 0.94 < covered[0] < 1
    assert covered[1] < 0.92


@pytest.mark.parametrize("n_networks", [5, 10, 20])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_components_cover_and_are_narrower_than_the_jackknife(n_networks, noise):
    values = simulated_pairs(n_networks, noise)
    interval = resampling.component_interval(values, n_networks)
    assert 0.92 < coverage(interval) < 0.995
    jackknife = resampling.jackknife(values, n_networks)
    ratio = np.mean(interval.high - interval.low) / np.mean(jackknife.high - jackknife.low)
    assert 0.7 < ratio < 1 + 1e-9


def test_logit_jackknife_covers_a_consistency():
    draws, n, truth = rng(6), 6, 0.8
    first, second = np.triu_indices(n, 1)
    effects = draws.beta(40, 10, size=(2000, n))  # of mean 0.8; pairs are means of two networks
    values = (effects[:, first] + effects[:, second]) / 2
    assert 0.93 < coverage(resampling.jackknife(values, n, in_unit_interval=True), truth) < 0.98


@pytest.mark.parametrize("n_networks", [5, 10, 20])
def test_the_two_factor_interval_covers_networks_and_stimuli_of_known_variances(n_networks):
    """s_ijm = a_i + a_j + b_m + (ab)_im + (ab)_jm + e_ijm over m stimuli: every part drawn again in each simulation."""
    draws, n_stimuli, hits = rng(n_networks), 40, []
    first, second = np.triu_indices(n_networks, 1)
    for _ in range(300):
        networks = draws.normal(size=n_networks)
        stimuli = 3 * draws.normal(size=n_stimuli)
        interaction = 2 * draws.normal(size=(n_networks, n_stimuli))
        parts = networks[:, None] + interaction
        each = parts[first] + parts[second] + stimuli + draws.normal(size=(first.size, n_stimuli))
        weights = draws.multinomial(n_stimuli, np.full(n_stimuli, 1 / n_stimuli), size=200) / n_stimuli
        values, resamples = each.mean(axis=1), weights @ each.T
        interval = resampling.two_factor_interval(values, resamples, n_networks, n_stimuli, draws)
        hits.append(interval.low <= 0 <= interval.high)
    assert 0.92 < np.mean(hits) < 0.99


def test_instance_bootstrap_is_too_narrow_for_few_networks_and_right_for_many():
    few, many = (resampling.instance_bootstrap(simulated_pairs(n, 0.0, 1000), n, 400, rng(1)) for n in (5, 40))
    assert 0.65 < coverage(few) < 0.87
    assert 0.90 < coverage(many) < 0.97


def test_pair_bootstrap_ignores_that_pairs_share_networks():
    assert coverage(resampling.pair_bootstrap(simulated_pairs(10, 0.0, 1000), 400, rng(1))) < 0.75
    independent = rng().normal(size=(1000, 45))
    assert 0.91 < coverage(resampling.pair_bootstrap(independent, 400, rng(1))) < 0.97


def simulated_study(draws, maps, n_per_category=20, n_categories=3):
    """Euclidean RDMs (N, P) of networks that map the same latent stimuli linearly, and the stimuli's categories."""
    categories = np.repeat(np.arange(n_categories), n_per_category)
    means = rng(99).normal(size=(n_categories, maps.shape[1]))
    stimuli = means[categories] + draws.normal(size=(categories.size, maps.shape[1]))
    return np.stack([pdist(stimuli @ network) for network in maps]), categories


def linear_maps(draws, n_networks, n_latents=6):
    """Maps that the networks share, and their own deviations from them."""
    return rng(98).normal(size=(n_latents, n_latents)) + 0.5 * draws.normal(size=(n_networks, n_latents, n_latents))


@pytest.mark.parametrize("kind", ["exemplar", "within_category"])
def test_stimulus_interval_covers_for_fixed_networks(kind):
    maps = linear_maps(rng(97), 3)
    estimates, intervals = [], []
    for simulation in range(200):
        vectors, categories = simulated_study(rng(simulation), maps)
        weights = np.vstack(
            [np.ones(categories.size), stimulus_resampling.stimulus_weights(categories, 200, rng(simulation))]
        )
        resamples = stimulus_resampling.resample_rdms(vectors, categories, weights)[kind]
        interval = resampling.stimulus_interval(resamples[0], resamples[1:])
        estimates.append(interval.mean)
        intervals.append((interval.low, interval.high))
    low, high = np.array(intervals).T
    truth = np.mean(estimates)
    assert 0.90 < np.mean((low <= truth) & (truth <= high)) < 0.99


def test_only_the_two_factor_interval_covers_when_networks_and_stimuli_are_new():
    n_networks = 10
    estimates, intervals = [], {"stimuli": [], "instances": [], "jackknife": [], "both": []}
    for simulation in range(200):
        draws = rng(simulation)
        vectors, categories = simulated_study(draws, linear_maps(draws, n_networks), n_per_category=10)
        weights = np.vstack([np.ones(categories.size), stimulus_resampling.stimulus_weights(categories, 200, draws)])
        resamples = stimulus_resampling.resample_rdms(vectors, categories, weights)["exemplar"]
        values, resamples = resamples[0], resamples[1:]
        for interval in (
            resampling.stimulus_interval(values, resamples),
            resampling.instance_bootstrap(values, n_networks, 200, draws),
            resampling.jackknife(values, n_networks, in_unit_interval=True),
            resampling.two_factor_interval(values, resamples, n_networks, categories.size, draws, bounds=(0, 1)),
        ):
            intervals[interval.method].append((interval.low, interval.high))
        estimates.append(values.mean())
    truth = np.mean(estimates)
    covered = {m: np.mean([low <= truth <= high for low, high in pairs]) for m, pairs in intervals.items()}
    assert 0.92 < covered.pop("both") < 0.99
    assert max(covered.values()) < 0.91


def test_keeping_self_pairs_inflates_within_category_consistency_and_dropping_them_does_not():
    categories = np.repeat(np.arange(3), 20)
    squares = [squareform(pdist(rng(seed).normal(size=(60, 100)))) for seed in (1, 2)]  # unrelated networks
    vectors = np.stack([squareform(square) for square in squares])
    weights = stimulus_resampling.stimulus_weights(categories, 100, rng())
    dropped = stimulus_resampling.resample_rdms(vectors, categories, weights)["within_category"].mean()

    kept = []
    for drawn in weights[:30].astype(int):
        index = np.repeat(np.arange(60), drawn)
        first, second = np.triu_indices(60, 1)
        within = categories[index[first]] == categories[index[second]]
        x, y = (square[index[first], index[second]][within] for square in squares)
        kept.append(np.corrcoef(x, y)[0, 1] ** 2)
    assert dropped < 0.02
    assert np.mean(kept) > 0.5


def test_all_groups_share_the_draws_of_stimuli():
    categories = np.repeat([0, 1], 5)
    drawn = stimulus_resampling.draws(categories, 20, seed=3)
    np.testing.assert_array_equal(drawn, stimulus_resampling.draws(categories, 20, seed=3))
    np.testing.assert_array_equal(drawn.reshape(20, 2, 5).sum(axis=-1), 5)
    assert (drawn != stimulus_resampling.draws(categories, 20, seed=4)).any()
    assert stimulus_resampling.draws(np.array([0, 0, 1]), 20, seed=3).shape == (0, 3)
