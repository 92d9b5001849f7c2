"""Folders of images, one folder a category (torchvision's ImageFolder layout), decoded with Pillow."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from manyseeds.data.dataset import Dataset, SourceFile, Split
from manyseeds.errors import StudyError, breaks_lines
from manyseeds.study.names import alike

EXTENSIONS = frozenset((".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"))  # torchvision's
FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that files may have, whatever their names. Pillow also reads EPS, whose files are programs that it runs."""
OTHER_FORMATS = frozenset((".gif", ".heic", ".heif", ".avif", ".jp2", ".jfif", ".svg", ".tga", ".psd"))
"""Suffixes of images that are not read."""
# ImageNet calls its labelled held-out images `val`; its `test` has no labels. So `val` comes first.
TEST_FOLDERS = ("val", "test")
# More than 8 bits per channel: Pillow clips these values to 255 instead of scaling them.
DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass
class Remarks:
    """What a user may not expect of their images: how many there are of each kind, and the first of them."""

    found: dict[str, list[Path]] = field(default_factory=dict)
    """Paths by kind, a sentence of `sentences`."""

    def add(self, kind: str, path: Path) -> None:
        """Note an image or a folder."""
        self.found.setdefault(kind, []).append(path)

    def sentences(self) -> list[str]:
        """Return a sentence for each kind."""
        return [f"{kind}: {len(paths):,}, such as {paths[0]}." for kind, paths in self.found.items()]


Files = Mapping[str, Sequence[Path]]
"""The images of each category."""

HIDDEN = "Left out, hidden folders of images"
OTHER = "Left out, images of other formats"
TURNED = "Read as they are stored, images with an EXIF orientation, which is not applied"
FRAMES = "Read the first frame only, images with several frames"


INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Scaling:
    """How images become squares of one size.

    Attributes
    ----------
    resize
        Length in pixels to which the shorter side is scaled before the central square is cut out, as torchvision's
        `Resize` and `CenterCrop` do. None: the largest central square is scaled.
    interpolation
        A key of `INTERPOLATIONS`. Pillow's are antialiased.
    """

    resize: int | None = None
    interpolation: str = "bilinear"

    def apply(self, image: Image.Image, side: int) -> Image.Image:
        """Return the central square of an image, of `side` pixels; `resize` is at least that."""
        method = INTERPOLATIONS[self.interpolation]
        if self.resize is None:
            return ImageOps.fit(image, (side, side), method)
        shorter = min(image.size)
        width, height = (
            self.resize if length == shorter else int(self.resize * length / shorter) for length in image.size
        )
        left, top = (round((length - side) / 2) for length in (width, height))
        return image.resize((width, height), method).crop((left, top, left + side, top + side))


def load_image_folder(
    root: Path,
    image_size: int,
    scaling: Scaling | None = None,
    *,
    channels: int = 3,
    needs_training: bool = True,
    key: str = "data.root",
) -> Dataset:
    """Load `train/<category>/*` and `val/<category>/*` (or `test/…`) as images of one size.

    Categories are the folders' names, sorted; images are in the order of their sorted paths.

    Parameters
    ----------
    root
        Folder that holds `train` and `val` or `test`.
    image_size
        Height and width of the packed images, in pixels (see `read_image`).
    scaling
        How they are scaled; None: as by default.
    channels
        3 (RGB) or 1 (grey); images are converted.
    needs_training
        Whether `train` must be there. Without it, the data set has no training images.
    key
        Key of the config that names the folder, for errors.

    Returns
    -------
    Dataset
        Images of shape (image_size, image_size, channels).

    Raises
    ------
    StudyError
        If a folder is missing, the two differ in categories or have fewer than two, or a category has no image.
    """
    root, remarks = Path(root), Remarks()
    test_folder, has_training = _split_folders(root, key, needs_training=needs_training)
    test_files = list_categories(root / test_folder, remarks)
    train_files = list_categories(root / "train", remarks) if has_training else dict.fromkeys(test_files, ())
    _check_same(root, train_files, test_folder, test_files)
    shape = (image_size, image_size, channels)
    return Dataset(
        name="image_folder",
        categories=tuple(train_files),
        image_shape=shape,
        train=_split(root, train_files, shape, remarks, scaling),
        test=_split(root, test_files, shape, remarks, scaling),
        files=tuple(_folder_entry(name, files) for name, files in (("train", train_files), (test_folder, test_files))),
        notes=(f"Test images are those of {test_folder}/; all are cropped and scaled to {image_size} x {image_size}.",),
        remarks=remarks.sentences,
    )


