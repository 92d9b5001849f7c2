"""Simulation of rotations of the activation space, and of the dissimilarities that they change.

See methods 10, and Mehrer et al. (2020), supp. 5 and 6. Networks whose activations differ only by a rotation can be
equally good at their task. Rectified activations are positive, and most rotations about the origin would make some of
them negative. Here points lie in a ball in the positive orthant, so rotations about its centre keep them positive.
Rotations about the origin are simulated too.

Rotating by Q about c maps x to ``Q (x - c) + c``, which is ``Q x`` and a translation. Therefore:

* Euclidean distance is invariant to rotations about either point.
* Norm difference, cosine and unit-length Euclidean distance depend on norms and angles at the origin. They are
  invariant to rotations about the origin. After the mean pattern is subtracted they are invariant to both, because
  this removes the translation.
* Correlation distance is invariant to neither: it projects out one fixed direction, that of equal activations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import special_ortho_group

from manyseeds.comparison.consistency import agreement
from manyseeds.representations.geometry import cocktail_blank, measure_geometry, pair_indices
from manyseeds.representations.measures import MEASURES, rdm
from manyseeds.streams import generator

Floats = NDArray[np.float64]
RDMs = dict[tuple[str, str], Floats]
"""RDM vectors (pairs,) by measure and normalisation."""

CENTRE_COORDINATES = (1.0, 2.0)
"""Range of the coordinates of the ball's centre, which are drawn uniformly.

The scale is arbitrary. Unequal coordinates keep the centre off the direction of equal activations, which correlation
ignores.
"""


@dataclass(frozen=True)
class Ball:
    """Points (n_points, n_dimensions) in a ball about a centre (n_dimensions,) of the positive orthant."""

    points: Floats
    centre: Floats


def draw_ball(n_points: int, n_dimensions: int, radius: float, rng: np.random.Generator) -> Ball:
    """Draw a centre, and points uniformly from the ball about it.

    Parameters
    ----------
    radius
        Radius of the ball as a fraction of the centre's smallest coordinate. Below 1 the ball lies in the positive
        orthant.
    """
    centre = rng.uniform(*CENTRE_COORDINATES, n_dimensions)
    directions = rng.standard_normal((n_points, n_dimensions))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Uniform in the ball, whose volume grows with the radius to the power of n_dimensions.
    distances = radius * centre.min() * rng.random((n_points, 1)) ** (1 / n_dimensions)
    return Ball(centre + distances * directions, centre)


def random_rotation(n_dimensions: int, rng: np.random.Generator) -> Floats:
    """Draw a rotation matrix (n_dimensions, n_dimensions) uniformly: orthogonal, of determinant 1."""
    return special_ortho_group.rvs(n_dimensions, random_state=rng)


def rotate(points: Floats, rotation: Floats, centre: Floats) -> Floats:
    """Rotate points (n_points, n_dimensions) about a centre (n_dimensions,)."""
    return (points - centre) @ rotation.T + centre


def all_rdms(points: Floats) -> RDMs:
    """Return RDMs of points (n_points, n_dimensions) by all measures, without and with cocktail blank."""
    raw = measure_geometry(points, name="simulated points")
    geometries = {"none": raw, "cocktail": cocktail_blank(raw)}
    return {
        (measure, normalisation): rdm(geometry, measure)
        for measure in MEASURES
        for normalisation, geometry in geometries.items()
    }


def simulate(
    *, n_points: int, n_dimensions: int, n_rotations: int, radius: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rotate points many times, by the same matrices about the ball's centre and about the origin.

    Parameters
    ----------
    radius
        As in `draw_ball`.
    seed
        Root of the random streams. Each rotation has its own address, so more rotations do not change the first ones.

    Returns
    -------
    rotations : DataFrame
        The table `rotations`: the change of each RDM by each rotation.
    entries : DataFrame
        The table `rotation_entries`: every entry before and after the first rotation.
    """
    ball = draw_ball(n_points, n_dimensions, radius, generator(seed, "rotations/points", 0))
    before = all_rdms(ball.points)
    rows, entries = [], []
    for rotation in range(n_rotations):
        matrix = random_rotation(n_dimensions, generator(seed, "rotations/rotation", rotation))
        for about, centre in {"centre": ball.centre, "origin": np.zeros(n_dimensions)}.items():
            keys = {"rotation": rotation, "about": about}
            rotated = rotate(ball.points, matrix, centre)
            after = all_rdms(rotated)
            size = {"n_points": n_points, "n_dimensions": n_dimensions, "smallest_coordinate": rotated.min()}
            rows += [keys | size | change for change in compare_rotated(before, after)]
            if rotation == 0:
                entries.append(list_entries(before, after).assign(**keys))
    return pd.DataFrame(rows), pd.concat(entries, ignore_index=True)


def compare_rotated(before: RDMs, after: RDMs) -> Iterator[dict[str, Any]]:
    """Yield for each RDM its agreement before and after a rotation, and the largest change of an entry."""
    for (measure, normalisation), old in before.items():
        new = after[measure, normalisation]
        same = agreement(np.stack([old, new]))
        yield {
            "measure": measure,
            "normalisation": normalisation,
            "n_entries": same.n_entries,
            "r": same.r.item(),
            "consistency": same.consistency.item(),
            "largest_change": np.abs(new - old).max(),
            "largest_entry": old.max(),
        }


def list_entries(before: RDMs, after: RDMs) -> pd.DataFrame:
    """List the entries of each RDM before and after, with the two points of each."""
    n_entries = len(next(iter(before.values())))
    # The number of points n, from n (n - 1) / 2 entries.
    point_a, point_b = pair_indices(round((1 + np.sqrt(1 + 8 * n_entries)) / 2))
    frames = [
        pd.DataFrame(
            {
                "measure": measure,
                "normalisation": normalisation,
                "point_a": point_a,
                "point_b": point_b,
                "before": old,
                "after": after[measure, normalisation],
            }
        )
        for (measure, normalisation), old in before.items()
    ]
    return pd.concat(frames, ignore_index=True)
