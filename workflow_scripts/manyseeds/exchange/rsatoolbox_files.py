"""RDMs in rsatoolbox's HDF5 files (methods 12): its layout, written without rsatoolbox and streamed RDM by RDM."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from manyseeds.errors import StudyError
from manyseeds.io.files import atomic_path

if TYPE_CHECKING:
    import h5py
    from rsatoolbox.rdm.rdms import RDMs

LAYOUT = "0.3.2"
"""Version of rsatoolbox whose layout is written."""

MEASURE_NAMES = {"euclidean": "euclidean (not squared)"}
"""Names of measures that rsatoolbox uses for something else: its euclidean distances are squared."""

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm"})


def stimulus_names(stimuli: pd.DataFrame) -> list[str]:
    """Return a name for each stimulus: that of its own file or row, else ``{category}/{position}``.

    Parameters
    ----------
    stimuli
        Table of stimuli. A file's name loses folders and the suffix of an image, if the names then still differ.
    """
    sources = [str(source) for source in stimuli["source"]]
    if len({*sources}) == len(sources):
        paths = [PurePosixPath(source) for source in sources]
        short = [
            path.stem if path.suffix.lower() in IMAGE_SUFFIXES else source
            for path, source in zip(paths, sources, strict=True)
        ]
        return short if len({*short}) == len(short) else sources
    seen = Counter[str]()
    names = []
    for category in map(str, stimuli["category_name"]):
        names.append(f"{category}/{seen[category]}")
        seen[category] += 1
    return names


def pattern_descriptors(stimuli: pd.DataFrame) -> dict[str, ArrayLike]:
    """Return the descriptors of stimuli: stimulus, category, category_name."""
    return {
        "stimulus": stimulus_names(stimuli),
        "category": stimuli["category"].to_numpy(),
        "category_name": [str(name) for name in stimuli["category_name"]],
    }


def write_rdms(
    path: Path,
    rdms: Iterable[NDArray[np.floating]],
    points: pd.DataFrame,
    patterns: Mapping[str, ArrayLike],
    descriptors: Mapping[str, str],
    measure: str,
) -> None:
    """Write RDMs as ``rsatoolbox.rdm.RDMs.save`` does, one after another.

    Parameters
    ----------
    rdms
        (P,) vectors in the order of scipy's `squareform`, which is rsatoolbox's; NaN where undefined.
    points
        One row per RDM. Its columns are descriptors of RDMs.
    patterns
        Descriptors of the n stimuli.
    descriptors
        Descriptors of all RDMs.
    measure
        Name of the dissimilarity measure.

    Raises
    ------
    StudyError
        If h5py is not installed, or a descriptor has characters other than ASCII, which rsatoolbox cannot read.
    """
    h5py = h5py_or_sentence()
    n_stimuli = len(next(iter(patterns.values())))  # pyright: ignore[reportArgumentType] lists and arrays
    with atomic_path(path) as partial, h5py.File(partial, "w") as file:
        file.attrs["rsatoolbox_version"] = LAYOUT
        file.attrs["dissimilarity_measure"] = MEASURE_NAMES.get(measure, measure)
        shape = (len(points), n_stimuli * (n_stimuli - 1) // 2)
        dissimilarities = file.create_dataset("dissimilarities", shape, np.float64)
        for place, vector in enumerate(rdms):
            dissimilarities[place] = vector
        group = file.create_group("descriptors")
        for name, text in descriptors.items():
            group.attrs[name] = text
        of_rdms = {str(name): column.to_numpy() for name, column in points.items()}
        _write_descriptors(file.create_group("rdm_descriptors"), {**of_rdms, "index": np.arange(shape[0])}, path)
        _write_descriptors(file.create_group("pattern_descriptors"), {**patterns, "index": np.arange(n_stimuli)}, path)


def _write_descriptors(group: "h5py.Group", descriptors: Mapping[str, ArrayLike], path: Path) -> None:
    """Write columns; strings as bytes of one length, which rsatoolbox reads as strings."""
    for name, values in descriptors.items():
        array = np.asarray(values)
        if array.dtype.kind in "OU":
            _check_ascii(name, [str(value) for value in array], path)
            array = np.array([str(value) for value in array]).astype("S")
        group[name] = array


def _check_ascii(name: str, values: Sequence[str], path: Path) -> None:
    strange = next((value for value in values if not value.isascii()), None)
    if strange is not None:
        raise StudyError(
            f"{path}: found the {name} {strange!r}, expected ASCII letters; rsatoolbox's files cannot hold others."
        )


def h5py_or_sentence() -> Any:
    """Import h5py.

    Raises
    ------
    StudyError
        If it is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise StudyError(
            "rsatoolbox's files need h5py, which is not installed; run pip install -r requirements-rsatoolbox.txt."
        ) from None
    return h5py


def as_rdms(
    vectors: NDArray[np.floating],
    points: pd.DataFrame,
    patterns: Mapping[str, ArrayLike],
    descriptors: Mapping[str, str],
    measure: str,
) -> "RDMs":
    """Return RDMs as an object of rsatoolbox; parameters as in `write_rdms`, with `vectors` (n_rdms, P).

    Raises
    ------
    StudyError
        If rsatoolbox is not installed.
    """
    try:
        from rsatoolbox.rdm.rdms import RDMs
    except ImportError:
        raise StudyError("rsatoolbox is not installed; run pip install rsatoolbox.") from None
    return RDMs(
        vectors,
        dissimilarity_measure=MEASURE_NAMES.get(measure, measure),
        descriptors=dict(descriptors),
        rdm_descriptors={str(name): column.tolist() for name, column in points.items()},
        pattern_descriptors={name: list(np.asarray(values).tolist()) for name, values in patterns.items()},
    )