def list_test_images(root: Path, key: str) -> Files:
    """Return the test images of each category, in the order of `load_image_folder`, without opening any.

    Parameters
    ----------
    key
        Key of the config that names the folder, for errors.

    Raises
    ------
    StudyError
        If there are no such folders, or as `list_categories`.
    """
    test_folder, _ = _split_folders(root, key, needs_training=False)
    return list_categories(root / test_folder)


def check_image_folder(root: Path, key: str) -> None:
    """Check the folders of `load_image_folder`, as far as that takes no time: only one image a category is looked for.

    Parameters
    ----------
    key
        Key of the config that names the folder, for errors.

    Raises
    ------
    StudyError
        As `load_image_folder`, apart from errors of single images.
    """
    test_folder, _ = _split_folders(root, key, needs_training=True)
    names = {split: _category_names(root / split, Remarks()) for split in ("train", test_folder)}
    for split, categories in names.items():
        for category in categories:
            _check_any(root / split / category, any(map(_is_image, _files(root / split / category, Remarks()))))
    _check_same(root, names["train"], test_folder, names[test_folder])


def _split_folders(root: Path, key: str, *, needs_training: bool) -> tuple[str, bool]:
    """Return the name of the folder of test images, and whether there are training images."""
    test_folder = next((name for name in TEST_FOLDERS if (root / name).is_dir()), None)
    has_training = (root / "train").is_dir()
    if test_folder is None or (needs_training and not has_training):
        raise StudyError(
            f"{key}: {root} is not an image folder; expected train/<category>/*, and the same in val/ or test/."
        )
    return test_folder, has_training


def _check_same(root: Path, train: Iterable[str], test_folder: str, test: Iterable[str]) -> None:
    """Check that both splits have the same categories, at least two."""
    in_train, in_test = set(train), set(test)
    if unequal := sorted(in_train ^ in_test):
        where = "train" if unequal[0] in in_train else test_folder
        raise StudyError(
            f"{root}: found category {unequal[0]!r} only in {where}; "
            f"expected the same categories in train and {test_folder}."
        )
    if len(in_train) < 2:
        raise StudyError(f"{root}: found only the category {in_train.pop()!r}, expected at least 2.")


def list_categories(folder: Path, remarks: Remarks | None = None) -> dict[str, list[Path]]:
    """Return the images of each category, at any depth below `folder/<category>`, without hidden files and folders.

    Parameters
    ----------
    remarks
        Receives the images that are left out.

    Returns
    -------
    dict
        Category name -> paths, both sorted.

    Raises
    ------
    StudyError
        If the folder has no category, a category has no image, or a link leads back to a folder above. Also if the
        names of two categories differ in case alone, or one image is there twice, by links.
    """
    remarks = Remarks() if remarks is None else remarks
    categories = {name: _list_images(folder / name, remarks) for name in _category_names(folder, remarks)}
    for name, files in categories.items():
        _check_any(folder / name, bool(files))
    _check_once([path for files in categories.values() for path in files])
    return categories


def _category_names(folder: Path, remarks: Remarks) -> list[str]:
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    names = _without_hidden(folder, names, remarks)
    if not names:
        raise StudyError(f"{folder} holds no folders; expected one folder of images per category.")
    if pair := alike(names):
        raise StudyError(f"{folder}: the categories {pair[0]!r} and {pair[1]!r} differ in case alone; rename one.")
    return names


def _check_any(folder: Path, has_images: bool) -> None:
    if not has_images:
        raise StudyError(f"{folder} holds no images; expected files in {', '.join(sorted(EXTENSIONS))}.")


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS


def _files(folder: Path, remarks: Remarks) -> Iterator[Path]:
    """Yield every file below a folder that is not hidden.

    Links are followed, because large sets are often linked into place.
    """
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = _without_hidden(Path(place), folders, remarks)
        for name in folders:
            _check_leads_down(os.path.join(place, name))
        yield from (Path(place) / name for name in names if not name.startswith("."))


def _list_images(folder: Path, remarks: Remarks) -> list[Path]:
    """Return every image below a folder, sorted by path."""
    found = list(_files(folder, remarks))
    images = sorted(filter(_is_image, found))
    for path in images:
        if breaks_lines(str(path)):  # tables and terminals cannot hold such a name
            raise StudyError(f"{str(path)!a} has control characters in its name, or is not in UTF-8; rename it.")
        if not path.is_file():
            raise StudyError(f"{path} is not a file, or is a broken link; expected an image.")
    for path in sorted(path for path in found if path.suffix.lower() in OTHER_FORMATS):
        remarks.add(OTHER, path)
    return images


