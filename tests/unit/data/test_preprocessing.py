"""Preprocessing against plain numpy and scikit-learn's PCA, and the property whitening is named after."""

import numpy as np
import pytest
import torch

from manyseeds.data import preprocessing as subject
from manyseeds.data.preprocessing import (
    ZCA_EPSILON,
    fit_preprocessing,
    load_preprocessing,
    save_preprocessing,
    write_inputs,
)
from manyseeds.errors import StudyError
from manyseeds.models.torchvision_import import import_models


@pytest.fixture(scope="module")
def images():
    """Correlated colour images, uint8 (500, 6, 5, 3)."""
    rng = np.random.default_rng(1)
    smooth = rng.normal(size=(500, 90)) @ rng.normal(size=(90, 90)) * 6 + [[100, 120, 140] * 30]
    return smooth.clip(0, 255).astype(np.uint8).reshape(500, 6, 5, 3)


def test_gcn_is_one_mean_and_one_sd(images):
    values = images.astype(np.float64)
    inputs = fit_preprocessing("gcn", images).apply(images)
    assert inputs.dtype == np.float32
    assert inputs.flags.c_contiguous
    np.testing.assert_allclose(inputs, (values - values.mean()) / values.std(), atol=1e-6)


def test_channels_have_their_own_mean_and_sd(images):
    values = images.astype(np.float64)
    expected = (values - values.mean(axis=(0, 1, 2))) / values.std(axis=(0, 1, 2))
    np.testing.assert_allclose(fit_preprocessing("channel_mean_sd", images).apply(images), expected, atol=1e-6)


def test_zca_agrees_with_pca(images):
    """Whitening is PCA, a division by √(variance + ε), and the rotation back: here by scikit-learn, on other images."""
    from sklearn.decomposition import PCA

    train, others = images[:400], images[400:]
    mean, sd = train.mean(dtype=np.float64), train.std(dtype=np.float64)
    z_train, z_others = (((x - mean) / sd).reshape(len(x), -1) for x in (train, others))
    pca = PCA(svd_solver="full").fit(z_train)
    variance = pca.explained_variance_ * (len(train) - 1) / len(train)
    expected = pca.transform(z_others) / np.sqrt(variance + ZCA_EPSILON) @ pca.components_
    inputs = fit_preprocessing("gcn_zca", train).apply(others)
    np.testing.assert_allclose(inputs.reshape(len(others), -1), expected, rtol=1e-5, atol=1e-5)


def test_whitened_training_images_have_unit_covariance_and_stay_alike(images):
    fitted = fit_preprocessing("gcn_zca", images)
    features = fitted.apply(images).reshape(len(images), -1).astype(np.float64)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    variances = np.linalg.eigvalsh(np.cov(features.T, bias=True))
    assert variances.max() < 1 + 1e-6
    assert variances.min() > 0.95  # λ / (λ + ε): below 1 where the variance λ is small
    # Of all whitenings, ZCA's matrix is the symmetric positive one: whitened features stay closest to the originals.
    np.testing.assert_allclose(fitted.whitening, fitted.whitening.T, rtol=1e-9)
    assert np.linalg.eigvalsh(fitted.whitening).min() > 0


def test_a_feature_without_variance_stays_finite(images):
    flat = images.copy()
    flat[:, 0, 0, 0] = 9
    inputs = fit_preprocessing("gcn_zca", flat).apply(flat)
    assert np.isfinite(inputs).all()
    assert np.abs(inputs[:, 0, 0, 0]).max() < 1e-3


def test_the_fit_does_not_depend_on_chunks(images, monkeypatch):
    whole = fit_preprocessing("gcn_zca", images)
    monkeypatch.setattr(subject, "CHUNK_BYTES", 8 * 90 * 7)
    chunked = fit_preprocessing("gcn_zca", images)
    assert np.array_equal(whole.whitening, chunked.whitening)
    assert np.array_equal(whole.feature_mean, chunked.feature_mean)


@pytest.mark.parametrize("kind", ["gcn", "gcn_zca", "channel_mean_sd"])
def test_saved_loaded_and_applied_in_chunks(images, kind, tmp_path, monkeypatch):
    fitted = fit_preprocessing(kind, images)
    save_preprocessing(fitted, tmp_path / "p.safetensors")
    loaded = load_preprocessing(tmp_path / "p.safetensors")
    assert loaded.kind == kind
    assert np.array_equal(loaded.apply(images), fitted.apply(images))
    monkeypatch.setattr(subject, "CHUNK_BYTES", 8 * 90 * 7)
    write_inputs(loaded, images, tmp_path / "inputs.npy")
    inputs = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    assert inputs.flags.c_contiguous
    np.testing.assert_allclose(inputs, fitted.apply(images), rtol=1e-6, atol=1e-6)


def test_what_cannot_be_whitened_is_refused():
    with pytest.raises(StudyError, match=r"gcn_zca, but images have 4,107 features .* at most 4,096"):
        fit_preprocessing("gcn_zca", np.zeros((5000, 37, 37, 3), dtype=np.uint8))
    with pytest.raises(StudyError, match=r"there are 26 training images of 27 features"):
        fit_preprocessing("gcn_zca", np.zeros((26, 3, 3, 3), dtype=np.uint8))


def test_images_without_contrast_or_of_another_shape_are_refused(images, tmp_path):
    with pytest.raises(StudyError, match="no contrast"):
        fit_preprocessing("gcn", np.full((4, 2, 2, 1), 7, dtype=np.uint8))
    with pytest.raises(StudyError, match=r"images are \(5, 6, 3\) .* fitted to images of \(6, 5, 3\)"):
        fit_preprocessing("gcn", images).apply(images.transpose(0, 2, 1, 3))
    with pytest.raises(StudyError, match=r"data\.preprocessing is 'zca'; expected one of gcn,"):
        fit_preprocessing("zca", images)
    (tmp_path / "p.safetensors").write_bytes(b"nothing")
    with pytest.raises(StudyError, match=r"p\.safetensors is not a fitted preprocessing"):
        load_preprocessing(tmp_path / "p.safetensors")


@pytest.mark.parametrize(
    ("chosen", "mean", "sd"),
    [
        ("imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ({"mean": [0.5], "sd": [0.25]}, [0.5] * 3, [0.25] * 3),
    ],
)
def test_a_fixed_preprocessing_is_that_of_torchvision(images, chosen, mean, sd, tmp_path):
    import_models()  # torchvision imports with a CPU build of torch only after this
    from torchvision.transforms import v2

    expected = v2.functional.normalize(torch.from_numpy(images).permute(0, 3, 1, 2) / 255, mean, sd).permute(0, 2, 3, 1)
    fixed = subject.fixed_preprocessing(chosen, images.shape[1:])
    np.testing.assert_allclose(fixed.apply(images), expected.numpy(), atol=2e-6)
    save_preprocessing(fixed, tmp_path / "fixed.safetensors")
    np.testing.assert_array_equal(load_preprocessing(tmp_path / "fixed.safetensors").apply(images), fixed.apply(images))


def test_a_fixed_preprocessing_has_a_value_for_each_channel():
    with pytest.raises(
        StudyError, match="has 3 values of mean, but images have 1 channels; expected one value, or one"
    ):
        subject.fixed_preprocessing("imagenet", (8, 8, 1))
