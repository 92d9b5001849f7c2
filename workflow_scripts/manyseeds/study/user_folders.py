"""Folders that users bring: their own activations, their own networks, exported networks.

Only the names of files and folders are read, and ``layers.csv``, so a wrong layout is reported while the Snakefile is
parsed.
"""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from manyseeds.errors import StudyError, breaks_lines
from manyseeds.study.instances import CARD, Instance
from manyseeds.study.names import alike

BRACES = {"{", "}", "<", ">"}
"""In a path, Snakemake takes the text between {} for a wildcard, and that between <> for a variable."""

MOST_DIGITS = 18
"""Maximum number of digits of a seed or an epoch: tables hold them as integers of 64 bits."""

NETWORK_SUFFIXES = (".safetensors", ".pt", ".pth")

STIMULI, LAYERS = "stimuli.csv", "layers.csv"
"""Tables beside own activations: labels of the stimuli, and the order of the layers."""

EXPORTED = ("study.yaml", "data.json", "stimuli.parquet")
EXPORTED_NETWORK = (
    CARD,
    "weights.safetensors",
    "history.parquet",
    "attempts.parquet",
    "accuracy.parquet",
    "activations.npz",
)
"""Files of an export, and of each of its networks."""

DATA_SUFFIXES = frozenset(
    (
        *(*NETWORK_SUFFIXES, ".ckpt", ".bin", ".onnx", ".pkl", ".pickle"),
        *(".npy", ".npz", ".h5", ".hdf5", ".mat", ".zarr", ".parquet", ".feather", ".csv", ".tsv"),
    )
)
"""Suffixes, in lower case, of files that may hold activations, weights or labels."""

MOST_LEVELS = 5
"""Number of levels of a folder of own activations: architecture, condition, seed, epoch, layer."""

MOST_NAMED = 5
"""Maximum number of files that a sentence names."""


def find_arrays(folder: Path) -> dict[Instance, dict[int, tuple[Path, ...]]]:
    """Find own activations: ``{architecture}/{condition}/seed{n}/[epoch{e}/]{layer}.npy``.

    Returns
    -------
    dict
        The arrays of the layers, by instance and epoch (0 if there are no epoch folders). Layers are in the order of
        ``layers.csv`` if the folder has one, else in natural order (conv2 before conv10).

    Raises
    ------
    StudyError
        If there are none, or the last epoch does not have all the layers. Also if instances differ in their epochs, or
        instances of one architecture differ in their layers.
    """
    instances = _find_instances(folder, "seed*", "activations_dir")
    arrays = {instance: _arrays_by_epoch(path, _layer_order(folder)) for instance, path in instances.items()}
    for instance, by_epoch in arrays.items():
        _check_same(folder, instance, "epochs", _names(by_epoch), _names(next(iter(arrays.values()))))
        reference = next(files for other, files in arrays.items() if other.architecture == instance.architecture)
        for epoch, files in by_epoch.items():
            layers, expected = ([file.stem for file in group] for group in (files, reference[epoch]))
            _check_same(folder, instance, f"layers of epoch {epoch}", layers, expected)
        last, at_the_end = max(by_epoch), {file.stem for file in by_epoch[max(by_epoch)]}
        for file in (file for files in by_epoch.values() for file in files):
            if file.stem not in at_the_end:
                raise StudyError(
                    f"{file}: the last epoch, {last}, does not have this layer; expected all layers there."
                )
    return arrays


def find_checkpoints(folder: Path) -> dict[Instance, Path]:
    """Find own networks: ``{architecture}/{condition}/seed{n}`` with one of `NETWORK_SUFFIXES`.

    Raises
    ------
    StudyError
        If there are none, or two of one seed.
    """
    return _find_instances(folder, "seed*.*", "networks_dir", NETWORK_SUFFIXES)


def starting_file(path: Path, seed: int) -> Path:
    """Return the file of weights with which a network begins: a file for all, or ``seed{n}`` in a folder.

    Parameters
    ----------
    seed
        Seed of the network's stream `init`.

    Raises
    ------
    StudyError
        If there is none, or two of one seed.
    """
    if os.path.isfile(path):
        return path
    found = [path / f"seed{seed}{suffix}" for suffix in NETWORK_SUFFIXES if (path / f"seed{seed}{suffix}").is_file()]
    if len(found) != 1:
        count = "no file" if not found else f"{len(found)} files"
        where = f"{path}/seed{seed} with one of {', '.join(NETWORK_SUFFIXES)}" if os.path.isdir(path) else str(path)
        raise StudyError(f"networks: {count} of starting weights at {where}, expected one.")
    return found[0]


