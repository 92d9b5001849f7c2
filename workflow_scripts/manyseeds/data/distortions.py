"""Distortions of images, as Akbarinia & Gegenfurtner (2019) had them (methods 11).

Images are float64 in [0, 1], [n, height, width, channels]. Results are clipped to [0, 1], and not rounded. Draws of an
image depend on its place among the images of its split alone. So strengths are paired, and a subset changes nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from manyseeds.streams import generator
from manyseeds.study.distortions import NONE

Floats = NDArray[np.float64]

HIGHEST = 255
"""Largest pixel value."""

SMALLEST_WEIGHT = 1e-4
"""A blurring kernel ends where its weight is at most this share of the centre's."""

SPLIT_SEEDS = {"test": 0, "train": 1}
"""Seeds of the streams of test and training images: equal places in both have other draws."""


def distort(
    pixels: NDArray[np.uint8],
    positions: Sequence[int] | NDArray[np.int64],
    name: str,
    strength: float,
    *,
    seed: int,
    split: str = "test",
    level: int = 0,
) -> NDArray:
    """Return distorted images as pixel values from 0 to 255 in float64, not rounded.

    Parameters
    ----------
    pixels
        Uint8 [n, height, width, channels].
    positions
        Place of each image among all of its split [n], which addresses its draws.
    name, strength
        A key of `DISTORTIONS` with its strength, or `none`, which returns the pixels themselves.
    seed
        `distortions.seed` of the config.
    split
        `test` or `train`.
    level
        Place of the strength among those of the distortion. It addresses the draws of `poisson` alone.
    """
    if name == NONE:
        return pixels
    images = pixels.astype(np.float64) / HIGHEST
    if name in FILTERS:
        return np.clip(FILTERS[name](images, strength), 0, 1) * HIGHEST
    purpose, epoch = f"distortion/{name}", level if name == "poisson" else 0
    for image, place in zip(images, positions, strict=True):
        random = generator(seed, purpose, SPLIT_SEEDS[split], epoch=epoch, step=int(place))
        image[:] = NOISES[name](image, strength, random)
    return np.clip(images, 0, 1) * HIGHEST


# Noise: of one image [height, width, channels], with its generator.


def salt_pepper(image: Floats, share: float, random: np.random.Generator) -> Floats:
    """Set a share of the values to 0 or 1, each channel by itself."""
    hit, bright = random.random(image.shape) < share, random.random(image.shape) < 0.5
    return np.where(hit, bright.astype(np.float64), image)


def gaussian(image: Floats, variance: float, random: np.random.Generator) -> Floats:
    """Add Gaussian noise."""
    return image + np.sqrt(variance) * random.standard_normal(image.shape)


def speckle(image: Floats, variance: float, random: np.random.Generator) -> Floats:
    """Add Gaussian noise in proportion to the value."""
    return image + image * (np.sqrt(variance) * random.standard_normal(image.shape))


def poisson(image: Floats, events: float, random: np.random.Generator) -> Floats:
    """Draw a number of events for each value; a value of 1 expects `events` of them."""
    return random.poisson(events * image) / events


NOISES: dict[str, Callable[[Floats, float, np.random.Generator], Floats]] = {
    "salt_pepper": salt_pepper,
    "gaussian": gaussian,
    "speckle": speckle,
    "poisson": poisson,
}


# Filters: of images [n, height, width, channels]; strengths at which they change nothing return the images themselves.


def gamma(images: Floats, exponent: float) -> Floats:
    """Raise values to a power."""
    return images**exponent


def contrast(images: Floats, share: float) -> Floats:
    """Move values towards mid-grey; `share` of the contrast is left."""
    return (1 - share) / 2 + share * images


def illuminant(images: Floats, share: float) -> Floats:
    """Dim the red channel."""
    return images * np.array([share, 1.0, 1.0])


def blur(images: Floats, sigma: float) -> Floats:
    """Blur by a Gaussian; the border is mirrored without its edge."""
    if sigma == 0:
        return images
    radius = int(np.sqrt(-2 * np.log(SMALLEST_WEIGHT)) * sigma)
    if radius and np.exp(-(radius**2) / (2 * sigma**2)) <= SMALLEST_WEIGHT:
        radius -= 1
    return ndimage.gaussian_filter(images, sigma, radius=radius, axes=(1, 2), mode="mirror")


def chromaticity(images: Floats, share: float) -> Floats:
    """Scale both opponent axes of CIE Lab."""
    return _in_lab(images, (1.0, share, share))


def red_green(images: Floats, share: float) -> Floats:
    """Scale the axis a* of CIE Lab."""
    return _in_lab(images, (1.0, share, 1.0))


def yellow_blue(images: Floats, share: float) -> Floats:
    """Scale the axis b* of CIE Lab."""
    return _in_lab(images, (1.0, 1.0, share))


def lightness(images: Floats, share: float) -> Floats:
    """Move the lightness of CIE Lab towards 50; `share` of its contrast is left."""
    return _in_lab(images, (share, 1.0, 1.0), lift=50 * (1 - share))


FILTERS: dict[str, Callable[[Floats, float], Floats]] = {
    "gamma": gamma,
    "contrast": contrast,
    "illuminant": illuminant,
    "blur": blur,
    "chromaticity": chromaticity,
    "red_green": red_green,
    "yellow_blue": yellow_blue,
    "lightness": lightness,
}


# CIE Lab of sRGB images, D65 and 2 degrees. Constants and the order of steps are those of scikit-image.

XYZ_OF_RGB = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = np.array([0.95047, 1.0, 1.08883])


def _in_lab(images: Floats, factors: tuple[float, float, float], lift: float = 0.0) -> Floats:
    """Scale the axes of CIE Lab, and add to the lightness."""
    if factors == (1.0, 1.0, 1.0):
        return images
    return rgb_of_lab(lab_of_rgb(images) * np.array(factors) + np.array([lift, 0.0, 0.0]))


def lab_of_rgb(images: Floats) -> Floats:
    """Return CIE Lab [..., 3] of sRGB values [..., 3]."""
    linear = np.where(images > 0.04045, ((images + 0.055) / 1.055) ** 2.4, images / 12.92)
    relative = linear @ XYZ_OF_RGB.T / WHITE
    x, y, z = np.moveaxis(np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb_of_lab(lab: Floats) -> Floats:
    """Return sRGB values [..., 3] of CIE Lab [..., 3], clipped to [0, 1]."""
    y = (lab[..., 0] + 16) / 116
    roots = np.stack([y + lab[..., 1] / 500, y, np.maximum(y - lab[..., 2] / 200, 0)], axis=-1)
    relative = np.where(roots > 0.2068966, roots**3, (roots - 16 / 116) / 7.787)
    linear = (relative * WHITE) @ np.linalg.inv(XYZ_OF_RGB).T
    positive = np.maximum(linear, 0.0031308)  # where it is less, the other branch holds
    return np.clip(np.where(linear > 0.0031308, 1.055 * positive ** (1 / 2.4) - 0.055, 12.92 * linear), 0, 1)
