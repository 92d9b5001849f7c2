"""Results of a study, opened in a notebook: tables, RDMs and networks.

Files are read as they are. Only the workflow compares them with their records.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

from manyseeds.errors import StudyError
from manyseeds.exchange import rsatoolbox_files
from manyseeds.representations import geometry_files
from manyseeds.representations.geometry import NORMALISATIONS
from manyseeds.representations.measures import MEASURES, rdm
from manyseeds.study.user_folders import abridged

if TYPE_CHECKING:
    from rsatoolbox.rdm.rdms import RDMs
    from torch import nn

GROUP = ("architecture", "condition", "seed")
"""Columns that identify an instance."""


def open_study(path: str | Path) -> "Results":
    """Open the results of a study.

    Parameters
    ----------
    path
        The study's folder, such as ``results/digits``.

    Raises
    ------
    StudyError
        If the folder holds no results.
    """
    folder = Path(path)
    if not any((folder / name).is_dir() for name in ("tables", "geometry", "networks")):
        raise StudyError(f"{folder}: found no results of a study, expected a folder such as results/digits.")
    return Results(folder)


class Results:
    """The results of one study. Nothing is read before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"<study {self.folder.name}: {len(self.tables)} tables, {len(self.instances)} instances>"

    @property
    def tables(self) -> list[str]:
        """Names of the tables that are there."""
        return sorted(path.stem for path in (self.folder / "tables").glob("*.parquet"))

    @property
    def instances(self) -> list[tuple[str, str, int]]:
        """Architecture, condition and seed of each instance, collapsed ones included.

        They are those of table `instances`. Without it they are those that have a geometry, which an instance that the
        study no longer has keeps.
        """
        if "instances" in self.tables:
            listed = self.table("instances")[[*GROUP]].itertuples(index=False, name=None)
            return sorted((str(architecture), str(condition), int(seed)) for architecture, condition, seed in listed)
        folders = self.folder.glob("geometry/*/*/seed*")
        found = [(path.parts[-3], path.parts[-2], int(path.name.removeprefix("seed"))) for path in folders]
        return sorted(found)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table; `docs/tables.md` describes its columns.

        Raises
        ------
        StudyError
            If the study does not have the table.
        """
        if name not in self.tables:
            raise StudyError(f"{self.folder}: found no table {name!r}, expected one of {', '.join(self.tables)}.")
        return pd.read_parquet(self.folder / "tables" / f"{name}.parquet")

    def epochs(self, architecture: str, condition: str, seed: int) -> list[int]:
        """Return the analysed epochs of an instance, in ascending order."""
        return sorted(_by_epoch(self._instance("geometry", architecture, condition, seed)))

    def rdms(
        self,
        architecture: str,
        condition: str,
        seed: int,
        *,
        epoch: int | None = None,
        measure: str = "correlation",
        normalisation: str = "none",
    ) -> dict[str, NDArray[np.float64]]:
        """Return the RDMs of an instance by layer, in order of depth.

        They are computed from Gram matrices, so every measure is there, whatever `rdms.keep` says.

        Parameters
        ----------
        epoch
            An analysed epoch; None: the last one.
        measure, normalisation
            As in `manyseeds.rdm`.

        Returns
        -------
        dict
            (n, n) symmetric matrices; NaN where undefined.
        """
        for name, known in ((measure, MEASURES), (normalisation, NORMALISATIONS)):
            if name not in known:
                raise StudyError(f"rdms: found {name!r}, expected one of {', '.join(known)}.")
        path = self._epoch("geometry", architecture, condition, seed, epoch)
        matrices = {}
        for layer in geometry_files.stored_layers(path):
            geometry = NORMALISATIONS[normalisation](geometry_files.load_geometry(path, layer))
            matrices[layer] = squareform(rdm(geometry, measure), checks=False)
        return matrices

    def rsatoolbox(
        self,
        architecture: str,
        condition: str,
        *,
        epoch: int | None = None,
        measure: str = "correlation",
        normalisation: str = "none",
    ) -> "RDMs":
        """Return the RDMs of all instances and layers of a group as an object of rsatoolbox, which must be installed.

        Parameters are those of `rdms`. Instances that collapsed are left out.

        Returns
        -------
        rsatoolbox.rdm.RDMs
            Descriptors of RDMs are seed, epoch, layer and layer_index; those of patterns are stimulus, category and
            category_name.
        """
        listed = self.table("instances") if "instances" in self.tables else pd.DataFrame(columns=[*GROUP, "collapsed"])
        lost = {tuple(row) for row in listed.loc[listed["collapsed"].astype(bool), [*GROUP]].to_numpy(object)}
        seeds = [seed for *group, seed in self.instances if group == [architecture, condition]]
        points, vectors = [], []
        for seed in [seed for seed in seeds if (architecture, condition, seed) not in lost]:
            options = {"epoch": epoch, "measure": measure, "normalisation": normalisation}
            found = self.rdms(architecture, condition, seed, **options)
            last = self.epochs(architecture, condition, seed)[-1] if epoch is None else epoch
            places = geometry_files.layer_indices(self._epoch("geometry", architecture, condition, seed, epoch))
            for layer, matrix in found.items():
                points.append({"seed": seed, "epoch": last, "layer": layer, "layer_index": places[layer]})
                vectors.append(squareform(matrix, checks=False))
        if not vectors:
            raise StudyError(f"{self.folder}: found no instances of {architecture}, {condition}.")
        patterns = rsatoolbox_files.pattern_descriptors(pd.read_parquet(self.folder / "stimuli" / "stimuli.parquet"))
        descriptors = {"architecture": architecture, "condition": condition, "normalisation": normalisation}
        return rsatoolbox_files.as_rdms(np.stack(vectors), pd.DataFrame(points), patterns, descriptors, measure)

    def network(self, architecture: str, condition: str, seed: int, *, epoch: int | None = None) -> "nn.Module":
        """Return a network with its weights, in evaluation mode (needs torch).

        Networks of the user's own code are refused: opening results imports no module that a file names.

        Parameters
        ----------
        epoch
            A checkpoint; None: the last one that is there.
        """
        from manyseeds.io import tensors
        from manyseeds.models import build, spec

        path = self._epoch("networks", architecture, condition, seed, epoch)
        weights, metadata = tensors.read(path)
        if "network" not in metadata:
            raise StudyError(f"{path}: found no description of its network; it was trained by an earlier version.")
        network, image_shape, n_categories = spec.from_metadata(metadata)
        if "." in network.architecture:
            raise StudyError(f"{path}: the network {network.architecture} is the user's own code; build it there.")
        module = build.build(network, image_shape, n_categories)
        build.load(module, weights, source=str(path))
        return module.eval()

    def _epoch(self, kind: str, architecture: str, condition: str, seed: int, epoch: int | None) -> Path:
        """Return a file of an instance at an epoch; None: the last one."""
        folder = self._instance(kind, architecture, condition, seed)
        files = _by_epoch(folder)
        if not files or (epoch is not None and epoch not in files):
            raise StudyError(f"{folder}: found epochs {sorted(files)}, expected {'one' if epoch is None else epoch}.")
        return files[max(files) if epoch is None else epoch]

    def _instance(self, kind: str, architecture: str, condition: str, seed: int) -> Path:
        """Return the folder of an instance."""
        folder = self.folder / kind / architecture / condition / f"seed{seed}"
        if not folder.is_dir():
            known = "; ".join(f"{a}, {c}, seed {s}" for a, c, s in self.instances[:6])
            raise StudyError(f"{folder}: found no such instance, expected one of: {known} ...")
        return folder


UNTRAINED = "epoch0_untrained"
"""Stem of the file with all layers before training. A trajectory's epoch0 has some of them."""


