"""Comparison with RDMs from outside, against rsatoolbox, scipy and explicit loops."""

from itertools import combinations

import numpy as np
import pytest
import rsatoolbox
from rsatoolbox.rdm import RDMs
from scipy.spatial.distance import pdist

from manyseeds.comparison import outside

RNG = np.random.default_rng(0)
SQUARED = np.stack([pdist(RNG.normal(size=(9, 6)), "sqeuclidean") for _ in range(5)])
TIED = np.round(SQUARED)
THEIRS = {
    "pearson": "corr",
    "spearman": "spearman",
    "rho_a": "rho-a",
    "kendall_tau_a": "tau-a",
    "cosine": "cosine",
    "whitened_cosine": "cosine_cov",
}


def test_every_comparison_has_its_oracle():
    assert THEIRS.keys() == outside.COMPARISONS.keys()


@pytest.mark.parametrize("comparison", THEIRS)
@pytest.mark.parametrize("rdms", [SQUARED, TIED], ids=["untied", "tied"])
def test_comparisons_are_those_of_rsatoolbox(comparison, rdms):
    expected = rsatoolbox.rdm.compare(RDMs(rdms), RDMs(rdms), method=THEIRS[comparison])
    found = [[outside.compare(one, other, comparison) for other in rdms] for one in rdms]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_tau_a_counts_pairs_of_entries():
    one, other = TIED[0][:15], TIED[1][:15]
    signs = [np.sign(one[i] - one[j]) * np.sign(other[i] - other[j]) for i, j in combinations(range(15), 2)]
    assert outside.kendall_tau_a(one, other) == pytest.approx(np.mean(signs), abs=1e-12)


@pytest.mark.parametrize("comparison", [name for name in THEIRS if name != "whitened_cosine"])
def test_undefined_entries_are_left_out(comparison):
    one, other = SQUARED[0].copy(), SQUARED[1].copy()
    one[3], other[[3, 10]] = np.nan, np.nan
    kept = np.delete(np.arange(36), [3, 10])
    expected = outside.compare(SQUARED[0][kept], SQUARED[1][kept], comparison)
    assert outside.compare(one, other, comparison) == expected


def test_stimuli_without_dissimilarities_are_left_out_of_the_whitened_cosine():
    patterns = [RNG.normal(size=(9, 6)) for _ in range(2)]
    one, other = (pdist(each, "sqeuclidean") for each in patterns)
    i, j = np.triu_indices(9, 1)
    one[(i == 4) | (j == 4)] = np.nan
    expected = [pdist(np.delete(each, 4, axis=0), "sqeuclidean") for each in patterns]
    assert outside.compare(one, other, "whitened_cosine") == outside.compare(*expected, "whitened_cosine")


@pytest.mark.parametrize("comparison", THEIRS)
def test_what_does_not_vary_or_is_not_there_is_undefined(comparison):
    nothing = np.full(36, np.nan)
    assert np.isnan(outside.compare(SQUARED[0], np.zeros(36), comparison))
    assert np.isnan(outside.compare(SQUARED[0], nothing, comparison))
    if "cosine" not in comparison:
        constant = np.full(36, 0.1)  # its mean is another number, by rounding
        assert np.isnan(outside.compare(SQUARED[0], constant, comparison))
        theirs = outside.Outside("brain", ("a", "b"), np.stack([constant, SQUARED[1]]), np.arange(9))
        for known in (None, outside.numbers_of(SQUARED)):
            values, ensemble = outside.compare_networks(SQUARED, theirs, comparison, "correlation", known)
            assert np.isnan(values[:, 0]).all()
            assert np.isfinite([*values[:, 1], ensemble[1]]).all()
        several = outside.noise_ceiling(np.stack([constant, *SQUARED]), comparison)
        assert several == outside.noise_ceiling(SQUARED, comparison)


@pytest.mark.filterwarnings("ignore:Noise ceiling for tau")
@pytest.mark.parametrize("comparison", THEIRS)
def test_noise_ceilings_are_those_of_rsatoolbox(comparison):
    expected = rsatoolbox.inference.boot_noise_ceiling(RDMs(SQUARED), method=THEIRS[comparison])
    np.testing.assert_allclose(outside.noise_ceiling(SQUARED, comparison), expected, atol=1e-10)
    assert np.isnan(outside.noise_ceiling(SQUARED[:2], comparison)).all()
