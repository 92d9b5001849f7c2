"""Preprocessing of images, fitted once on a whole training set, or fixed (methods 3).

* `gcn`: (x - mean) / SD, one mean and one SD over all pixels of the training set.
* `channel_mean_sd`: the same for each colour channel.
* `gcn_zca`: `gcn`, then ZCA whitening (Bell & Sejnowski 1997): (z - feature mean) U (Λ + ε)^(-1/2) Uᵀ, where U Λ Uᵀ is
  the covariance of the features over the training set.
* `fixed`: the mean and SD of each channel are given, as for networks that were trained elsewhere.

All fits use float64 sums of whole numbers, which are exact. A fit therefore does not depend on how the images are cut
into chunks.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk

from manyseeds.errors import StudyError
from manyseeds.io import tensors
from manyseeds.io.npy import write_npy

ZCA_EPSILON = 1e-5
ZCA_MAX_FEATURES = 4096
CHUNK_BYTES = 32 * 2**20  # of float64; bounds the memory for images of any size


@dataclass(frozen=True)
class Preprocessing:
    """A fitted preprocessing.

    Attributes
    ----------
    kind
        `gcn`, `gcn_zca`, `channel_mean_sd` or `fixed`.
    image_shape
        (height, width, channels) it was fitted to.
    mean, sd
        Float64 (1,) or (channels,), in pixel values 0 to 255.
    feature_mean
        Float64 (features,), of the standardised training images; `gcn_zca` only.
    whitening
        Float64 (features, features), symmetric; `gcn_zca` only.
    """

    kind: str
    image_shape: tuple[int, int, int]
    mean: NDArray
    sd: NDArray
    feature_mean: NDArray | None = None
    whitening: NDArray | None = None

    def apply(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Preprocess images.

        Parameters
        ----------
        images
            Uint8 (n, height, width, channels).

        Returns
        -------
        array
            Float32 of the same shape, C order; computed in float64.

        Raises
        ------
        StudyError
            If the images have another shape than those it was fitted to.
        """
        if tuple(images.shape[1:]) != self.image_shape:
            raise StudyError(
                f"images are {tuple(images.shape[1:])} (height, width, channels), "
                f"but preprocessing was fitted to images of {self.image_shape}."
            )
        standardised = (images - self.mean) / self.sd
        if self.whitening is None:
            return standardised.astype(np.float32)
        assert self.feature_mean is not None  # fitted with the whitening
        features = standardised.reshape(len(images), -1) - self.feature_mean
        return (features @ self.whitening).reshape(images.shape).astype(np.float32)


def fit_preprocessing(kind: str | Mapping, images: NDArray) -> Preprocessing:
    """Fit a preprocessing to the training images, or return a fixed one.

    Parameters
    ----------
    kind
        A key of `PREPROCESSINGS`, or what `fixed_preprocessing` takes.
    images
        Uint8 (n, height, width, channels); may be memory-mapped. A fixed preprocessing needs only their shape.

    Raises
    ------
    StudyError
        If the kind is unknown, or the images have no contrast. For `gcn_zca`, also if there are more than 4096
        features, or fewer images than features: the covariance would lack full rank, and whitening would amplify noise.
    """
    if not isinstance(kind, str) or kind == "imagenet":
        return fixed_preprocessing(kind, images.shape[1:])
    if kind not in PREPROCESSINGS:
        raise StudyError(f"data.preprocessing is {kind!r}; expected one of {', '.join(PREPROCESSINGS)}.")
    return PREPROCESSINGS[kind](images)


IMAGENET = {"mean": (0.485, 0.456, 0.406), "sd": (0.229, 0.224, 0.225)}
"""Mean and SD of the red, green and blue values of ImageNet, as torchvision and timm give them."""


def fixed_preprocessing(chosen: str | Mapping, image_shape: Sequence[int]) -> Preprocessing:
    """Return a preprocessing that is not fitted.

    Parameters
    ----------
    chosen
        `imagenet`, or a mapping with `mean` and `sd`: one for all channels or one for each, of values from 0 to 1.
    image_shape
        Height, width and channels of an image.

    Raises
    ------
    StudyError
        If the numbers of values and channels differ.
    """
    values = IMAGENET if isinstance(chosen, str) else chosen
    arrays = {name: 255 * np.asarray(values[name], dtype=np.float64) for name in ("mean", "sd")}
    for name, array in arrays.items():
        if len(array) not in (1, image_shape[-1]):
            raise StudyError(
                f"data.preprocessing has {len(array)} values of {name}, but images have {image_shape[-1]} channels; "
                "expected one value, or one for each channel."
            )
    height, width, channels = (int(size) for size in image_shape)
    return Preprocessing("fixed", (height, width, channels), **arrays)


def _fit_gcn(images: NDArray) -> Preprocessing:
    mean, sd = _mean_and_sd(_value_counts(images).sum(axis=0, keepdims=True))
    return Preprocessing("gcn", tuple(images.shape[1:]), mean, sd)


def _fit_channel_mean_sd(images: NDArray) -> Preprocessing:
    mean, sd = _mean_and_sd(_value_counts(images))
    return Preprocessing("channel_mean_sd", tuple(images.shape[1:]), mean, sd)


