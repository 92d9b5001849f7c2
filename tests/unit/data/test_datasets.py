"""Data sets: official files or one sentence, the right splits, and the provenance of every image."""

import hashlib
import http.client
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import urllib.error

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from places import ROOT

from manyseeds.data import cifar10_archive
from manyseeds.data.cifar10 import OfficialFile, load_cifar10
from manyseeds.data.dataset import write_dataset
from manyseeds.data.digits import load_digits
from manyseeds.data.image_folder import Scaling, check_image_folder, load_image_folder, read_image
from manyseeds.data.sources import load_dataset
from manyseeds.errors import StudyError
from manyseeds.models.torchvision_import import import_models

N = 20  # records in a made-up batch


def packed(dataset, folder):
    """Write a data set and read it back: arrays by name, the index and the card."""
    arrays = ("train_images", "train_labels", "test_images", "test_labels")
    paths = {name: folder / f"{name}.npy" for name in arrays}
    write_dataset(dataset, **paths, index=folder / "index.parquet", card=folder / "card.json")
    card = json.loads((folder / "card.json").read_text())
    return {name: np.load(path) for name, path in paths.items()}, pd.read_parquet(folder / "index.parquet"), card


# --- digits


def test_digits_are_all_there_and_the_first_of_each_are_held_out(tmp_path):
    arrays, index, card = packed(load_digits(32, 100), tmp_path)
    assert arrays["train_images"].shape == (797, 32, 32, 1)
    assert arrays["test_images"].shape == (1000, 32, 32, 1)
    assert arrays["train_images"].dtype == np.uint8
    assert np.bincount(arrays["test_labels"]).tolist() == [100] * 10
    assert (card["n_train"], card["n_test"], card["n_lossless_test"]) == (797, 1000, 1000)
    assert sorted(index["source_index"]) == list(range(1797))  # disjoint, nothing left out
    test, train = (index[index["split"] == split].groupby("category")["source_index"] for split in ("test", "train"))
    assert (test.max() < train.min()).all()
    assert all(index[index["split"] == split]["source_index"].is_monotonic_increasing for split in ("test", "train"))


def test_digits_keep_labels_and_pixels_of_the_originals():
    from sklearn.datasets import load_digits as load_originals

    originals = load_originals()
    test = load_digits(32, 10).test
    (images,) = test.blocks()
    assert np.array_equal(test.labels, originals.target[test.source_index])
    # Bilinear enlargement by 4 keeps the mean over blocks away from the border nearly; a wrong image or scale does not.
    blocks = images[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4)) * 16 / 255
    for image, original in zip(blocks, originals.images[test.source_index], strict=True):
        assert np.corrcoef(image.ravel(), original.ravel())[0, 1] > 0.95
    assert images.max() == 255


def test_more_digits_than_there_are_names_key_category_and_count():
    with pytest.raises(StudyError, match=r"stimuli\.per_category is 174, but category '8' of digits has 174 images"):
        load_digits(32, 174)


def test_digits_have_a_test_split_where_stimuli_come_from_elsewhere(tmp_path):
    dataset = load_dataset("digits", root=tmp_path, download=False, image_size=16, held_out=None)
    assert (len(dataset.train), len(dataset.test), dataset.image_shape) == (797, 1000, (16, 16, 1))


# --- CIFAR-10


def test_a_root_that_is_no_folder_is_named_before_anything_is_downloaded(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="file cannot be written: File exists"):
        load_cifar10(tmp_path / "file", True)


