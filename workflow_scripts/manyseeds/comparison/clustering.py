"""Category clustering: how far apart stimuli of different categories lie, and of the same (methods 6)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyseeds.comparison.consistency import mean_along_first_axis, within_category_mask


def category_clustering_index(rdm: NDArray[np.floating], categories: ArrayLike) -> tuple[float, float, float]:
    """Return the mean dissimilarity across and within categories, and the category clustering index (CCI).

    CCI = (across - within) / (across + within) (Mehrer et al. 2020): 0 where categories do not cluster, at most 1,
    where stimuli of the same category do not differ at all.

    Parameters
    ----------
    rdm
        (n (n - 1) / 2,) RDM vector, NaN where undefined; those entries are left out.
    categories
        (n,) category of each stimulus.

    Returns
    -------
    across, within, cci : float
        NaN where there is no defined entry, and the index where both means are zero.
    """
    same = within_category_mask(categories)
    across, within = float(mean_along_first_axis(rdm[~same])), float(mean_along_first_axis(rdm[same]))
    total = across + within
    return across, within, (across - within) / total if total != 0 else np.nan