def find_exported(folder: Path) -> dict[Instance, Path]:
    """Find networks that a study exported: ``{architecture}/{condition}/seed{n}/card.json``.

    Returns
    -------
    dict
        The folder of each instance.

    Raises
    ------
    StudyError
        If there are none, or one does not have a card, which is written last. Also if a file is not a regular file.
    """
    found = _find_instances(folder, "seed*", "pretrained_dir")
    check_regular(folder, EXPORTED)
    for path in found.values():
        check_regular(path, EXPORTED_NETWORK)
        if not (path / CARD).is_file():
            raise StudyError(
                f"{path} does not hold {CARD}, so the export of this network is incomplete; complete it, or delete it."
            )
    return found


def unread_files(folder: Path, read: Iterable[Path]) -> list[Path]:
    """Return the files in a user's folder that look like data, by their suffixes, and are not read.

    Parameters
    ----------
    folder
        The folder, searched as deep as own activations lie. Hidden files and folders are skipped.
    read
        Files that are read, and folders whose files are all known.
    """
    known, unread = set(map(os.path.realpath, read)), []
    for place, folders, names in os.walk(folder, followlinks=True):
        known.add(os.path.realpath(place))  # links may lead to a folder again
        entries = [Path(place, name) for name in (*folders, *names) if not name.startswith(".")]
        new = [path for path in entries if os.path.realpath(path) not in known]
        data = {path.name: path for path in new if path.suffix.lower() in DATA_SUFFIXES}
        unread += data.values()
        deep = len(Path(place).relative_to(folder).parts) + 1 >= MOST_LEVELS
        folders[:] = [] if deep else sorted(({path.name for path in new} & set(folders)) - set(data))
    return sorted(unread)


def abridged(names: Sequence[str]) -> str:
    """Return names as text: all of a few, or the first of many with the number of the others."""
    shown = list(names[:MOST_NAMED])
    others = len(names) - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others else "")


def check_braces(key: str, path: str) -> None:
    """Check that a path has no characters that Snakemake replaces in rules.

    Parameters
    ----------
    key
        What names the path, for the error.

    Raises
    ------
    StudyError
        If it has one of `BRACES`.
    """
    if not BRACES.isdisjoint(path):
        raise StudyError(f"{key}: found {path}, expected a path without {{, }}, < and >, which Snakemake replaces.")


def _find_instances(folder: Path, pattern: str, key: str, suffixes: Sequence[str] = ("",)) -> dict[Instance, Path]:
    if not os.path.isdir(folder):  # pathlib's is_dir raises if a link leads to itself
        raise StudyError(f"Config key {key}: the folder {folder} does not exist.")
    check_braces(f"Config key {key}", str(folder))
    found: dict[Instance, Path] = {}
    for path in folder.glob(f"*/*/{pattern}"):
        seed = re.fullmatch(r"seed([0-9]+)", path.stem)
        if seed is None or path.suffix not in suffixes:
            continue
        if len(seed[1]) > 1 and seed[1].startswith("0"):
            raise StudyError(f"{path}: found the seed {seed[1]}, expected a number without leading zeros, as in seed7.")
        architecture, condition = (_checked_name(name, path) for name in path.parent.parts[-2:])
        instance = Instance(architecture, condition, _number(seed[1], path))
        if instance in found:
            raise StudyError(f"{path} and {found[instance].name} have the same seed; expected one file per seed.")
        found[instance] = path
        if suffixes != ("",) and not os.path.isfile(path):
            raise StudyError(f"{path} is not a file, or is a broken link; expected the weights of a network.")
    if not found:
        there = [str(path.relative_to(folder)) for path in unread_files(folder, ())]
        raise StudyError(
            f"Config key {key}: {folder} does not hold any {{architecture}}/{{condition}}/seed{{n}}{suffixes[0]}; "
            f"found {abridged(there) or 'no file that looks like data'}."
        )
    _check_case(folder, {instance.architecture for instance in found})
    for architecture in {instance.architecture for instance in found}:
        conditions = {instance.condition for instance in found if instance.architecture == architecture}
        _check_case(folder / architecture, conditions)
    return dict(sorted(found.items()))


def _check_case(folder: Path, names: Iterable[str]) -> None:
    if pair := alike(sorted(names)):
        raise StudyError(f"{folder}: the names {pair[0]!r} and {pair[1]!r} differ in case alone; rename one.")


def check_regular(folder: Path, names: Iterable[str]) -> None:
    """Check that files are regular files, if they exist: reading a pipe or a device may never end.

    Raises
    ------
    StudyError
        If one is not; names the first.
    """
    for path in (folder / name for name in names):
        if os.path.exists(path) and not os.path.isfile(path):
            raise StudyError(f"{path} is not a regular file; expected one, as an export writes it.")


