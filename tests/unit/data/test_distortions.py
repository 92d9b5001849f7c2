"""Distortions against scikit-image and scipy, and their draws."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import color, util

from manyseeds.data import distortions
from manyseeds.data.distortions import distort
from manyseeds.streams import generator
from manyseeds.study.distortions import DISTORTIONS, all_names, default_strengths, why_wrong

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 9, 8, 3), dtype=np.uint8)
PLACES = [0, 3, 7, 12]
UNIT = PIXELS / 255

UNCHANGED = {"gamma": 1, "contrast": 1, "illuminant": 1, "blur": 0.1, "chromaticity": 1, "red_green": 1}
UNCHANGED |= {"yellow_blue": 1, "lightness": 1, "salt_pepper": 0, "gaussian": 0, "speckle": 0}


def distorted(name, strength, places=PLACES, **options):
    return distort(PIXELS, places, name, strength, seed=0, **options)


def normals(name):
    return np.stack([generator(0, f"distortion/{name}", 0, step=place).standard_normal((9, 8, 3)) for place in PLACES])


def test_all_are_named_once():
    assert {*distortions.NOISES, *distortions.FILTERS} == set(DISTORTIONS)
    assert distorted("none", 0) is PIXELS


@pytest.mark.parametrize(("name", "strength"), UNCHANGED.items())
def test_strengths_that_change_nothing_leave_every_bit(name, strength):
    np.testing.assert_array_equal(distorted(name, strength), UNIT * 255)


@pytest.mark.parametrize(("name", "mode"), [("gaussian", "gaussian"), ("speckle", "speckle")])
def test_noise_is_that_of_scikit_image_with_our_draws(name, mode):
    class Drawn:
        """A generator whose normals are ours."""

        def normal(self, mean, deviation, shape):
            return mean + deviation * normals(name).reshape(shape)

    class Given(np.random.Generator):
        normal = Drawn.normal

    expected = util.random_noise(UNIT, mode, rng=Given(np.random.PCG64(0)), var=0.02, clip=True)
    np.testing.assert_allclose(distorted(name, 0.02), expected * 255, atol=1e-10)


def test_noise_is_clipped_after_it_is_added():
    expected = np.clip(UNIT + 0.5 * normals("gaussian"), 0, 1) * 255
    np.testing.assert_allclose(distorted("gaussian", 0.25), expected)
    assert {0, 255} <= set(expected.ravel())


def test_salt_and_pepper_hits_a_share_of_values_with_both():
    many = np.full((200, 9, 8, 3), 128, np.uint8)
    found = distort(many, range(200), "salt_pepper", 0.1, seed=0)
    assert np.mean(found != 128) == pytest.approx(0.1, abs=0.006)
    assert set(np.unique(found.round(6))) == {0, 128, 255}
    assert np.mean(found[found != 128] == 255) == pytest.approx(0.5, abs=0.03)
    weaker = distort(many, range(200), "salt_pepper", 0.05, seed=0)
    assert (found[weaker != 128] == weaker[weaker != 128]).all()  # strengths are paired


def test_poisson_noise_has_its_variance_and_its_own_draws_for_each_strength():
    many = np.full((200, 9, 8, 3), 128, np.uint8)
    found = distort(many, range(200), "poisson", 256, seed=0) / 255
    assert found.mean() == pytest.approx(128 / 255, abs=1e-3)
    assert found.var() == pytest.approx(128 / 255 / 256, rel=0.03)
    np.testing.assert_allclose(found * 256, np.round(found * 256), atol=1e-9)
    assert (distort(many, range(200), "poisson", 256, seed=0, level=1) / 255 != found).any()


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.7, 0.9, 2])
def test_blur_is_a_normalised_gaussian_with_a_mirrored_border(sigma):
    radius = max(j for j in range(40) if np.exp(-(j**2) / (2 * sigma**2)) > 1e-4)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    expected = UNIT
    for axis in (1, 2):
        expected = ndimage.correlate1d(expected, weights / weights.sum(), axis=axis, mode="mirror")
    np.testing.assert_allclose(distorted("blur", sigma), expected * 255, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "factors", "lift"),
    [
        ("chromaticity", (1, 0.3, 0.3), 0),
        ("red_green", (1, 0.3, 1), 0),
        ("yellow_blue", (1, 1, 0.3), 0),
        ("lightness", (0.3, 1, 1), 35),
    ],
)
def test_distortions_in_lab_are_those_of_scikit_image(name, factors, lift):
    lab = color.rgb2lab(UNIT) * factors + [lift, 0, 0]
    expected = color.lab2rgb(lab)
    np.testing.assert_allclose(distorted(name, 0.3) / 255, np.clip(expected, 0, 1), atol=1e-6)
    np.testing.assert_allclose(distortions.lab_of_rgb(UNIT), color.rgb2lab(UNIT), atol=1e-6)


def test_gamma_contrast_and_illuminant_are_their_formulas():
    np.testing.assert_allclose(distorted("gamma", 2), UNIT**2 * 255)
    np.testing.assert_allclose(distorted("contrast", 0.3), (0.35 + 0.3 * UNIT) * 255)
    found = distorted("illuminant", 0.25)
    np.testing.assert_allclose(found[..., 0], 0.25 * PIXELS[..., 0])
    np.testing.assert_allclose(found[..., 1:], PIXELS[..., 1:])


@pytest.mark.parametrize("name", distortions.NOISES)
def test_the_noise_of_an_image_does_not_depend_on_the_others(name):
    strength = default_strengths(name, "a19")[0]
    together = distorted(name, strength)
    alone = distort(PIXELS[2:3], [7], name, strength, seed=0)
    np.testing.assert_array_equal(together[2:3], alone)
    for other in (
        distort(PIXELS[2:3], [8], name, strength, seed=0),
        distort(PIXELS[2:3], [7], name, strength, seed=1),
        distort(PIXELS[2:3], [7], name, strength, seed=0, split="train"),
    ):
        assert (other != alone).any()


def test_presets_leave_out_colour_for_grey_images():
    grey = all_names("a19", colour=False)
    assert grey == ["salt_pepper", "gaussian", "speckle", "poisson", "gamma", "contrast", "blur"]
    assert len(all_names("a19", colour=True)) == 12
    assert "lightness" not in all_names("whitened", colour=True)
    assert default_strengths("lightness", "whitened") == (0, 0.1, 0.25, 0.5)
    for name in DISTORTIONS:
        assert why_wrong(name, default_strengths(name, "a19")) is None
        assert why_wrong(name, default_strengths(name, "whitened")) is None


@pytest.mark.parametrize(
    ("name", "strengths", "words"),
    [
        ("salt_pepper", [0.1, 1.5], "found 1.5, expected numbers from 0 to 1"),
        ("gaussian", [-0.1], "found -0.1, expected numbers from 0"),
        ("gamma", [0], "found 0, expected numbers above 0"),
        ("poisson", [0], "above 0"),
        ("blur", [-1], "from 0"),
        ("blur", [0.5, 0.5], "found 0.5, 0.5, expected increasing numbers"),
        ("blur", [0.7, 0.5], "increasing"),
    ],
)
def test_impossible_strengths_are_named(name, strengths, words):
    assert words in (why_wrong(name, strengths) or "")
