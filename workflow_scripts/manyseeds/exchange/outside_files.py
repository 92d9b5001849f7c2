"""RDMs from outside, in files: of rsatoolbox, arrays of numpy, or tables (methods 13)."""

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from manyseeds.errors import StudyError
from manyseeds.exchange.rsatoolbox_files import h5py_or_sentence
from manyseeds.study.user_folders import abridged, read_columns, tables_beside

Floats = NDArray[np.float64]

ASYMMETRY = 1e-6
"""Largest difference of two entries that should be equal, relative to the largest entry."""

LONG = ("stimulus_a", "stimulus_b", "dissimilarity")
"""Columns of a table with one row for each pair of stimuli; it may have a column subject too."""


@dataclass(frozen=True)
class OutsideRdms:
    """RDMs of some subjects.

    Attributes
    ----------
    names
        Name of each of the k stimuli.
    vectors
        (S, k (k - 1) / 2) in the order of scipy's `squareform`; NaN where undefined.
    subjects
        Name of each subject.
    """

    names: tuple[str, ...]
    vectors: Floats
    subjects: tuple[str, ...]

    def of_stimuli(self, places: Sequence[int]) -> Floats:
        """Return the vectors (S, P) of some stimuli, by their places among the names."""
        chosen = np.ix_(places, places)
        return np.stack([squareform(squareform(each, checks=False)[chosen], checks=False) for each in self.vectors])


def read_outside(path: Path, column: str = "stimulus") -> OutsideRdms:
    """Read RDMs.

    Parameters
    ----------
    path
        rsatoolbox's ``.hdf5`` or ``.h5``. ``.npy`` of shape (k, k), (S, k, k), (P,) or (S, P), with ``{stem}.csv``
        beside it, whose column names the stimuli, and perhaps ``{stem}_subjects.csv`` with a column subject. ``.csv``
        with a square and the names in header and first column, or with the columns of `LONG`.
    column
        Column of ``{stem}.csv``, and descriptor of patterns, that names stimuli.

    Raises
    ------
    StudyError
        If the file is missing or of another kind, a matrix is not symmetric, or a name is there twice. Also if it has
        several RDMs of one subject.
    """
    if path.suffix.lower() not in READERS:
        reason = ", because unpickling a file runs its code" if path.suffix.lower() in (".pkl", ".pickle") else ""
        raise StudyError(f"{path}: found {path.suffix or 'no suffix'}, expected {', '.join(READERS)}{reason}.")
    if not path.is_file():
        raise StudyError(f"{path} is missing; expected a file of RDMs.")
    names, values, subjects = READERS[path.suffix.lower()](path, column)
    vectors = as_vectors(values, len(names), path)
    doubled = [name for place, name in enumerate(names) if name in names[:place]]
    if doubled:
        raise StudyError(f"{path}: found the stimulus {doubled[0]!r} twice; expected each name once.")
    if not np.isfinite(vectors).any():
        raise StudyError(f"{path}: found no finite dissimilarity.")
    subjects = subjects or [str(place) for place in range(len(vectors))]
    if len(subjects) != len(vectors):
        raise StudyError(f"{path}: found {len(subjects)} subjects, expected {len(vectors)}, one for each RDM.")
    return OutsideRdms(tuple(names), vectors, tuple(subjects))


def as_vectors(values: NDArray, n_names: int, path: Path) -> Floats:
    """Return vectors (S, P) of square or condensed arrays.

    Raises
    ------
    StudyError
        If the shape is another one, or a matrix is not symmetric; names the file.
    """
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise StudyError(f"{path}: not an array of numbers ({problem}).") from problem
    if values.ndim in (2, 3) and values.shape[-2:] == (n_names, n_names):
        matrices = values.reshape(-1, n_names, n_names)
        for matrix in matrices:
            _check_matrix(matrix, path)
        return np.stack([squareform(matrix, checks=False) for matrix in matrices])
    length = n_names * (n_names - 1) // 2
    if values.ndim in (1, 2) and values.shape[-1] == length:
        return values.reshape(-1, length)
    raise StudyError(
        f"{path}: found an array of shape {values.shape}, expected ({n_names}, {n_names}) or ({length},) for {n_names} "
        "stimuli, or one of these for each subject."
    )


