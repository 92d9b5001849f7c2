"""CIFAR-10, the official *binary version* (Krizhevsky 2009), from a folder, an archive or a download.

The binary version is six files of fixed-length records. The python version, which torchvision downloads, is a set of
pickles; reading one executes it, so it is not read here.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyseeds.data.cifar10_archive import FOLDER, obtain
from manyseeds.data.dataset import Dataset, SourceFile, Split
from manyseeds.errors import StudyError

CATEGORIES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_SIZE = 32
RECORD_BYTES = 1 + 3 * IMAGE_SIZE**2  # the label, then red, green and blue planes, each row by row

TEST_BATCH = "test_batch.bin"
LOSSLESS = "test_lossless.txt"


@dataclass(frozen=True)
class OfficialFile:
    """Size and SHA-1 of a batch as published."""

    bytes: int
    sha1: str


OFFICIAL = {
    "data_batch_1.bin": OfficialFile(30_730_000, "aadd24acce27caa71bf4b10992e9e7b2d74c2540"),
    "data_batch_2.bin": OfficialFile(30_730_000, "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795"),
    "data_batch_3.bin": OfficialFile(30_730_000, "1dd00a74ab1d17a6e7d73e185b69dbf31242f295"),
    "data_batch_4.bin": OfficialFile(30_730_000, "aab85764eb3584312d3c7f65fd2fd016e36a258e"),
    "data_batch_5.bin": OfficialFile(30_730_000, "26e2849e66a845b7f1e4614ae70f4889ae604628"),
    TEST_BATCH: OfficialFile(30_730_000, "67eb016db431130d61cd03c7ad570b013799c88c"),
}


def load_cifar10(
    root: Path,
    download: bool,
    *,
    official: Mapping[str, OfficialFile] = OFFICIAL,
    report: Callable[[str], None] = print,
) -> Dataset:
    """Load CIFAR-10 from `root/cifar-10-batches-bin`, unpacking or downloading it first if needed.

    Training batches must be the official files. The test batch may be another file of the same size; the card then says
    so. `test_lossless.txt` beside it may hold the number of leading test images whose pixels are the originals.

    Parameters
    ----------
    root
        Folder that holds `cifar-10-batches-bin`, or will hold it after the download.
    download
        Whether a download from the authors' site is allowed.
    official
        Size and SHA-1 of each batch; the test batch is named `test_batch.bin`.
    report
        Called with a line when a download begins.

    Returns
    -------
    Dataset
        Images of shape (32, 32, 3), both splits in file order.

    Raises
    ------
    StudyError
        If a file is missing, truncated or altered, or cannot be downloaded.
    """
    folder = obtain(Path(root), official, download=download, report=report)
    files = {name: _check_batch(folder / name, expected) for name, expected in official.items()}
    train_names = [name for name in official if name != TEST_BATCH]
    test_is_official = files[TEST_BATCH].official
    n_test = official[TEST_BATCH].bytes // RECORD_BYTES
    lossless, note = _lossless_test_images(folder, test_is_official, n_test)
    return Dataset(
        name="cifar10",
        categories=CATEGORIES,
        image_shape=(IMAGE_SIZE, IMAGE_SIZE, 3),
        train=_split(folder, train_names),
        test=_split(folder, [TEST_BATCH], lossless),
        files=tuple(files.values()),
        test_is_official=test_is_official,
        notes=(note,) if note else (),
    )


def _check_batch(path: Path, expected: OfficialFile) -> SourceFile:
    """Compare a batch with the official one; only the test batch may differ, and only in content.

    Raises
    ------
    StudyError
        If the file is missing, has another size, or is a training batch with other content.
    """
    if not path.is_file():
        raise StudyError(f"{path} is missing; expected the six batches of CIFAR-10's binary version in {path.parent}.")
    size = path.stat().st_size
    if size != expected.bytes:
        raise StudyError(f"{path} has {size:,} bytes; the official file has {expected.bytes:,}: truncated or altered.")
    with path.open("rb") as file:
        sha1 = hashlib.file_digest(file, "sha1").hexdigest()
    if sha1 != expected.sha1 and path.name != TEST_BATCH:
        raise StudyError(f"{path} has SHA-1 {sha1}; the official file has {expected.sha1}: it is damaged or altered.")
    return SourceFile(file=f"{FOLDER}/{path.name}", bytes=size, sha1=sha1, official=sha1 == expected.sha1)


def _lossless_test_images(
    folder: Path, test_is_official: bool | None, n_test: int
) -> tuple[Sequence[bool | None], str | None]:
    """Return whether each test image has its original pixels, and a note if the batch is not official.

    Raises
    ------
    StudyError
        If `test_lossless.txt` does not hold a number between 0 and the number of test images.
    """
    if test_is_official:
        return [True] * n_test, None
    note = f"{TEST_BATCH} is not the official file"
    path = folder / LOSSLESS
    if not path.is_file():
        return [None] * n_test, f"{note}; which of its images are lossless is not known (no {LOSSLESS})."
    text = path.read_bytes().decode(errors="replace").strip()
    if not text.isdecimal() or len(text) > len(str(n_test)) or int(text) > n_test:
        raise StudyError(
            f"{path} holds {text[:20]!r}; expected the number of leading lossless test images, 0 to {n_test}."
        )
    n_lossless = int(text)
    note = f"{note}; its first {n_lossless:,} of {n_test:,} images are lossless ({LOSSLESS})."
    return [True] * n_lossless + [False] * (n_test - n_lossless), note


def _split(folder: Path, names: list[str], lossless: Sequence[bool | None] | None = None) -> Split:
    """Return the images of some batches, one batch after another."""
    labels = [_read_records(folder / name)[:, 0].astype(np.int64) for name in names]
    for name, batch_labels in zip(names, labels, strict=True):
        if batch_labels.max() >= len(CATEGORIES):
            raise StudyError(f"{folder / name} holds the label {batch_labels.max()}; expected labels from 0 to 9.")
    sizes = [len(batch_labels) for batch_labels in labels]
    return Split(
        blocks=partial(_read_images, folder, names),
        labels=np.concatenate(labels),
        source=[f"{FOLDER}/{name}" for name, size in zip(names, sizes, strict=True) for _ in range(size)],
        source_index=np.concatenate([np.arange(size) for size in sizes]),
        lossless=[True] * sum(sizes) if lossless is None else lossless,
    )


def _read_records(path: Path) -> NDArray[np.uint8]:
    """Return the records of a batch, uint8 (n, 3073), memory-mapped."""
    return np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, RECORD_BYTES)


def _read_images(folder: Path, names: list[str]) -> Iterator[NDArray[np.uint8]]:
    """Yield the images of each batch, uint8 (n, 32, 32, 3)."""
    for name in names:
        planes = _read_records(folder / name)[:, 1:].reshape(-1, 3, IMAGE_SIZE, IMAGE_SIZE)
        yield planes.transpose(0, 2, 3, 1)