def _by_epoch(folder: Path) -> dict[int, Path]:
    """Return the files of an instance by epoch; those of dropout samples are left out."""
    files = {path.stem: path for path in folder.glob("epoch*")}
    found = {int(stem.removeprefix("epoch")): path for stem, path in files.items() if "_" not in stem}
    return found | ({0: files[UNTRAINED]} if UNTRAINED in files else {})


def closing_lines(folder: Path, tables: Sequence[str]) -> list[str]:
    """Return the last lines of a finished run: where its results are, its main numbers, and what was left out.

    Parameters
    ----------
    folder
        The study's folder.
    tables
        Which of the tables ``consistency_summary``, ``howmany_answer``, ``sources``, ``outside_summary``,
        ``outside_conclusions`` and ``instances`` are up to date. Others are not read.
    """
    places = [f"{name} are in {folder / name}/" for name in ("figures", "tables") if any((folder / name).glob("*.*"))]
    lines = [f"{', '.join(places).capitalize()}."] if places else []
    read = {name: pd.read_parquet(folder / "tables" / f"{name}.parquet") for name in tables}
    if "consistency_summary" in read:
        lines += _main_numbers(read["consistency_summary"])
    if "howmany_answer" in read:
        lines += needed_networks(read["howmany_answer"])
    if "sources" in read:
        lines += _sources(read["sources"])
    if {"outside_summary", "outside_conclusions"} <= read.keys():
        lines += _outside(read["outside_summary"], read["outside_conclusions"])
    if "instances" in read:
        lines += left_out(read["instances"])
    return lines