def _check_matrix(matrix: Floats, path: Path) -> None:
    largest = np.max(np.abs(matrix), where=np.isfinite(matrix), initial=0.0)
    difference = np.abs(matrix - matrix.T)
    if np.nanmax(difference, initial=0.0) > ASYMMETRY * largest or (np.isnan(matrix) != np.isnan(matrix.T)).any():
        row, column = np.unravel_index(np.argmax(np.nan_to_num(difference)), difference.shape)
        raise StudyError(
            f"{path}: found {matrix[row, column]:g} and {matrix[column, row]:g} at rows {row} and {column}; expected a "
            "symmetric matrix."
        )
    diagonal = np.diagonal(matrix)
    if np.nanmax(np.abs(diagonal), initial=0.0) > ASYMMETRY * largest:
        raise StudyError(f"{path}: found {np.nanmax(np.abs(diagonal)):g} on the diagonal, expected 0 or NaN.")


Read = tuple[list[str], NDArray, list[str]]
"""Names of the stimuli, the array, and the names of the subjects, if the file has them."""


def _read_npy(path: Path, column: str) -> Read:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as problem:
        raise StudyError(f"{path}: not a complete NPY array of numbers ({problem}).") from problem
    of_stimuli, *of_subjects = tables_beside(path)
    subjects = read_columns(of_subjects[0], "subject")[0] if of_subjects else []
    if subjects:
        _check_subjects(subjects, of_subjects[0])
    return read_columns(of_stimuli, column)[0], values, subjects


def _read_csv(path: Path, column: str) -> Read:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = (row for row in csv.reader(file, skipinitialspace=True, strict=True) if row)
    except (OSError, ValueError, csv.Error) as problem:
        raise StudyError(f"{path}: not a table of comma-separated values in UTF-8 ({problem}).") from problem
    if set(LONG) <= {*header}:
        return _of_pairs(path, has_subjects="subject" in header)
    names = header[1:]
    if [row[0] for row in rows] != names or any(len(row) != len(header) for row in rows):
        raise StudyError(
            f"{path}: the first column does not have the names of the header in their order; expected a square, or the "
            f"columns {', '.join(LONG)}."
        )
    return names, np.array([[_number(value, path) for value in row[1:]] for row in rows]), []


def _of_pairs(path: Path, *, has_subjects: bool) -> Read:
    """Read one row for each pair of stimuli, in any order; a pair that is not there is NaN."""
    first, second, values, *more = read_columns(path, *LONG, *(["subject"] if has_subjects else []))
    of_subjects = more[0] if has_subjects else [""] * len(first)
    names = {
        name: place
        for place, name in enumerate(dict.fromkeys(name for pair in zip(first, second, strict=True) for name in pair))
    }
    subjects = {name: place for place, name in enumerate(dict.fromkeys(of_subjects))}
    matrices = np.full((len(subjects), len(names), len(names)), np.nan)
    for subject, one, other, value in zip(of_subjects, first, second, values, strict=True):
        place = subjects[subject], names[one], names[other]
        turned = place[0], place[2], place[1]
        if one == other:
            continue
        if not np.isnan(matrices[place]) and matrices[place] != _number(value, path):
            raise StudyError(f"{path}: found the pair {one!r}, {other!r} with two dissimilarities; expected one.")
        matrices[place] = matrices[turned] = _number(value, path)
    for matrix in matrices:
        np.fill_diagonal(matrix, 0.0)
    return [*names], matrices, [*subjects] if has_subjects else []


def _number(text: str, path: Path) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        raise StudyError(f"{path}: found {text!r}, expected a number.") from None


