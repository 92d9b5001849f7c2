"""Sentences on what a study leaves out, ignores or decides by itself: told while it is planned.

Read while the Snakefile is parsed, so only the standard library is imported.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from manyseeds.study.architectures import DEFAULT
from manyseeds.study.study import (
    FOLDERS,
    OWN_ACTIVATIONS,
    OWN_NETWORKS,
    PRETRAINED,
    TRAINED,
    UNUSED,
    Study,
    network_name,
)
from manyseeds.study.user_folders import LAYERS, STIMULI, abridged, unread_files

EXPECTED = {
    OWN_ACTIVATIONS: f"{STIMULI}, {LAYERS} and {{architecture}}/{{condition}}/seed{{n}}/[epoch{{e}}/]{{layer}}.npy",
    OWN_NETWORKS: "{architecture}/{condition}/seed{n}.safetensors, .pt or .pth",
    PRETRAINED: "the folders of the networks that the study has",
}
"""Files that a study reads from a folder of the user's, by mode."""


def notices(study: Study, given: Iterable[str] = ()) -> list[str]:
    """Return all sentences on a study, one for each thing that a user may not expect.

    Parameters
    ----------
    study
        The study.
    given
        Keys of the config that the user set, in files or on the command line.
    """
    of = (_left_out, _ignored, _uncategorised, _orders, _crossed, _prepared, _known_to_sources)
    return [*_unused(study, given), *(sentence for sentences in of for sentence in sentences(study))]


def _unused(study: Study, given: Iterable[str]) -> Iterator[str]:
    """Yield a sentence on the keys that a user set although they determine nothing."""
    unused = [key for key in given if key in UNUSED.get(study.mode, ())]
    if unused:
        yield f"Keys of the config that determine nothing with {_folder_key(study)}: {', '.join(sorted(unused))}."


def _folder_key(study: Study) -> str:
    """Return the key of the config that names the folder which a study analyses."""
    return next(key for key, mode in FOLDERS.items() if mode == study.mode)


def _left_out(study: Study) -> Iterator[str]:
    """Yield a sentence on networks that are alone in their group, and one for each key with absent conditions."""
    if study.alone:
        yield f"Left out, because their groups have no other network: {', '.join(map(str, study.alone))}."
    for key, names in study.absent_conditions.items():
        yield f"Left out of {key}, because these conditions have no networks: {', '.join(names)}."


def _ignored(study: Study) -> Iterator[str]:
    """Yield a sentence on the files in the user's folder that look like data and are not read."""
    if study.mode not in EXPECTED:
        return
    folder = Path(study.config[_folder_key(study)])
    unread = unread_files(folder, _read(study, folder))
    if unread:
        names = abridged([str(path.relative_to(folder)) for path in unread])
        yield f"{folder}: not read, though it looks like data: {names}. Read are {EXPECTED[study.mode]}."


def _read(study: Study, folder: Path) -> Iterable[Path]:
    """Return the files that a study reads from the user's folder, and the folders whose files it all knows."""
    if study.mode == OWN_ACTIVATIONS:
        arrays = (paths for by_epoch in study.own_arrays.values() for paths in by_epoch.values())
        return [folder / STIMULI, folder / LAYERS, *(path for paths in arrays for path in paths)]
    if study.mode == OWN_NETWORKS:
        return study.own_checkpoints.values()
    return [
        folder / "stimuli.parquet",
        folder / "rsatoolbox",
        *(study.exported[each] for each in (*study.instances, *study.alone)),
    ]


def _uncategorised(study: Study) -> Iterator[str]:
    """Yield a sentence if the stimuli of own activations have no categories."""
    if not study.has_categories:
        yield (
            f"{Path(study.config['activations_dir']) / STIMULI}: without the column category, whole RDMs are compared; "
            "centroids and category clustering are left out."
        )


def _orders(study: Study) -> Iterator[str]:
    """Yield a sentence on the order of own layers, if it follows from names that are not numbered alike.

    Numbers of one name, such as conv2 and conv10, are in the order of depth. Two names, such as conv and fc, are in
    the order of the alphabet.
    """
    if study.mode != OWN_ACTIVATIONS or (Path(study.config["activations_dir"]) / LAYERS).exists():
        return
    told = set()
    for instance, by_epoch in study.own_arrays.items():
        layers = tuple(path.stem for path in by_epoch[max(by_epoch)])
        if len({re.sub(r"[0-9]+", "0", layer) for layer in layers}) > 1 and layers not in told:
            told.add(layers)
            yield (
                f"{instance.architecture}: without {LAYERS}, the order of its layers is that of their names: "
                f"{', '.join(layers)}. List them in {LAYERS} if their depth differs."
            )


def _prepared(study: Study) -> Iterator[str]:
    """Yield a sentence if networks begin from weights of a library, and images are not prepared as for these."""
    begun = [network_name(entry) for entry in study.config["networks"] if entry["weights"] == DEFAULT]
    preprocessing = study.config["data"]["preprocessing"]
    if begun and study.mode == TRAINED and study.fits_preprocessing:
        yield (
            f"{', '.join(begun)}: the default weights were trained on images of a fixed preprocessing, and this study "
            f"fits its own ({preprocessing}); data.preprocessing: imagenet or timm prepares them alike."
        )


def _crossed(study: Study) -> Iterator[str]:
    """Yield a sentence on conditions whose networks share streams, so that means over their pairs mix classes."""
    crossed = [condition["name"] for condition in study.conditions if condition["cross"] and study.knows_training]
    if crossed:
        yield (
            f"Networks of {', '.join(crossed)} share random streams, so intervals over networks do not hold for them. "
            "Tables sources and source_pairs tell the streams apart."
        )


def _known_to_sources(study: Study) -> Iterator[str]:
    """Yield a sentence on categories that networks learn for transfer although their sources know them."""
    if not study.transfer_groups or study.transfer_root is not None:
        return
    names = [study.config["transfer"][key] for key in ("source", "target")]
    known, learned = (study.condition(name)["categories"] for name in names)
    both = [category for category in learned or known or () if category in (known or learned)]
    if both or known == learned:
        told = ", ".join(map(str, both)) or "all"
        yield f"The sources of transfer, {names[0]}, already know categories of its target, {names[1]}: {told}."