def _checked_name(name: str, path: Path) -> str:
    """Return the name of a folder if it may name folders of the study too."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise StudyError(
            f"{path}: found the folder name {name!r}, expected a letter or digit, then letters, digits, -, _ and ."
        )
    return name


def _number(digits: str, path: Path) -> int:
    if len(digits) > MOST_DIGITS:
        raise StudyError(f"{path}: found a number of {len(digits)} digits, expected at most {MOST_DIGITS}.")
    return int(digits)


def _arrays_by_epoch(folder: Path, order: Sequence[str] | None) -> dict[int, tuple[Path, ...]]:
    epochs: dict[int, Path] = {}
    for path in sorted(folder.glob("epoch*")):
        if found := re.fullmatch(r"epoch([0-9]+)", path.name):
            epoch = _number(found[1], path)
            if epoch in epochs:
                raise StudyError(f"{path} and {epochs[epoch].name} are the same epoch; expected one folder per epoch.")
            epochs[epoch] = path
    return {epoch: _layers(path, order) for epoch, path in sorted((epochs or {0: folder}).items())}


def _layers(folder: Path, order: Sequence[str] | None) -> tuple[Path, ...]:
    files = {path.stem: path for path in sorted(folder.glob("*.npy"), key=_natural)}
    if not files:
        raise StudyError(f"{folder}: found no array, expected one {{layer}}.npy for each layer.")
    _check_case(folder, files)
    for name in files:
        if breaks_lines(name) or not BRACES.isdisjoint(name):
            raise StudyError(
                f"{folder}: found the layer {name!a}, expected a name without control characters, {{, }}, < and >."
            )
    if order is None:
        return tuple(files.values())
    unlisted = next((name for name in files if name not in order), None)
    if unlisted is not None:
        raise StudyError(f"{files[unlisted]}: layers.csv does not list this layer; it lists {', '.join(order)}.")
    return tuple(files[name] for name in order if name in files)


def _layer_order(folder: Path) -> list[str] | None:
    """Read the column ``layer`` of ``layers.csv``, if there is one."""
    path = folder / LAYERS
    if not path.exists():
        return None
    (order,) = read_columns(path, "layer")
    if not order:
        raise StudyError(f"{path}: found no row below the header, expected one for each layer.")
    repeated = next((name for name in order if order.count(name) > 1), None)
    if repeated is not None:
        raise StudyError(f"{path}: found the layer {repeated!r} twice, expected each layer once.")
    return order


def names_categories(path: Path) -> bool:
    """Return whether a table of stimuli has the column category, in any case of its letters.

    Also true for a file that cannot be read. `read_columns` then says what is wrong with either.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next((row for row in csv.reader(file, skipinitialspace=True, strict=True) if row), ["category"])
    except (OSError, ValueError, csv.Error):
        return True
    return "category" in (name.strip().lower() for name in header)


def tables_beside(path: Path) -> list[Path]:
    """Return the tables that name the stimuli and perhaps the subjects of an array of RDMs; none for other files."""
    if path.suffix.lower() != ".npy":
        return []
    of_subjects = path.with_name(f"{path.stem}_subjects.csv")
    return [path.with_suffix(".csv"), *([of_subjects] if of_subjects.is_file() else [])]


def read_columns(path: Path, *columns: str) -> list[list[str]]:
    """Read columns of a CSV file without blanks around values; blank lines and other columns are skipped.

    Raises
    ------
    StudyError
        If the file is missing, is not a CSV file or does not have a column. Also if a row lacks a value, or has more
        values than the header: one value too many would shift all others.
    """
    if not path.is_file():
        raise StudyError(f"{path} is missing; expected a table with the columns {' and '.join(columns)}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = (row for row in csv.reader(file, skipinitialspace=True, strict=True) if row)
    except (OSError, ValueError, csv.Error) as problem:  # ValueError: no row at all, or not UTF-8
        raise StudyError(f"{path}: not a table of comma-separated values in UTF-8 ({problem}).") from problem
    for column in columns:
        if header.count(column) != 1:
            raise StudyError(f"{path}: found the columns {', '.join(header)}, expected one named {column}.")
    for number, row in enumerate(rows, start=1):
        if len(row) > len(header):
            raise StudyError(f"{path}: row {number} has {len(row)} values, expected {len(header)}, one per column.")
        row.extend([""] * (len(header) - len(row)))
    table = {column: [row[header.index(column)].strip() for row in rows] for column in columns}
    for column, values in table.items():
        if "" in values:
            raise StudyError(f"{path}: row {values.index('') + 1} has no {column}; expected one in each row.")
    return list(table.values())


def _natural(path: Path) -> list[str | int]:
    """Return the alternating texts and numbers of a name, by which conv2 sorts before conv10."""
    parts = re.split(r"([0-9]+)", path.stem)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _names(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values]


def _check_same(folder: Path, instance: Instance, what: str, found: Sequence[str], expected: Sequence[str]) -> None:
    if list(found) != list(expected):
        raise StudyError(
            f"{folder}/{instance}: found the {what} {', '.join(found)}, "
            f"expected {', '.join(expected)} as in the other instances."
        )