def _read_hdf5(path: Path, column: str) -> Read:
    h5py = h5py_or_sentence()
    try:
        with h5py.File(path, "r") as file:
            values, patterns, rdms = file["dissimilarities"][()], file["pattern_descriptors"], file["rdm_descriptors"]
            if column not in patterns:
                raise StudyError(
                    f"{path}: found the descriptors {', '.join(patterns)} of patterns, expected one named {column}."
                )
            subjects = _subjects_of({name: _texts(rdms[name][()]) for name in rdms}, path)
            return _texts(patterns[column][()]), values, subjects
    except (OSError, KeyError) as problem:
        raise StudyError(f"{path}: not a complete file of rsatoolbox ({problem}).") from problem


def _subjects_of(descriptors: Mapping[str, list[str]], path: Path) -> list[str]:
    """Return the name of each RDM's subject by the descriptors of RDMs: `subject`, else `index`, else none.

    Raises
    ------
    StudyError
        If RDMs differ in something else too, such as regions: they are not RDMs of one subject each.
    """
    varying = {
        name: values for name, values in descriptors.items() if name not in ("subject", "index") and len({*values}) > 1
    }
    if "subject" in descriptors:
        _check_subjects(descriptors["subject"], path, f" Its RDMs differ in {', '.join(varying)}." if varying else "")
        return descriptors["subject"]
    repeated = [name for name, values in varying.items() if len({*values}) < len(values)]
    if repeated:
        raise StudyError(
            f"{path}: found RDMs that differ in {', '.join(varying)}, without a descriptor subject; expected one RDM "
            f"of each subject, so a file for each {repeated[-1]}."
        )
    index = descriptors.get("index", [])
    return index if len({*index}) == len(index) else []  # joined files may count from 0 in each


def _check_subjects(subjects: Sequence[str], path: Path, differences: str = "") -> None:
    """Refuse several RDMs of one subject: they would count as RDMs of several subjects."""
    name, times = Counter(subjects).most_common(1)[0]
    if times > 1:
        raise StudyError(f"{path}: found {times} RDMs of the subject {name!r}, expected one of each.{differences}")


def _texts(values: NDArray) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in np.atleast_1d(values).tolist()]


READERS: dict[str, Callable[[Path, str], Read]] = {
    ".npy": _read_npy,
    ".csv": _read_csv,
    ".hdf5": _read_hdf5,
    ".h5": _read_hdf5,
}

FEWEST_MATCHED = 5
"""Smallest number of stimuli that a study and a file must have in common."""


@dataclass(frozen=True)
class Match:
    """Stimuli that a study and a file have in common, in the study's order.

    Attributes
    ----------
    of_study, of_file
        Places of the common stimuli among those of the study and of the file.
    only_study, only_file
        Names that only one of them has.
    """

    of_study: list[int]
    of_file: list[int]
    only_study: list[str]
    only_file: list[str]

    def sentence(self, source: str) -> str | None:
        """Return a sentence on names that were left over, or None if there are none."""
        parts = [
            f"{len(names)} {whose} ({abridged(names)})"
            for names, whose in ((self.only_study, "of the study"), (self.only_file, "of the file"))
            if names
        ]
        return f"{source}: stimuli without a match: {', '.join(parts)}." if parts else None


def match_names(study: Sequence[str], outside: OutsideRdms, source: str) -> Match:
    """Match stimuli by name, case by case.

    Raises
    ------
    StudyError
        If fewer than five match, or a name of the study is there twice.
    """
    places = {name: place for place, name in enumerate(outside.names)}
    doubled = next((name for place, name in enumerate(study) if name in study[:place] and name in places), None)
    if doubled is not None:
        raise StudyError(
            f"{source}: two stimuli of the study are called {doubled!r}; name another column (outside.column)."
        )
    of_study = [place for place, name in enumerate(study) if name in places]
    if len(of_study) < FEWEST_MATCHED:
        raise StudyError(
            f"{source}: {len(of_study)} of its {len(places)} names are names of stimuli, expected at least "
            f"{FEWEST_MATCHED}. The study's are such as {abridged(list(study))}, the file's {abridged([*places])}."
        )
    matched = [study[place] for place in of_study]
    only = [name for name in study if name not in places], [name for name in places if name not in {*matched}]
    return Match(of_study, [places[name] for name in matched], *only)
