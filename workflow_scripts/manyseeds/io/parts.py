"""Lists of files in which each network or epoch has equally many."""

from collections.abc import Sequence


def part_of(files: Sequence[str], place: int, n_parts: int) -> list[str]:
    """Return the files of one network or epoch, of files in a row with equally many of each.

    Raises
    ------
    ValueError
        If the files are no multiple of the number of parts.
    """
    size, rest = divmod(len(files), n_parts)
    if rest:
        raise ValueError(f"found {len(files)} files, expected a multiple of {n_parts}")
    return list(files[place * size : (place + 1) * size])
