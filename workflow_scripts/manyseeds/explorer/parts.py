"""What the explorer shows of one group, beside tables: RDMs, maps of the stimuli, and agreement on each stimulus.

Values are stored in few bytes, because a page holds all of them. `pack` and `unpack` say how.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import squareform

from manyseeds.comparison import conserved, mds, second_level
from manyseeds.io.files import atomic_path

Arrays = dict[str, NDArray]

UNDEFINED = {np.dtype(np.uint8): 255, np.dtype(np.int16): -32768}
"""Code of an undefined value, by type."""

LARGEST_8 = 254
"""Code of the largest dissimilarity of an RDM. The smallest code, 0, is dissimilarity 0."""

LARGEST_16 = 32767
"""Code of the largest absolute coordinate of a map."""

STEPS_OF_R = 10_000
"""Steps of a correlation between 0 and 1."""


def of_group(
    files: Mapping[int, Path | str],
    stimuli: pd.DataFrame,
    predictions: pd.DataFrame | None,
    measure: str,
    layers: Sequence[str] | None,
    n_pictured: int,
) -> Arrays:
    """Return the arrays of a group of networks.

    Parameters
    ----------
    files
        Geometry file of each accepted network, by seed; there may be none.
    stimuli
        Columns stimulus, category and category_name, in order.
    predictions
        Columns seed, position and predicted; None if predictions are not known.
    measure
        Dissimilarity measure of the RDMs.
    layers
        Layers that are shown; None: all.
    n_pictured
        Largest number of stimuli in a picture of an RDM.

    Returns
    -------
    dict
        With L layers, N seeds, K pairs of seeds, n stimuli, of which m are pictured:

        * `seeds` (N,), `layers` (L,), `layer_indices` (L,), `pictured` (m,) positions of stimuli
        * `rdms` uint8 (L, N, m (m - 1) / 2), and `largest` (L, N) the dissimilarity of the code 254
        * `means`, `deviations` (L, N) of all defined entries of each RDM
        * `maps` int16 (L, N, n, 2), `map_sizes` (L, N) the coordinate of the code 32767, `stresses` (L, N)
        * `agreement` int16 (L, K, n): correlation of a row of the RDM between two seeds, times 10,000
        * `predicted` int16 (N, n): predicted category, or -1
    """
    pictured = evenly(stimuli["category"].to_numpy(), n_pictured)
    found: Arrays = {"seeds": np.array(list(files), np.int32), "pictured": pictured.astype(np.int32)}
    found["predicted"] = _predicted(list(files), predictions, len(stimuli))
    if not files:
        return found
    points, rdms = second_level.load_rdms(files, measure)
    points = points if layers is None else points[points["layer"].isin(list(layers))]
    of_layers = points.drop_duplicates("layer_index")
    found["layers"] = of_layers["layer"].to_numpy(np.str_)
    found["layer_indices"] = of_layers["layer_index"].to_numpy(np.int32)
    shape = (len(of_layers), len(files))
    found |= _rdms(rdms[points.index], pictured, shape)
    found |= _maps(mds.map_stimuli(rdms, points, stimuli), (*shape, len(stimuli)))
    of_each = [_agreement(rdms[rows.index]) for _, rows in points.groupby("layer_index", sort=False)]
    return found | {"agreement": np.stack(of_each)}


def evenly(categories: ArrayLike, n: int) -> NDArray[np.intp]:
    """Return positions of at most n stimuli, evenly spread over the categories, and ordered by category."""
    order = np.argsort(np.asarray(categories), kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(int))]


def _rdms(rdms: NDArray[np.floating], pictured: NDArray[np.intp], shape: tuple[int, int]) -> Arrays:
    """Return the entries of pictured stimuli as codes, and what else is known of each RDM."""
    codes, statistics = [], []
    for vector in rdms:
        matrix = squareform(vector, checks=False)[np.ix_(pictured, pictured)]
        entries = matrix[np.triu_indices(len(pictured), 1)]
        largest = float(np.nanmax(entries)) if np.isfinite(entries).any() else 0.0
        codes.append(pack(entries, largest / LARGEST_8 if largest else 1.0, np.uint8))
        known = vector[np.isfinite(vector)]
        statistics.append((largest, known.mean(), known.std()) if known.size else (np.nan,) * 3)
    largest, means, deviations = np.reshape(np.transpose(statistics), (3, *shape))
    return {
        "rdms": np.reshape(codes, (*shape, -1)),
        "largest": largest,
        "means": means,
        "deviations": deviations,
    }


def _maps(rows: pd.DataFrame, shape: tuple[int, int, int]) -> Arrays:
    """Return the maps of the stimuli as codes, from rows of the table `mds` by layer, seed and stimulus."""
    coordinates = rows[["x", "y"]].to_numpy(np.float64).reshape((*shape, 2))
    sizes = np.nanmax(np.abs(coordinates), axis=(2, 3), initial=0.0)
    steps = np.where(sizes > 0, sizes, 1.0) / LARGEST_16
    stresses = rows["stress"].to_numpy(np.float64).reshape(shape)[..., 0]
    return {"maps": pack(coordinates, steps[..., None, None], np.int16), "map_sizes": sizes, "stresses": stresses}


def _agreement(rdms: NDArray[np.floating]) -> NDArray[np.int16]:
    """Return the correlation of each row between two RDMs (K, n), as codes; one RDM has no pairs."""
    matrices = np.stack([squareform(vector, checks=False) for vector in rdms])
    if len(matrices) < 2:
        return np.empty((0, matrices.shape[1]), np.int16)
    r = conserved.row_correlations(matrices, np.ones(matrices.shape[1:], bool))
    return pack(r, 1 / STEPS_OF_R, np.int16)


def _predicted(seeds: Sequence[int], predictions: pd.DataFrame | None, n_stimuli: int) -> NDArray[np.int16]:
    found = np.full((len(seeds), n_stimuli), -1, np.int16)
    if predictions is not None:
        for place, seed in enumerate(seeds):
            rows = predictions[predictions["seed"] == seed]
            found[place, rows["position"].to_numpy(int)] = rows["predicted"]
    return found


def pack(values: NDArray[np.floating], step: float | NDArray[np.floating], dtype: type[np.integer]) -> NDArray:
    """Return values as multiples of a step, in a small integer type; undefined values have a code of their own."""
    with np.errstate(invalid="ignore"):
        codes = np.round(np.asarray(values, np.float64) / step)
    return np.where(np.isnan(codes), UNDEFINED[np.dtype(dtype)], codes).astype(dtype)


def unpack(codes: NDArray[np.integer], step: float | NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the values of codes: the inverse of `pack`, up to half a step."""
    return np.where(codes == UNDEFINED[codes.dtype], np.nan, codes * np.asarray(step, np.float64))


def save(path: Path | str, arrays: Arrays) -> None:
    """Write the arrays of a group to an NPZ file."""
    with atomic_path(path) as partial:
        np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType] no array is named allow_pickle


def load(path: Path | str) -> Arrays:
    """Read a file of `save`."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
