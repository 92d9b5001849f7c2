"""Second-level similarity analysis: distances between the RDMs of all layers and instances.

See methods 5, and Mehrer et al. (2020), fig. 3 and supp. 2.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.comparison.consistency import pairwise_r
from manyseeds.io.scratch import stack
from manyseeds.representations.geometry_files import layer_indices, load_geometry
from manyseeds.representations.measures import rdm


def load_rdms(files: Mapping[int, Path | str], measure: str) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the RDMs of all layers of some instances of one group, at one epoch.

    Parameters
    ----------
    files
        Geometry file of each instance, by its seed.
    measure
        Name of the dissimilarity measure.

    Returns
    -------
    Layer, layer_index and seed of each RDM, by layer, then instance; and (n_rdms, n_pairs) condensed RDMs, with NaN for
    undefined entries.
    """
    layers = layer_indices(next(iter(files.values())))
    points = [(layer, index, seed) for layer, index in layers.items() for seed in files]
    rdms = stack((rdm(load_geometry(files[seed], layer), measure) for layer, _, seed in points), len(points))
    return pd.DataFrame(points, columns=["layer", "layer_index", "seed"]), rdms


def second_level_distances(rdms: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the distances 1 - r between RDMs (methods 5).

    Parameters
    ----------
    rdms
        (n_rdms, n_pairs), condensed; undefined entries are NaN and left out pairwise.

    Returns
    -------
    (n_rdms, n_rdms) with an exactly zero diagonal; NaN where a correlation is undefined.
    """
    r, _ = pairwise_r(rdms)
    distances = 1.0 - r
    # r exceeds 1 only by rounding. An RDM that is not constant has distance 0 from itself.
    distances = np.maximum(distances, 0.0)
    diagonal = np.diagonal(distances)
    np.fill_diagonal(distances, np.where(np.isnan(diagonal), np.nan, 0.0))
    return distances


def distance_table(points: pd.DataFrame, distances: NDArray[np.floating]) -> pd.DataFrame:
    """List every pair of RDMs once: rows of the table `second_level`, without the group's keys.

    Parameters
    ----------
    points
        Layer, layer_index and seed of each RDM.
    distances
        (n_rdms, n_rdms).
    """
    first, second = np.triu_indices(len(points), k=1)
    ends = [
        points.iloc[rows].reset_index(drop=True).add_suffix(suffix) for rows, suffix in ((first, "_a"), (second, "_b"))
    ]
    return pd.concat(ends, axis=1).assign(distance=distances[first, second])


def distance_matrix(rows: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the distances of one group as a matrix: the inverse of `distance_table`.

    Parameters
    ----------
    rows
        Pairs of RDMs of one group, of the table `second_level`.

    Returns
    -------
    The points (layer_index, layer, seed), ordered by layer, then seed, and (n_points, n_points) distances with a zero
    diagonal; NaN where undefined.
    """
    columns = ["layer_index", "layer", "seed"]
    ends = [rows[[f"layer_index_{end}", f"layer_{end}", f"seed_{end}"]].set_axis(columns, axis=1) for end in "ab"]
    points = pd.concat(ends).drop_duplicates().sort_values(["layer_index", "seed"]).reset_index(drop=True)
    place = {(p.layer_index, p.seed): k for k, p in enumerate(points.itertuples())}
    first, second = ([place[key] for key in zip(e["layer_index"], e["seed"], strict=True)] for e in ends)
    matrix = np.zeros((len(points), len(points)))
    matrix[first, second] = matrix[second, first] = rows["distance"].to_numpy(float)
    return points, matrix
