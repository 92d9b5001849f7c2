"""CIFAR-10, the official *binary version* (Krizhevsky 2009), from a folder, an archive or a download.

The binary version is six files of fixed-length records. The python version, which torchvision downloads, is a set of
pickles; reading one executes it, so it is not read here.
"""

import hashlib
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyseeds.data.dataset import Dataset, SourceFile, Split
from manyseeds.errors import StudyError
from manyseeds.io.files import writing

CATEGORIES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_SIZE = 32
RECORD_BYTES = 1 + 3 * IMAGE_SIZE**2  # the label, then red, green and blue planes, each row by row

FOLDER = "cifar-10-batches-bin"
TEST_BATCH = "test_batch.bin"
LOSSLESS = "test_lossless.txt"
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
NETWORK_TIMEOUT_SECONDS = 60


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
    folder = _obtain(Path(root), official, download, report)
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


def _obtain(root: Path, names: Iterable[str], download: bool, report: Callable[[str], None]) -> Path:
    """Return the folder of batches, unpacking or downloading it if it does not exist.

    An existing folder belongs to the user: nothing in it is added or replaced.
    """
    folder = root / FOLDER
    if folder.is_dir():
        return folder
    if (root / ARCHIVE).is_file():
        _unpack(root / ARCHIVE, root, names)
        return folder
    if not download:
        raise StudyError(
            f"{folder} does not exist and data.download is false; unpack CIFAR-10's binary version there "
            f"({ARCHIVE_URL}), or place the archive {ARCHIVE} in {root}."
        )
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".cifar10-") as scratch:
        archive = Path(scratch) / ARCHIVE
        report(f"downloading {ARCHIVE_URL} (162 MiB)")
        _download(ARCHIVE_URL, archive, folder)
        _unpack(archive, root, names)
    return folder


def _download(url: str, archive: Path, folder: Path) -> None:
    """Download the archive.

    torchvision only downloads the pickled version, and importing it also imports torch. The archive's SHA-256 and the
    batches' SHA-1 are checked in any case, so one call of the standard library is enough.
    """
    try:
        with urllib.request.urlopen(url, timeout=NETWORK_TIMEOUT_SECONDS) as response, archive.open("wb") as file:
            shutil.copyfileobj(response, file)
    except OSError as error:  # URLError, HTTPError and time-outs are subclasses
        reason = getattr(error, "reason", error)
        raise StudyError(
            f"{folder} does not exist and {url} cannot be downloaded ({reason}); download it elsewhere, then place "
            f"{ARCHIVE} in {folder.parent}, or its unpacked folder at {folder}."
        ) from error


def _unpack(archive: Path, root: Path, names: Iterable[str]) -> None:
    """Check the archive and unpack the named batches into the folder, which appears whole or not at all.

    Raises
    ------
    StudyError
        If it is not the official archive.
    """
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != ARCHIVE_SHA256:
        raise StudyError(
            f"{archive} has SHA-256 {sha256}; the official archive has {ARCHIVE_SHA256}: the download was interrupted "
            "or the file was altered."
        )
    with tempfile.TemporaryDirectory(dir=root, prefix=".cifar10-") as scratch:
        unpacked = Path(scratch) / FOLDER
        unpacked.mkdir()
        with tarfile.open(archive) as tar:
            for name in names:
                member = tar.extractfile(f"{FOLDER}/{name}")
                assert member is not None  # a regular file in the official archive
                with member as source, (unpacked / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
        try:
            unpacked.rename(root / FOLDER)
        except OSError:  # another study has unpacked it in the meantime
            if not (root / FOLDER).is_dir():
                raise