def _without_hidden(place: Path, folders: Sequence[str], remarks: Remarks) -> list[str]:
    """Return the folders that are not hidden; note hidden ones that hold images."""
    for folder in (place / name for name in folders if name.startswith(".")):
        files = (name for _, _, names in os.walk(folder) for name in names)
        if any(Path(name).suffix.lower() in EXTENSIONS for name in files):
            remarks.add(HIDDEN, folder)
    return [name for name in folders if not name.startswith(".")]


def _check_once(paths: Sequence[Path]) -> None:
    """Check that no image is there twice, as if one category is linked into another."""
    places = {folder: os.path.realpath(folder) for folder in {path.parent for path in paths}}
    first: dict[str, Path] = {}
    for path in paths:
        target = os.path.realpath(path) if path.is_symlink() else os.path.join(places[path.parent], path.name)
        if target in first:
            raise StudyError(f"{first[target]} and {path} are one file, by links; expected each image once.")
        first[target] = path


def _check_leads_down(folder: str) -> None:
    """Refuse a link to a folder that contains it: following it would never end."""
    if os.path.islink(folder):
        target = os.path.realpath(folder)
        if os.path.commonpath((target, os.path.realpath(os.path.dirname(folder)))) == target:
            raise StudyError(f"{folder} is a link to a folder that contains it; expected folders of images.")


def _split(root: Path, files: Files, shape: tuple[int, int, int], remarks: Remarks, scaling: Scaling | None) -> Split:
    paths = [path for category in files.values() for path in category]
    return Split(
        blocks=partial(read_images, paths, shape[0], shape[2], remarks, scaling),
        labels=np.repeat(np.arange(len(files)), [len(category) for category in files.values()]),
        source=[path.relative_to(root).as_posix() for path in paths],
        source_index=np.zeros(len(paths), dtype=np.int64),
        lossless=[None] * len(paths),
    )


def _folder_entry(name: str, files: Files) -> SourceFile:
    return SourceFile(file=name, bytes=sum(path.stat().st_size for category in files.values() for path in category))


def read_images(
    paths: Sequence[Path],
    image_size: int,
    channels: int,
    remarks: Remarks | None = None,
    scaling: Scaling | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield images one after another, uint8 (1, image_size, image_size, channels); see `read_image`."""
    for path in paths:
        yield read_image(path, image_size, channels, remarks, scaling)[np.newaxis]


def read_image(
    path: Path,
    image_size: int,
    channels: int,
    remarks: Remarks | None = None,
    scaling: Scaling | None = None,
) -> NDArray[np.uint8]:
    """Read one image: its central square, scaled to one size.

    Grey, palette and transparent images become colour (or grey, with one channel); transparency is dropped.

    Parameters
    ----------
    path
        An image file of up to 8 bits per channel.
    image_size
        Height and width of the result, in pixels.
    channels
        3 (RGB) or 1 (grey).
    remarks
        Receives the image if it has an EXIF orientation, which is not applied, or several frames.
    scaling
        How it is scaled; None: the largest central square, by antialiased bilinear interpolation.

    Returns
    -------
    array
        Uint8 (image_size, image_size, channels).

    Raises
    ------
    StudyError
        If the file is damaged, is not an image, or has more than 8 bits per channel.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            mode = image.mode
            converted = image.convert("RGB" if channels == 3 else "L")
            if remarks is not None:
                _note(image, path, remarks)
    except Exception as error:  # Pillow's decoders raise errors of many types
        raise StudyError(f"{path} cannot be read as an image ({error}); expected an undamaged image file.") from error
    if mode in DEEP_MODES:
        raise StudyError(f"{path} has more than 8 bits per channel (mode {mode}); expected 8-bit images.")
    square = (scaling or Scaling()).apply(converted, image_size)
    return np.asarray(square).reshape(image_size, image_size, channels)


def _note(image: Image.Image, path: Path, remarks: Remarks) -> None:
    """Note an image that was decoded, if a viewer would show something else."""
    with suppress(Exception):  # Pillow's parsers of damaged metadata raise errors of many types
        if image.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1):
            remarks.add(TURNED, path)
    with suppress(Exception):
        if getattr(image, "n_frames", 1) > 1:
            remarks.add(FRAMES, path)
