"""What timm states about preprocessing, against the transforms that timm makes of it."""

import numpy as np
import pytest
from libraries import timm
from PIL import Image

from manyseeds.data.image_folder import Scaling, read_image
from manyseeds.data.preprocessing import fixed_preprocessing
from manyseeds.errors import StudyError
from manyseeds.models import timm_preprocessing as subject

TIMM = timm()


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "vgg11"])
def test_images_are_prepared_as_timm_prepares_them(name, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (300, 260, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    config = TIMM.data.resolve_data_config({}, pretrained_cfg=TIMM.get_pretrained_cfg(name).to_dict())
    expected = TIMM.data.create_transform(**config)(Image.fromarray(pixels)).permute(1, 2, 0).numpy()
    found = subject.stated(name)
    side, scaling = found["image_size"], Scaling(found["resize"], found["interpolation"])
    image = read_image(tmp_path / "image.png", side, 3, scaling=scaling)
    inputs = fixed_preprocessing(found, (side, side, 3)).apply(image[np.newaxis])[0]
    np.testing.assert_allclose(inputs, expected, atol=2e-6)


def test_networks_of_one_study_need_one_mean_and_sd():
    assert subject.agreed(["resnet18", "vgg11"])["mean"] == [0.485, 0.456, 0.406]
    sentence = (
        r"timm states the mean \[0.485, 0.456, 0.406\] for resnet18 and \[0.5, 0.5, 0.5\] for vit_tiny_patch16_224;"
    )
    with pytest.raises(StudyError, match=sentence):
        subject.agreed(["resnet18", "vgg11", "vit_tiny_patch16_224"])
    with pytest.raises(StudyError, match=r"timm [\d.]+ has no network 'resnet_of_mine'"):
        subject.agreed(["resnet_of_mine"])


def test_another_scaling_is_told():
    stated = subject.stated("vgg11")
    assert (stated["image_size"], stated["resize"]) == (224, 256)
    assert subject.difference(stated, stated) is None
    own = {"image_size": 64, "resize": None, "interpolation": stated["interpolation"]}
    told = "timm states image_size 224, resize 256; this study has image_size 64, resize None."
    assert subject.difference(stated, own) == told
