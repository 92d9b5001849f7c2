"""Files of images, damaged in every way: each is refused in one sentence, or its pixels are those that it holds."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from fuzzing import accepted, damaged, fuzzed
from hypothesis import strategies as st
from PIL import Image

from manyseeds.data.cifar10 import OfficialFile, load_cifar10
from manyseeds.data.dataset import write_dataset
from manyseeds.data.image_folder import load_image_folder, read_image, read_images
from manyseeds.data.stimuli import stimuli_from_folder

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # what Pillow thinks of damaged tags

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
RECORD = 3073


def packed(dataset, folder: Path) -> dict[str, np.ndarray]:
    """Write a data set as the workflow does, and read its arrays."""
    paths = {name: folder / f"{name}.npy" for name in ARRAYS}
    write_dataset(dataset, **paths, index=folder / "index.parquet", card=folder / "card.json")
    return {name: np.load(path) for name, path in paths.items()}


# CIFAR-10


def batch(n: int, seed: int) -> bytes:
    records = np.random.default_rng(seed).integers(0, 256, (n, RECORD), dtype=np.uint8)
    records[:, 0] = np.arange(n) % 10
    return records.tobytes()


BATCHES = {"data_batch_1.bin": batch(4, 0), "data_batch_2.bin": batch(3, 1), "test_batch.bin": batch(4, 2)}
OFFICIAL = {name: OfficialFile(len(data), hashlib.sha1(data).hexdigest()) for name, data in BATCHES.items()}
TRAIN = np.frombuffer(BATCHES["data_batch_1.bin"] + BATCHES["data_batch_2.bin"], np.uint8).reshape(-1, RECORD)
LOSSLESS = st.sampled_from(
    [b"0", b"2\n", b"4", b"5", b"-1", b"", b"two", b"\xff", b"9" * 5000, b"2.0", "٣".encode(), "²".encode()]
)


def relabelled(number: int, label: int) -> bytes:
    data = bytearray(BATCHES["test_batch.bin"])
    data[number * RECORD] = label
    return bytes(data)


@fuzzed(
    150,
    st.tuples(
        st.sampled_from(sorted(BATCHES)).flatmap(
            lambda name: st.tuples(st.just(name), damaged(BATCHES[name]) | st.sampled_from([None, b"", "folder", b"x"]))
        )
        | st.tuples(st.just("test_batch.bin"), st.builds(relabelled, st.integers(0, 3), st.integers(0, 255))),
        LOSSLESS | st.sampled_from([None, "folder"]),
    ),
)
def test_batches_of_cifar10_are_refused_or_read_record_by_record(made, folder):
    (name, content), lossless = made
    home = folder / "cifar-10-batches-bin"
    home.mkdir()
    for file, data in (BATCHES | {name: content, "test_lossless.txt": lossless}).items():
        (home / file).mkdir() if data == "folder" else data is None or (home / file).write_bytes(data)
    outcome = accepted(lambda: packed(load_cifar10(folder, False, official=OFFICIAL), folder), str(home))
    if outcome is not None:
        test = np.frombuffer((home / "test_batch.bin").read_bytes(), np.uint8).reshape(-1, RECORD)
        for split, records in (("train", TRAIN), ("test", test)):
            images, labels = outcome[0][f"{split}_images"], outcome[0][f"{split}_labels"]
            assert labels.tolist() == records[:, 0].tolist()
            assert labels.max() < 10
            for channel in range(3):
                plane = records[:, 1 + 1024 * channel : 1 + 1024 * (channel + 1)]
                assert np.array_equal(images[..., channel].reshape(len(records), -1), plane)


# Single images


def encoded(format: str, mode: str = "RGB", size: tuple[int, int] = (16, 16), **options) -> bytes:
    file = io.BytesIO()
    draw = np.random.default_rng(0)
    Image.fromarray(draw.integers(0, 256, (*size, 3), dtype=np.uint8)).convert(mode).save(file, format, **options)
    return file.getvalue()


POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(made) (w) file closefile\nshowpage\n%%EOF\n"
)
IMAGES = {
    "a.png": encoded("PNG"),
    "grey.png": encoded("PNG", "L"),
    "palette.png": encoded("PNG", "P"),
    "a.ppm": encoded("PPM"),
    "a.bmp": encoded("BMP"),
    "a.jpg": encoded("JPEG"),
    "progressive.jpeg": encoded("JPEG", progressive=True),
    "cmyk.jpg": encoded("JPEG", "CMYK"),
    "a.tif": encoded("TIFF"),
    "lzw.tiff": encoded("TIFF", compression="tiff_lzw"),
    "a.webp": encoded("WEBP"),
}
CHECKED = {"a.png": 3, "grey.png": 1}
"""Images whose bytes are all under a checksum, and their channels."""
PIXELS = {name: np.asarray(Image.open(io.BytesIO(IMAGES[name]))) for name in CHECKED}
NO_IMAGES = [
    b"",
    b"\n",
    b"not an image",
    POSTSCRIPT,
    b"%PDF-1.4",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"P6 9",
]
NO_IMAGES += [
    b"P6 99999 99999 255\n",
    b"P6 -1 4 255\n",
    b"P6 0 0 255\n",
    b"P6 1 1 99999999\n123",
    b"BM" + bytes(60),
    b"II*\0" + bytes(9),
]
NO_IMAGES += [
    b"P5 2 2 65535\n" + bytes(8),
    b"RIFF\x04\0\0\0WEBP",
    b"#define x_width 8\n" * 2,
]


@fuzzed(
    400,
    st.sampled_from(sorted(IMAGES)).flatmap(lambda name: st.tuples(st.just(name), damaged(IMAGES[name])))
    | st.tuples(st.sampled_from(sorted(IMAGES)), st.sampled_from(NO_IMAGES)),
)
def test_a_file_is_refused_or_an_image(made, folder):
    name, content = made
    path = folder / name
    path.write_bytes(content)
    channels = CHECKED.get(name, 3)
    outcome = accepted(lambda: read_image(path, 16, channels), str(path))
    if outcome is not None:
        assert (outcome[0].shape, outcome[0].dtype) == ((16, 16, channels), np.uint8)
        assert content not in NO_IMAGES
        if name in CHECKED:
            assert np.array_equal(outcome[0].squeeze(), PIXELS[name])
    assert [file.name for file in folder.iterdir()] == [name]


# Folders

FILES = st.sampled_from(
    [
        *IMAGES,
        "b.png",
        "c.PNG",
        "notes.txt",
        ".hidden.png",
        "x.npy",
        "ü.png",
        "a\nb.png",
        "deep/er/d.png",
        "a.png/b.png",
        ".hidden/e.png",
    ]
)
CONTENTS = st.sampled_from(
    ["image", "image", "image", "image", "empty", "text", "dangling", "loop", "link", "folder", "bytes"]
)
CATEGORIES = st.sampled_from(["cat", "dog", "cat", "dog", "Dog", ".hidden", "a b", "ü", "a\nb", "empty"])
SPLITS = st.sampled_from(["train", "val", "test"])
USUAL = [
    (split, category, f"{number}.png", "image")
    for split in ("train", "val")
    for category in ("cat", "dog")
    for number in range(2)
]


def plant(folder: Path, kind: str) -> None:
    """Put an image, or something else, in the place of one; unless what lies there already is in the way."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "image":
                folder.write_bytes(IMAGES.get(folder.name, IMAGES["a.png"]))
            case "empty":
                folder.touch()
            case "text":
                folder.write_text("not an image")
            case "dangling":
                folder.symlink_to("nowhere")
            case "loop":
                folder.with_suffix("").symlink_to(folder.parent)
            case "link":
                (folder.parent.parent / "elsewhere").write_bytes(IMAGES["a.png"])
                folder.symlink_to(folder.parent.parent / "elsewhere")
            case "folder":
                folder.mkdir()
            case "bytes":
                (folder.parent / os.fsdecode(b"\xff" + os.fsencode(folder.name))).write_bytes(IMAGES["a.png"])
    except OSError:
        pass