def _fit_gcn_zca(images: NDArray) -> Preprocessing:
    _check_zca_is_possible(images)
    gcn = _fit_gcn(images)
    pixel_mean, pixel_covariance = _moments(images)
    whitening = _inverse_square_root(pixel_covariance / gcn.sd**2)
    return Preprocessing("gcn_zca", gcn.image_shape, gcn.mean, gcn.sd, (pixel_mean - gcn.mean) / gcn.sd, whitening)


PREPROCESSINGS: dict[str, Callable[[NDArray], Preprocessing]] = {
    "gcn": _fit_gcn,
    "gcn_zca": _fit_gcn_zca,
    "channel_mean_sd": _fit_channel_mean_sd,
}


def _check_zca_is_possible(images: NDArray) -> None:
    n_images, n_features = len(images), int(np.prod(images.shape[1:]))
    if n_features > ZCA_MAX_FEATURES:
        raise StudyError(
            f"data.preprocessing is gcn_zca, but images have {n_features:,} features (height x width x channels); "
            f"expected at most {ZCA_MAX_FEATURES:,}: use channel_mean_sd or smaller images."
        )
    if n_images < n_features:
        raise StudyError(
            f"data.preprocessing is gcn_zca, but there are {n_images:,} training images of {n_features:,} features; "
            "expected at least as many images as features: use gcn."
        )


def _chunks(images: NDArray) -> Iterator[NDArray]:
    """Yield consecutive images in chunks of `CHUNK_BYTES` in float64."""
    step = max(1, CHUNK_BYTES // (8 * int(np.prod(images.shape[1:]))))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def _value_counts(images: NDArray) -> NDArray:
    """Return how often each pixel value occurs in each channel: int64 (channels, 256)."""
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    for chunk in _chunks(images):
        for channel in range(images.shape[-1]):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    return counts


def _mean_and_sd(counts: NDArray) -> tuple[NDArray, NDArray]:
    """Return mean and population SD, both (groups,), of pixel values counted in (groups, 256)."""
    values = np.arange(256, dtype=np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ values
    sd = np.sqrt((shares * (values - mean[:, np.newaxis]) ** 2).sum(axis=1))
    if not sd.all():
        raise StudyError("the training images have no contrast: all their pixel values (of a channel) are equal.")
    return mean, sd


def _moments(images: NDArray) -> tuple[NDArray, NDArray]:
    """Return the mean (features,) and covariance (features, features; divisor n) of the pixel values.

    Sums of products of 8-bit values are whole numbers below 2**53 for any data set that fits on a disk. Float64 holds
    them exactly, so centring after summing loses nothing.
    """
    n_images, n_features = len(images), int(np.prod(images.shape[1:]))
    total = np.zeros(n_features)
    products = np.zeros((n_features, n_features), order="F")
    for chunk in _chunks(images):
        features = chunk.reshape(len(chunk), n_features).astype(np.float64)
        total += features.sum(axis=0)
        products = dsyrk(1.0, features.T, beta=1.0, c=products, overwrite_c=True)  # the upper triangle
    mean = total / n_images
    covariance = np.triu(products) / n_images - np.triu(np.outer(mean, mean))
    return mean, covariance + np.triu(covariance, 1).T


def _inverse_square_root(covariance: NDArray) -> NDArray:
    """Return U (Λ + ε)^(-1/2) Uᵀ for a covariance matrix U Λ Uᵀ."""
    values, vectors = eigh(covariance, overwrite_a=True, check_finite=False)
    # Rounding may turn eigenvalues of 0 into about -1e-15.
    scale = 1 / np.sqrt(np.maximum(values, 0) + ZCA_EPSILON)
    return (vectors * scale) @ vectors.T


def save_preprocessing(preprocessing: Preprocessing, path: Path) -> None:
    """Save a fitted preprocessing as safetensors: its arrays, and its kind and image shape as metadata."""
    arrays = {"mean": preprocessing.mean, "sd": preprocessing.sd}
    if preprocessing.whitening is not None:
        arrays |= {"feature_mean": preprocessing.feature_mean, "whitening": preprocessing.whitening}
    metadata = {"kind": preprocessing.kind, "image_shape": json.dumps(preprocessing.image_shape)}
    tensors.write(path, {name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata)


def load_preprocessing(path: Path) -> Preprocessing:
    """Load a preprocessing that `save_preprocessing` saved.

    Raises
    ------
    StudyError
        If the file cannot be read as a preprocessing.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return Preprocessing(metadata["kind"], tuple(json.loads(metadata["image_shape"])), **arrays)
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise StudyError(f"{path} is not a fitted preprocessing ({error}); delete it and run again.") from error


def write_inputs(preprocessing: Preprocessing, images: NDArray, path: Path) -> None:
    """Preprocess any number of images into an NPY file, chunk by chunk.

    Parameters
    ----------
    preprocessing
        The fitted preprocessing.
    images
        Uint8 (n, height, width, channels); may be memory-mapped. Float32 images are already preprocessed and are only
        copied.
    path
        Written as float32 of the same shape, C order.
    """
    chunks = (chunk if chunk.dtype == np.float32 else preprocessing.apply(chunk) for chunk in _chunks(images))
    write_npy(path, chunks, images.shape, np.float32)
