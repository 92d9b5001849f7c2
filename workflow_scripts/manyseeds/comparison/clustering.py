"""Category clustering: dissimilarities across categories beside those within (methods 6)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison.consistency import mean_along_first_axis, within_category_mask


def category_clustering_index(rdm: NDArray[np.float64], categories: ArrayLike) -> tuple[float, float, float]:
    """Return mean dissimilarities across and within categories, and the category clustering index (CCI).

    CCI = (across - within) / (across + within) (Mehrer et al. 2020). It is 0 if categories do not cluster, and 1 if
    stimuli of the same category do not differ at all.

    Parameters
    ----------
    rdm
        (n (n - 1) / 2,) RDM vector. Undefined entries are NaN and left out.
    categories
        (n,) category of each stimulus.

    Returns
    -------
    across, within, cci : float
        A mean is NaN if it has no defined entry. The index is also NaN if both means are zero.
    """
    same = within_category_mask(categories)
    across, within = float(mean_along_first_axis(rdm[~same])), float(mean_along_first_axis(rdm[same]))
    total = across + within
    return across, within, (across - within) / total if total != 0 else np.nan