def expected_images(folder: Path) -> int:
    """How many images a category has, counted without following any link to a folder."""
    suffixes = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".tif", ".tiff", ".webp")
    names = [name for place, _, names in os.walk(folder) for name in names if "/." not in place]
    return sum(name.lower().endswith(suffixes) and not name.startswith(".") for name in names)


@fuzzed(
    250,
    st.tuples(
        st.sampled_from([USUAL, USUAL, []]),
        st.lists(st.tuples(SPLITS, CATEGORIES, FILES, CONTENTS), max_size=4),
        st.booleans(),
    ),
)
def test_folders_of_images_are_refused_or_packed_completely(made, folder):
    usual, odd, stray = made
    root = folder / "photographs"
    for *parts, kind in [*usual, *odd]:
        plant(root.joinpath(*parts), kind)
    if stray and root.is_dir():
        (root / "train.txt").touch()
    outcome = accepted(lambda: packed(load_image_folder(root, 8), folder), str(root))
    if outcome is not None:
        for split in ("train", "val" if (root / "val").is_dir() else "test"):
            names = sorted(p.name for p in (root / split).iterdir() if p.is_dir() and not p.name.startswith("."))
            counts = [expected_images(root / split / name) for name in names]
            found = np.bincount(outcome[0][f"{'train' if split == 'train' else 'test'}_labels"])
            assert found.tolist() == counts
            assert len(counts) >= 2
    stimuli = accepted(lambda: stimuli_from_folder(root / "train", 2), str(root), "stimuli.per_category")
    if stimuli is not None:
        table, paths = stimuli[0]
        assert len(table) == len(paths) == 2 * table["category"].nunique()
        accepted(lambda: list(read_images(paths, 8, 3)), str(root))
        table.to_parquet(folder / "stimuli.parquet")