def _main_numbers(summary: pd.DataFrame) -> list[str]:
    """Return a line with the consistency of each shown group in its last layer, with its jackknife interval."""
    from manyseeds.figures import selection  # a notebook does not need it
    from manyseeds.figures.catalogue import main_measure

    if summary.empty:
        return []
    measure = main_measure(summary["measure"])
    numbers = []
    for group in selection.groups(summary):
        rows = selection.consistency_curve(summary, group, kind="exemplar", measure=measure, ci_method="jackknife")
        for layer, *values in rows[["layer", "mean", "ci_low", "ci_high"]].tail(1).itertuples(index=False):
            mean, low, high = np.array(values, float)
            interval = "no interval" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
            numbers.append(f"{group.title}, {layer}: {mean:.3f} ({interval})")
    return [f"Consistency in the last layer (95 % jackknife). {'; '.join(numbers)}."] if numbers else []


def needed_networks(answers: pd.DataFrame) -> list[str]:
    """Return a line on how many networks the wanted precision needs, for each shown group of five networks or more."""
    from manyseeds.figures import selection  # a notebook does not need these
    from manyseeds.figures.catalogue import main_measure
    from manyseeds.statistics.howmany import answer

    rows = answers[(answers["kind"] == "exemplar") & (answers["normalisation"] == "none") & answers["contrast"].isna()]
    if rows.empty:
        return []
    rows = rows[rows["measure"] == main_measure(rows["measure"])]
    found = [f"{group.title}, {answer(selection.rows_of(rows, group))}" for group in selection.groups(rows)]
    return [f"Precision. {'; '.join(found)}."]


def _sources(sources: pd.DataFrame) -> list[str]:
    """Return a line per architecture: which stream constrains more, in the first and in the last layer."""
    from manyseeds.figures import sources as figure  # a notebook does not need these
    from manyseeds.figures.selection import ARCHITECTURE_NAMES

    lines = []
    for architecture, rows in figure.of_last_epoch(sources).groupby("architecture", sort=False):
        name = ARCHITECTURE_NAMES.get(str(architecture), str(architecture))
        lines.append(f"Sources of difference (95 % two-way). {name}, {'; '.join(figure.answers(rows))}.")
    return lines


def _outside(summary: pd.DataFrame, conclusions: pd.DataFrame) -> list[str]:
    """Return a line on agreement with RDMs from outside: would a single network have led to another conclusion?"""
    from manyseeds.figures import outside  # a notebook does not need it

    sentences = outside.answers(summary, conclusions)
    return [f"RDMs from outside. {' '.join(sentences)}"] if sentences else []


def left_out(instances: pd.DataFrame) -> list[str]:
    """Return a line on collapsed and redrawn networks, if their training is known."""
    if instances["attempts"].isna().all():
        return []
    collapsed = instances["collapsed"].fillna(False).astype(bool)
    redrawn = ~collapsed & (instances["attempts"].fillna(1) > 1)
    facts = []
    for chosen, word in ((collapsed, "Collapsed and left out"), (redrawn, "Redrawn after a collapse")):
        names = [f"{row.architecture}/{row.condition}/seed{row.seed}" for row in instances[chosen].itertuples()]
        if names:
            facts.append(f"{word}: {len(names)} of {len(instances)} networks, {abridged(names)}.")
    return [" ".join(facts) or f"None of the {len(instances)} networks collapsed."]
