"""Data sets: `digits`, `cifar10` and `image_folder`, all packed into the same files.

Every loader checks its source and returns a `Dataset`; `dataset.write_dataset` packs it.
"""

from collections.abc import Callable
from pathlib import Path

from manyseeds.data import cifar10
from manyseeds.data.cifar10 import load_cifar10
from manyseeds.data.dataset import Dataset
from manyseeds.data.digits import DEFAULT_HELD_OUT, load_digits
from manyseeds.data.image_folder import Scaling, load_image_folder
from manyseeds.errors import StudyError


def load_dataset(
    name: str,
    *,
    root: Path,
    download: bool,
    image_size: int,
    held_out: int | None,
    scaling: Scaling | None = None,
    needs_training: bool = True,
    report: Callable[[str], None] = print,
) -> Dataset:
    """Load a data set by the name it has in the config.

    Parameters
    ----------
    name
        `digits`, `cifar10` or `image_folder`.
    root
        Folder of its files, or for its download (digits: unused).
    download
        Whether a download is allowed (cifar10).
    image_size
        Height and width of the images, in pixels; CIFAR-10's is 32.
    held_out
        Images of each category held out for the test split (digits; the others have a test split of their own).
    scaling, needs_training
        How images of a folder are scaled, and whether training images must be there (image_folder).
    report
        Called with a line when something long begins.

    Raises
    ------
    StudyError
        If the source is missing or damaged, or does not fit the config.
    """
    if name == "digits":
        return load_digits(image_size, DEFAULT_HELD_OUT if held_out is None else held_out)
    if name == "cifar10":
        if image_size != cifar10.IMAGE_SIZE:
            raise StudyError(f"data.image_size is {image_size}, but CIFAR-10's images are 32 x 32; expected 32.")
        return load_cifar10(root, download, report=report)
    if name == "image_folder":
        return load_image_folder(root, image_size, scaling, needs_training=needs_training)
    raise StudyError(f"data.dataset is {name!r}; expected digits, cifar10 or image_folder.")
