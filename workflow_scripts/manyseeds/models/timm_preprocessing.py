"""The preprocessing that timm states for its networks."""

from collections.abc import Mapping, Sequence
from typing import Any

from manyseeds.errors import StudyError
from manyseeds.models.constructors import import_timm


def stated(name: str) -> dict[str, Any]:
    """Return what timm states for a network: mean, sd, image_size, resize (both in pixels) and interpolation.

    Parameters
    ----------
    name
        The network's name in timm.

    Raises
    ------
    StudyError
        If timm is not installed, or does not have the network.
    """
    config = import_timm(name, "data.preprocessing").get_pretrained_cfg(name)
    side = config.input_size[-1]
    return {
        "mean": list(config.mean),
        "sd": list(config.std),
        "image_size": side,
        "resize": int(side / config.crop_pct),
        "interpolation": config.interpolation,
    }


def agreed(names: Sequence[str]) -> dict[str, Any]:
    """Return what timm states for several networks (`stated`), which must have one mean and SD.

    Raises
    ------
    StudyError
        If two networks differ in them: all networks of a study see the same images.
    """
    first, *others = ((name, stated(name)) for name in names)
    for name, values in others:
        for key in ("mean", "sd"):
            if values[key] != first[1][key]:
                raise StudyError(
                    f"data.preprocessing: timm states the {key} {first[1][key]} for {first[0]} and {values[key]} for "
                    f"{name}; put them into two studies, or choose a preprocessing for both."
                )
    return first[1]


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """Return a sentence if a study scales images otherwise than timm states, else None.

    Parameters
    ----------
    expected, found
        With the keys image_size, resize and interpolation: of `stated`, and of the config's `data`.
    """
    keys = [key for key in ("image_size", "resize", "interpolation") if found[key] != expected[key]]
    if not keys:
        return None
    stated_, own = (", ".join(f"{key} {values[key]}" for key in keys) for values in (expected, found))
    return f"timm states {stated_}; this study has {own}."
