"""Packed data sets: images, labels, an index with each image's provenance, and a card.

A split reads its images in blocks only when they are packed, so packing a folder of any size needs the memory of one
block.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.io.files import atomic_path, write_parquet
from manyseeds.io.npy import write_npy

Blocks = Callable[[], Iterator[NDArray[np.uint8]]]


@dataclass(frozen=True)
class SourceFile:
    """One source of images on disk, as listed in the card.

    Attributes
    ----------
    file
        Name of the file, or of the folder whose images were read.
    bytes
        Size of the file; of a folder, the sum over its images.
    sha1
        Hexadecimal SHA-1 of a file; None for a folder.
    official
        Whether the SHA-1 is the one published for this file; None if none is published.
    """

    file: str
    bytes: int
    sha1: str | None = None
    official: bool | None = None


@dataclass(frozen=True)
class Split:
    """The training or the test images of a data set, in file order.

    Attributes
    ----------
    blocks
        Called without arguments, yields the images in order as uint8 arrays (m, height, width, channels).
    labels
        (n,) int64, positions in the data set's categories.
    source
        Names of the files that the images were read from, one for each image.
    source_index
        (n,) int64, position of the image within that file.
    lossless
        For each image, whether its pixels are the originals; None if that is not known.
    """

    blocks: Blocks
    labels: NDArray
    source: Sequence[str]
    source_index: NDArray
    lossless: Sequence[bool | None]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A labelled set of images, split into training and test images.

    Attributes
    ----------
    name
        `digits`, `cifar10` or `image_folder`.
    categories
        Names of the categories; labels are positions in this tuple.
    image_shape
        (height, width, channels) of every image.
    train, test
        The two splits.
    files
        The sources read.
    test_is_official
        Whether the test images are the published ones; None if nothing is published.
    notes
        Sentences that a reader of the results should know.
    remarks
        Returns sentences on images that were left out or read in part, once all blocks have been read.
    """

    name: str
    categories: tuple[str, ...]
    image_shape: tuple[int, int, int]
    train: Split
    test: Split
    files: tuple[SourceFile, ...] = ()
    test_is_official: bool | None = None
    notes: tuple[str, ...] = field(default=())
    remarks: Callable[[], Sequence[str]] = tuple


def write_dataset(
    dataset: Dataset,
    *,
    train_images: Path,
    train_labels: Path,
    test_images: Path,
    test_labels: Path,
    index: Path,
    card: Path,
) -> None:
    """Pack a data set into its six files; the card is written last.

    Both splits have NPY files of images, uint8 (n, height, width, channels), and of labels, int64 (n,). The index has
    one row per image (see `index_table`); for the card see `describe`.

    Raises
    ------
    StudyError
        If an image of a split's blocks cannot be read.
    """
    digest = hashlib.sha256(json.dumps(dataset.categories).encode())
    for split, images_path, labels_path in (
        (dataset.train, train_images, train_labels),
        (dataset.test, test_images, test_labels),
    ):
        write_npy(images_path, _digesting(split.blocks(), digest), (len(split), *dataset.image_shape), np.uint8)
        labels = np.ascontiguousarray(split.labels, dtype="<i8")
        digest.update(labels.data)
        write_npy(labels_path, [labels], labels.shape, labels.dtype)
    write_parquet(index_table(dataset), index)
    with atomic_path(card) as path:
        Path(path).write_text(json.dumps(describe(dataset, digest.hexdigest()), indent=2) + "\n")


def _digesting(blocks: Iterator[NDArray], digest) -> Iterator[NDArray]:
    """Yield blocks unchanged, and feed their bytes to a hash."""
    for block in blocks:
        contiguous = np.ascontiguousarray(block)
        digest.update(contiguous.data)
        yield contiguous


def index_table(dataset: Dataset) -> pd.DataFrame:
    """Return the provenance of every image.

    Returns
    -------
    DataFrame
        One row per image, training images first: split, position (in the split's arrays), category, category_name,
        source, source_index, lossless (null if unknown).
    """
    splits = {"train": dataset.train, "test": dataset.test}
    return pd.concat([_split_table(dataset.categories, *item) for item in splits.items()], ignore_index=True)


def _split_table(categories: Sequence[str], name: str, split: Split) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "split": name,
            "position": np.arange(len(split)),
            "category": split.labels,
            "category_name": np.asarray(categories, dtype=object)[split.labels],
            "source": list(split.source),
            "source_index": np.asarray(split.source_index, dtype=np.int64),
            "lossless": pd.array(list(split.lossless), dtype="boolean"),
        }
    )


def describe(dataset: Dataset, digest: str) -> dict:
    """Return the card of a data set: its properties, its sources, and the SHA-256 of pixels and labels."""
    lossless = list(dataset.test.lossless)
    return {
        "dataset": dataset.name,
        "categories": list(dataset.categories),
        "image_shape": list(dataset.image_shape),
        "n_train": len(dataset.train),
        "n_test": len(dataset.test),
        "files": [asdict(file) for file in dataset.files],
        "test_is_official": dataset.test_is_official,
        "n_lossless_test": None if None in lossless else lossless.count(True),
        "notes": [*dataset.notes, *dataset.remarks()],
        "digest": digest,
    }


def read_dataset_card(path: Path) -> dict:
    """Read a data set's card.

    Raises
    ------
    StudyError
        If the file is not a card.
    """
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} is not the card of a data set ({error}); delete it and run again.") from error
