"""Memory that analyses need, from the numbers of stimuli and networks: told before the work."""

import os

MEASURE, COMPARE = 75, 45
"""Bytes for each pair (i, j) of stimuli, at the peak: of measuring a layer of one network, and of comparing a layer.

The second is needed for each compared network. Both were measured with 600 to 3000 stimuli.
"""

UNKNOWN_LAYERS = 5
"""Number of layers that is assumed if only torch knows it: few, so that a job does not ask for too little memory."""

OF_A_WEIGHT = 40
"""Bytes that summaries need at the peak for each pair of networks in each resample."""

BASE = 1000
"""Memory in MB of a job apart from the geometries that it holds."""


def bytes_needed(n_stimuli: int, n_networks: int) -> int:
    """Return the memory in bytes of the largest job, for the networks of the largest group."""
    return n_stimuli**2 * max(MEASURE, COMPARE * n_networks)


def note(n_stimuli: int, n_networks: int, available: int | None = None) -> str | None:
    """Return a sentence if a job needs more memory than this machine has, else None.

    Parameters
    ----------
    available
        Memory in bytes; None: that of this machine.
    """
    if available is None:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = bytes_needed(n_stimuli, n_networks)
    if needed <= available:
        return None
    fewer = int((available / max(MEASURE, COMPARE * n_networks)) ** 0.5)
    return (
        f"{n_stimuli:,} stimuli: the largest job, which compares {n_networks} networks, needs about "
        f"{needed / 2**30:,.0f} GiB of memory, and this machine has {available / 2**30:,.0f} GiB. It can hold about "
        f"{fewer:,} stimuli."
    )


def of_summaries(n_networks: int, n_resamples: int) -> int:
    """Return the memory in MB of the summaries of a group, whose bootstrap weights all pairs of networks at once.

    100 networks with 20 layers and 10,000 resamples took 2.7 GB.
    """
    n_pairs = n_networks * (n_networks - 1) // 2
    return 2 * BASE + OF_A_WEIGHT * n_pairs * n_resamples // 10**6


def megabytes(geometries: float, *, share: float, n_layers: int = 1, at_least: int = BASE) -> int:
    """Return the memory in MB of a job that reads geometries.

    Parameters
    ----------
    geometries
        Size in MB of all their files.
    share
        Memory that it holds at its peak, relative to the files, or to one layer's part of them.
    n_layers
        Number of layers that the files hold, if the job holds one at a time.
    at_least
        Smallest memory in MB.
    """
    return max(at_least, BASE + int(share * geometries / n_layers))
