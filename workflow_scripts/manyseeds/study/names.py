"""Names that file systems take for one."""

from collections.abc import Iterable


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two different names that differ in case alone, or None.

    File systems of macOS and Windows take them for one name.
    """
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            return other, name
    return None