def write_batches(root, n_batches=2, seed=0):
    """Made-up batches in a folder, and the table that makes them the official ones."""
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    official = {}
    for name in [*(f"data_batch_{b + 1}.bin" for b in range(n_batches)), "test_batch.bin"]:
        records = rng.integers(0, 256, (N, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(N) % 10
        data = records.tobytes()
        (folder / name).write_bytes(data)
        official[name] = OfficialFile(len(data), hashlib.sha1(data).hexdigest())
    return folder, official


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def test_cifar10_records_become_images(tmp_path):
    folder, official = write_batches(tmp_path)
    arrays, index, card = packed(load_cifar10(tmp_path, False, official=official), tmp_path)
    assert arrays["train_images"].shape == (2 * N, 32, 32, 3)
    for position, (name, record) in enumerate([("data_batch_1.bin", 3), ("data_batch_2.bin", 7)]):
        data = (folder / name).read_bytes()[3073 * record : 3073 * (record + 1)]
        row = record + N * position
        assert arrays["train_labels"][row] == data[0]
        for y, x, channel in ((0, 0, 0), (5, 31, 1), (31, 2, 2)):
            assert arrays["train_images"][row, y, x, channel] == data[1 + 1024 * channel + 32 * y + x]
        assert tuple(index.loc[row, ["source", "source_index"]]) == (f"cifar-10-batches-bin/{name}", record)
    assert card["test_is_official"] is True
    assert card["n_lossless_test"] == N
    assert all(file["official"] for file in card["files"])


def test_the_digest_follows_the_pixels(tmp_path):
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _, official = write_batches(tmp_path / name, seed=seed)
        digests.append(packed(load_cifar10(tmp_path / name, False, official=official), tmp_path)[2]["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_another_test_batch_is_flagged_and_its_lossless_images_counted(tmp_path):
    folder, official = write_batches(tmp_path)
    flip_a_bit(folder / "test_batch.bin")
    _, index, card = packed(load_cifar10(tmp_path, False, official=official), tmp_path)
    assert card["test_is_official"] is False
    assert card["n_lossless_test"] is None
    assert index[index["split"] == "test"]["lossless"].isna().all()
    (folder / "test_lossless.txt").write_text("7\n")
    _, index, card = packed(load_cifar10(tmp_path, False, official=official), tmp_path)
    assert card["n_lossless_test"] == 7
    assert index[index["split"] == "test"]["lossless"].tolist() == [True] * 7 + [False] * (N - 7)
    assert index[index["split"] == "train"]["lossless"].all()
    assert [file["official"] for file in card["files"]] == [True, True, False]
    assert "not the official file" in card["notes"][0]


@pytest.mark.parametrize("text", ["", "seven", "-1", "21"])
def test_a_lossless_count_that_is_none_is_refused(tmp_path, text):
    folder, official = write_batches(tmp_path)
    flip_a_bit(folder / "test_batch.bin")
    (folder / "test_lossless.txt").write_text(text)
    with pytest.raises(StudyError, match=rf"test_lossless\.txt holds '{text}'; expected .* 0 to 20"):
        load_cifar10(tmp_path, False, official=official)


@pytest.mark.parametrize("name", ["data_batch_2.bin", "test_batch.bin"])
def test_missing_and_truncated_batches_are_named(tmp_path, name):
    folder, official = write_batches(tmp_path)
    with (folder / name).open("r+b") as file:
        file.truncate(3073 * (N - 1))  # whole records, so only the size tells
    with pytest.raises(StudyError, match=rf"{name} has 58,387 bytes; the official file has 61,460"):
        load_cifar10(tmp_path, False, official=official)
    (folder / name).unlink()
    with pytest.raises(StudyError, match=f"{name} is missing"):
        load_cifar10(tmp_path, True, official=official)  # nothing is downloaded into a folder that is there


def test_altered_training_batches_are_named(tmp_path):
    folder, official = write_batches(tmp_path)
    flip_a_bit(folder / "data_batch_1.bin")
    with pytest.raises(StudyError, match=r"data_batch_1\.bin has SHA-1 \w{40}; the official file has"):
        load_cifar10(tmp_path, False, official=official)


def test_impossible_labels_are_refused(tmp_path):
    folder, official = write_batches(tmp_path)
    data = bytearray((folder / "test_batch.bin").read_bytes())
    data[0] = 10
    (folder / "test_batch.bin").write_bytes(data)
    with pytest.raises(StudyError, match=r"test_batch\.bin holds the label 10"):
        load_cifar10(tmp_path, False, official=official)


def test_without_network_one_sentence_says_what_to_place_where(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(cifar10_archive.urllib.request, "urlopen", no_network)
    with pytest.raises(StudyError, match=r"(?s)cannot be downloaded \(Name or .* place cifar-10-binary\.tar\.gz"):
        load_cifar10(tmp_path / "data", True)
    assert list((tmp_path / "data").iterdir()) == []
    with pytest.raises(StudyError, match=r"data\.download is false"):
        load_cifar10(tmp_path, False)


def make_archive(tmp_path, monkeypatch):
    """An archive of made-up batches that passes for the official one."""
    import tarfile

    folder, official = write_batches(tmp_path / "made")
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    monkeypatch.setattr(cifar10_archive, "ARCHIVE_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    return archive, official


def test_a_download_is_checked_and_unpacked(tmp_path, monkeypatch):
    archive, official = make_archive(tmp_path, monkeypatch)
    monkeypatch.setattr(cifar10_archive, "ARCHIVE_URL", archive.as_uri())
    root = tmp_path / "root"
    assert len(load_cifar10(root, True, official=official).train) == 2 * N
    assert [path.name for path in root.iterdir()] == ["cifar-10-batches-bin"]


class Response(io.BytesIO):
    """An answer of a server that ends with an error, or too early."""

    def __init__(self, content: bytes, error: Exception | None = None):
        super().__init__(content)
        self.error = error

    def read(self, size=-1):
        chunk = super().read(size)
        if not chunk and self.error:
            raise self.error
        return chunk


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (http.client.IncompleteRead(b"", 10), r"IncompleteRead\(0 bytes read, 10 more expected\)"),
        (TimeoutError("The read operation timed out"), "The read operation timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (http.client.BadStatusLine(""), "BadStatusLine"),
    ],
)
def test_a_download_that_breaks_off_is_told_with_its_reason(tmp_path, monkeypatch, error, reason):
    monkeypatch.setattr(cifar10_archive.urllib.request, "urlopen", lambda *_, **__: Response(b"half", error))
    with pytest.raises(StudyError, match=f"https://.* cannot be downloaded \\(.*{reason}.* run the same command again"):
        load_cifar10(tmp_path, True)
    assert list(tmp_path.iterdir()) == []


def test_a_download_of_something_else_is_named_by_its_address(tmp_path, monkeypatch):
    """Not by the temporary file that it was, which is gone."""
    monkeypatch.setattr(cifar10_archive.urllib.request, "urlopen", lambda *_, **__: Response(b"half"))
    with pytest.raises(StudyError, match=r"^the download of https://\S+ has 4 bytes and SHA-256 .* Fetch it again.$"):
        load_cifar10(tmp_path, True)
    assert list(tmp_path.iterdir()) == []


def test_a_download_without_room_names_the_folder(tmp_path, monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(cifar10_archive.urllib.request, "urlopen", lambda *_, **__: Response(bytes(10_000)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(StudyError, match=rf"^{tmp_path} cannot be written: File too large"):
            load_cifar10(tmp_path, True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time, urllib.request
from pathlib import Path

from manyseeds.data.cifar10 import load_cifar10


class Response:
    def read(self, size):
        print("reading", flush=True)
        time.sleep(60)

    __enter__ = lambda self: self
    __exit__ = lambda *_: None


urllib.request.urlopen = lambda *_, **__: Response()
load_cifar10(Path(sys.argv[1]), True, report=lambda line: None)
"""


def test_a_killed_download_leaves_nothing_for_long(tmp_path, monkeypatch):
    archive, official = make_archive(tmp_path, monkeypatch)
    monkeypatch.setattr(cifar10_archive, "ARCHIVE_URL", archive.as_uri())
    root, environment = tmp_path / "root", os.environ | {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    command = [sys.executable, "-c", KILLED, str(root)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "reading\n"
        process.kill()
    assert len(list(root.iterdir())) > 0
    load_cifar10(root, True, official=official)
    assert [path.name for path in root.iterdir()] == ["cifar-10-batches-bin"]


def test_an_archive_in_place_is_unpacked_without_network(tmp_path, monkeypatch):
    archive, official = make_archive(tmp_path, monkeypatch)
    root = tmp_path / "root"
    root.mkdir()
    target = root / "cifar-10-binary.tar.gz"
    target.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(StudyError, match=r"/cifar-10-binary\.tar\.gz has [0-9,]+ bytes and SHA-256"):
        load_cifar10(root, False, official=official)
    target.write_bytes(archive.read_bytes())
    assert len(load_cifar10(root, False, official=official).test) == N


def test_cifar10_is_not_resized(tmp_path):
    with pytest.raises(StudyError, match=r"data\.image_size is 64"):
        load_dataset("cifar10", root=tmp_path, download=False, image_size=64, held_out=None)


# --- folders of images


@pytest.fixture
def tree(tmp_path):
    """Two categories of colour, grey, palette and transparent images of odd sizes."""
    root = tmp_path / "tree"
    colour = np.zeros((31, 50, 3), dtype=np.uint8)
    colour[:, :, 0] = 200
    files = {
        "train/cat/b.png": Image.fromarray(colour),
        "train/cat/a/deep.JPEG": Image.fromarray(colour),
        "train/dog/grey.png": Image.fromarray(np.full((9, 7), 77, dtype=np.uint8)),
        "train/dog/palette.png": Image.fromarray(colour).convert("P"),
        "train/dog/transparent.png": Image.fromarray(colour).convert("RGBA"),
        "val/cat/one.png": Image.fromarray(colour),
        "val/dog/two.png": Image.fromarray(colour),
    }
    for name, image in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / name)
    (root / "train/cat/notes.txt").write_text("no image")
    (root / "train/cat/.hidden.png").write_bytes(b"no image")
    return root


def test_a_folder_becomes_images_of_one_size(tree, tmp_path):
    arrays, index, card = packed(load_image_folder(tree, 16), tmp_path)
    assert card["categories"] == ["cat", "dog"]
    assert (card["n_train"], card["n_test"]) == (5, 2)
    assert arrays["train_images"].shape == (5, 16, 16, 3)
    names = ["train/cat/a/deep.JPEG", "train/cat/b.png"]
    names += [f"train/dog/{name}.png" for name in ("grey", "palette", "transparent")]
    assert index[index["split"] == "train"]["source"].tolist() == names
    assert arrays["train_labels"].tolist() == [0, 0, 1, 1, 1]
    for row in (1, 3, 4):
        assert np.abs(arrays["train_images"][row].astype(int) - [200, 0, 0]).max() <= 10, names[row]
    assert (arrays["train_images"][2] == 77).all()


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(83, 61), (61, 83), (50, 50)])
def test_images_are_scaled_and_cut_as_torchvision_does(size, interpolation, tmp_path):
    import_models()  # torchvision imports with a CPU build of torch only after this
    from torchvision import transforms

    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    method = transforms.InterpolationMode(interpolation)
    expected = transforms.Compose([transforms.Resize(40, method), transforms.CenterCrop(32)])(Image.fromarray(pixels))
    found = read_image(tmp_path / "image.png", 32, 3, scaling=Scaling(40, interpolation))
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_a_folder_without_training_images_is_read_where_nothing_is_trained(tree, tmp_path):
    shutil.rmtree(tree / "train")
    with pytest.raises(StudyError, match=r"is not an image folder; expected train/<category>/\*"):
        load_image_folder(tree, 16)
    arrays, index, card = packed(load_image_folder(tree, 16, needs_training=False), tmp_path)
    assert card["categories"] == ["cat", "dog"]
    assert (card["n_train"], card["n_test"]) == (0, 2)
    assert arrays["train_images"].shape == (0, 16, 16, 3)
    assert index["split"].tolist() == ["test", "test"]


def test_images_are_cropped_at_the_centre_not_squeezed(tmp_path):
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert (read_image(tmp_path / "wide.png", 10, 3) == 255).all()
    assert read_image(tmp_path / "wide.png", 10, 1).shape == (10, 10, 1)


def test_images_that_cannot_be_read_are_named(tree, tmp_path):
    path = tree / "train/dog/palette.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StudyError, match=r"palette\.png cannot be read as an image"):
        packed(load_image_folder(tree, 16), tmp_path)
    assert not (tmp_path / "card.json").exists()
    path.write_text("no image at all")
    with pytest.raises(StudyError, match=r"palette\.png cannot be read as an image"):
        packed(load_image_folder(tree, 16), tmp_path)
    Image.fromarray(np.full((8, 8), 40000, dtype=np.uint16)).save(path)
    with pytest.raises(StudyError, match=r"palette\.png has more than 8 bits"):
        packed(load_image_folder(tree, 16), tmp_path)


def test_a_folder_of_colour_images_becomes_grey_for_a_study_of_grey_ones(tree, tmp_path):
    arrays, _, card = packed(load_image_folder(tree, 16, channels=1), tmp_path)
    assert card["image_shape"] == [16, 16, 1]
    assert arrays["train_images"].shape == (5, 16, 16, 1)
    assert (arrays["train_images"][2] == 77).all()
    assert np.abs(arrays["train_images"][1].astype(int) - round(0.299 * 200)).max() <= 1


@pytest.mark.parametrize(
    "read", [lambda tree: load_image_folder(tree, 16), lambda tree: check_image_folder(tree, "data.root")]
)
def test_trees_that_do_not_fit_are_refused(read, tree, tmp_path):
    read(tree)
    with pytest.raises(StudyError, match=r"data\.root: .* is not an image folder; expected train/<category>/\*"):
        read(tmp_path)
    (tree / "val/dog/two.png").rename(tree / "val/dog/two.txt")
    with pytest.raises(StudyError, match=r"val/dog holds no images"):
        read(tree)
    shutil.rmtree(tree / "val/dog")
    with pytest.raises(StudyError, match="found category 'dog' only in train"):
        read(tree)
    shutil.rmtree(tree / "train/dog")
    with pytest.raises(StudyError, match="found only the category 'cat', expected at least 2"):
        read(tree)
    (tree / "train").rename(tree / "training")
    with pytest.raises(StudyError, match="is not an image folder"):
        read(tree)


def test_what_is_left_out_or_read_in_part_is_told_and_noted_in_the_card(tree, tmp_path):
    picture = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    (tree / "train/cat/.thumbnails").mkdir()
    (tree / "train/.trash").mkdir()
    (tree / "train/.git").mkdir()
    for name in ("train/cat/.thumbnails/b.png", "train/.trash/c.png", "train/cat/b.gif"):
        picture.save(tree / name)
    (tree / "train/.git/config").touch()
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("train/cat/turned.jpg", "train/dog/turned.jpg"):
        Image.fromarray(np.zeros((8, 16, 3), dtype=np.uint8)).save(tree / name, exif=exif)
    picture.save(tree / "val/dog/two.png", save_all=True, append_images=[picture.rotate(180)])
    dataset = load_image_folder(tree, 16)
    _, index, card = packed(dataset, tmp_path)
    assert dataset.remarks() == [
        f"Left out, hidden folders of images: 2, such as {tree}/train/.trash.",
        f"Left out, images of other formats: 1, such as {tree}/train/cat/b.gif.",
        f"Read as they are stored, images with an EXIF orientation, which is not applied: 2, such as {tree}/train/cat/"
        "turned.jpg.",
        f"Read the first frame only, images with several frames: 1, such as {tree}/val/dog/two.png.",
    ]
    assert card["notes"][-4:] == dataset.remarks()
    assert not index["source"].str.contains("thumbnails|trash|gif").any()


def test_a_tree_without_surprises_has_no_remarks(tree, tmp_path):
    dataset = load_image_folder(tree, 16)
    packed(dataset, tmp_path)
    assert list(dataset.remarks()) == []


@pytest.mark.parametrize(
    ("link", "target", "sentence"),
    [
        ("train/wolf", "train/dog", r"train/dog/grey\.png and .*train/wolf/grey\.png are one file, by links"),
        ("train/dog/again.png", "train/cat/b.png", r"train/cat/b\.png and .*train/dog/again\.png are one file"),
        ("train/dog/more", "train/cat/a", r"train/cat/a/deep\.JPEG and .*train/dog/more/deep\.JPEG are one file"),
        ("train/Cat", None, r"train: the categories 'Cat' and 'cat' differ in case alone; rename one\."),
    ],
)
def test_categories_that_are_one_by_links_or_but_for_case_are_refused(link, target, sentence, tree):
    (tree / link).symlink_to(tree / target) if target else (tree / link).mkdir()
    with pytest.raises(StudyError, match=sentence):
        load_image_folder(tree, 16)


def test_a_folder_of_images_that_is_linked_into_place_is_read(tree, tmp_path):
    (tmp_path / "linked/val").mkdir(parents=True)
    (tmp_path / "linked/train").symlink_to(tree / "train")
    for category in ("cat", "dog"):
        (tmp_path / "linked/val" / category).symlink_to(tree / "val" / category)
    assert len(load_image_folder(tmp_path / "linked", 16).train) == 5
