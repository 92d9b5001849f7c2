"""RDMs from outside, for the stimuli that they have in common with a study (methods 13)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from manyseeds.comparison.outside import Outside
from manyseeds.data.cifar10 import CATEGORIES
from manyseeds.data.stimuli import stimuli_from_folder, stimuli_of_image_folder
from manyseeds.errors import StudyError
from manyseeds.exchange.outside_files import match_names, read_outside
from manyseeds.exchange.rsatoolbox_files import stimulus_names
from manyseeds.study.study import OWN_ACTIVATIONS, Study
from manyseeds.study.user_folders import STIMULI, abridged, read_columns

STIMULUS = "stimulus"
"""Value of `outside.column` that stands for the names of `stimulus_names`."""

KNOWN_CATEGORIES = {"digits": tuple("0123456789"), "cifar10": CATEGORIES}
"""Names of the categories of data sets, in their order, as far as they are known before the data are read."""


def names_of(table: Path, column: str) -> list[str]:
    """Read the names of a study's stimuli.

    Parameters
    ----------
    table
        The study's table of stimuli, or ``stimuli.csv`` of own activations.
    column
        Value of `outside.column`.

    Raises
    ------
    StudyError
        If the table does not have the column, or a stimulus does not have a name.
    """
    if table.suffix == ".csv":
        return read_columns(table, column)[0]
    stimuli = pd.read_parquet(table)
    return stimulus_names(stimuli) if column == STIMULUS else _column(stimuli, column)


def _column(stimuli: pd.DataFrame, column: str) -> list[str]:
    if column not in stimuli or stimuli[column].isna().any():
        known = [str(name) for name in stimuli if not stimuli[name].isna().any()]
        raise StudyError(f"Config key outside.column: found {column!r}, expected one of {', '.join(known)}.")
    return [str(value) for value in stimuli[column]]


def planned_names(study: Study) -> list[str] | None:
    """Return the names of a study's stimuli before they are selected; None if only the data know them.

    Raises
    ------
    StudyError
        As `names_of`, `stimuli_from_folder` and `stimuli_of_image_folder`.
    """
    config, column = study.config, study.config["outside"]["column"]
    if study.mode == OWN_ACTIVATIONS:
        return names_of(Path(config["activations_dir"], STIMULI), column)
    stimuli, data = config["stimuli"], config["data"]
    if stimuli["root"] is not None:
        chosen, _ = stimuli_from_folder(Path(stimuli["root"]), stimuli["per_category"], stimuli["categories"])
    elif data["dataset"] == "image_folder" and Path(data["root"]).is_dir():
        chosen = stimuli_of_image_folder(Path(data["root"]), stimuli["per_category"])
    elif data["dataset"] in KNOWN_CATEGORIES and column == STIMULUS:
        categories = KNOWN_CATEGORIES[data["dataset"]]
        return [f"{category}/{place}" for category in categories for place in range(stimuli["per_category"])]
    else:
        return None
    return stimulus_names(chosen) if column == STIMULUS else _column(chosen, column)


def check_files(study: Study) -> list[str]:
    """Check all RDMs from outside before anything is computed: their files, and names if these are known.

    Returns
    -------
    list of str
        Sentences on stimuli without a match, and on undefined or constant dissimilarities.

    Raises
    ------
    StudyError
        If there are mistakes; names all of them.
    """
    entries, column = study.config["outside"]["files"], study.config["outside"]["column"]
    names = planned_names(study) if entries else None
    problems, remarks = [], []
    for entry in entries:
        try:
            remarks += matched(entry, column, names)[1]
        except StudyError as problem:
            problems.append(str(problem))
    if len(problems) > 1:
        told = " ".join(f"({number}) {problem}" for number, problem in enumerate(problems, start=1))
        raise StudyError(f"Found {len(problems)} mistakes in the RDMs from outside: {told}")
    if problems:
        raise StudyError(problems[0])
    return remarks


def matched(entry: dict[str, Any], column: str, names: Sequence[str] | None) -> tuple[Outside, list[str]]:
    """Read RDMs from outside, and keep the stimuli that a study has too, in the study's order.

    Parameters
    ----------
    entry
        An entry of `outside.files`.
    names
        Names of the study's stimuli; None: not known yet, so all stimuli of the file are kept.

    Returns
    -------
    outside : Outside
    remarks : list of str
        Sentences on what is left out or undefined.

    Raises
    ------
    StudyError
        If the file is wrong, fewer than five names match, or squared distances are negative.
    """
    path = Path(entry["path"])
    read = read_outside(path, column)
    match = match_names(read.names if names is None else names, read, str(path))
    vectors = read.of_stimuli(match.of_file)
    if entry["squared"] and (vectors < 0).any():
        raise StudyError(
            f"{path}: found the dissimilarity {np.nanmin(vectors):g}, expected none below 0, because "
            f"outside.files says `squared: true` of {entry['name']}."
        )
    theirs = Outside(
        entry["name"],
        read.subjects,
        vectors,
        np.array(match.of_study, dtype=np.int64),
        kind=entry["kind"],
        is_squared=entry["squared"],
    )
    remarks = [match.sentence(str(path)), *_undefined(theirs, path)]
    return theirs, [remark for remark in remarks if remark]


def _undefined(theirs: Outside, path: Path) -> list[str]:
    """Return sentences on subjects whose dissimilarities are all equal, and on undefined ones."""
    spans = [np.ptp(vector[~np.isnan(vector)]) if (~np.isnan(vector)).any() else 0.0 for vector in theirs.vectors]
    constant = [name for name, span in zip(theirs.subjects, spans, strict=True) if span == 0]
    undefined = int(np.isnan(theirs.vectors).sum())
    remarks = []
    if constant:
        remarks.append(
            f"{path}: all dissimilarities are equal, so nothing agrees with them: subject {abridged(constant)}."
        )
    if undefined:
        remarks.append(f"{path}: {undefined:,} of {theirs.vectors.size:,} dissimilarities are undefined and left out.")
    return remarks
