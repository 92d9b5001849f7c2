"""RDMs in NPY files: layers x pairs of stimuli, float32, raw and after the cocktail blank."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from manyseeds.io.files import atomic_path
from manyseeds.representations.geometry import NORMALISATIONS, Geometry
from manyseeds.representations.measures import as_float32, rdm


def save_rdms(
    paths: Iterable[Path | str], geometries: Mapping[str, Geometry], measures: Sequence[str], name: str
) -> None:
    """Write the RDMs of some layers of one network.

    Parameters
    ----------
    paths
        One file for each normalisation and measure: all measures of raw patterns first, then those after the blank.
    geometries
        Raw geometries by layer, in order.
    measures
        Names of the dissimilarity measures.
    name
        Name of the network in errors.

    Raises
    ------
    StudyError
        If float32 cannot hold a layer's dissimilarities.
    """
    names = [f"{name}, {layer}" for layer in geometries]
    normalised = ([normalise(raw) for raw in geometries.values()] for normalise in NORMALISATIONS.values())
    rdms = (
        as_float32(np.stack([rdm(layer, measure) for layer in layers]), measure, names)
        for layers in normalised
        for measure in measures
    )
    for path, vectors in zip(paths, rdms, strict=True):
        with atomic_path(path) as partial:
            np.save(partial, vectors)
