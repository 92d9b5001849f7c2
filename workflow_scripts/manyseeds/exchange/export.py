"""Trained networks to keep and to pass on: what others need to analyse them, and no more.

An export holds a folder for each instance: the weights of the last epoch in half precision, the activations of the
layers whose training is followed at all their epochs, likewise, its tables, and a card with their digests. Beside these
lie the study that trained them (``study.yaml``), what tells its images (``data.json``, ``stimuli.parquet``) and a page
for readers.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.exchange.cards import read_card
from manyseeds.io import tables, tensors
from manyseeds.io.files import REJECTED, atomic_path
from manyseeds.io.provenance import digest
from manyseeds.study.instances import CARD

WEIGHTS, ACTIVATIONS = "weights.safetensors", "activations.npz"
ABOUT = ("dataset", "categories", "image_shape", "n_train", "train_digest")
"""What tells a training set, wherever it came from."""

WHICH = ["category_name", "source", "source_index"]
"""Columns that say which image a stimulus is, whatever became of its pixels."""

TABLES = ("history", "attempts", "accuracy")
"""Tables of an instance that an export keeps, by name."""

LEAST_AGREEMENT = 0.9
"""Correlation of the activations that an imported network gives with those recorded before its export, at least. Half
precision and other devices take some 1e-5 off it; other images or another preprocessing take nearly all.
"""


def in_half_precision(array: NDArray) -> NDArray:
    """Return numbers as float16, rounded to 11 bits; or as they are where they are none, or one exceeds its range."""
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float16)
    return array if (np.isinf(rounded) & np.isfinite(array)).any() else rounded


def rounded_weights(weights: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Return weights in half precision, but biases and other vectors, which are few, as they are."""
    return {name: in_half_precision(array) if array.ndim > 1 else array for name, array in weights.items()}


def in_single_precision(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Return arrays with what is in half precision as float32."""
    return {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}


def write_activations(path: Path, activations: Mapping[int, Mapping[str, NDArray[np.float32]]]) -> None:
    """Write activations [stimuli, units] by epoch and layer, in half precision."""
    arrays = {
        f"epoch{epoch}/{layer}": in_half_precision(array)
        for epoch, layers in activations.items()
        for layer, array in layers.items()
    }
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **arrays)


def read_activations(
    path: Path, epochs: Sequence[int], layers: Sequence[str]
) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
    """Yield epochs with the recorded activations [stimuli, units] by layer, those of `layers` that the file has.

    Raises
    ------
    StudyError
        If the file has changed since it was exported, cannot be read, or has none of an epoch.
    """
    check_file(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            for epoch in epochs:
                names = {layer: f"epoch{epoch}/{layer}" for layer in layers}
                arrays = {layer: file[name] for layer, name in names.items() if name in file.files}
                if not arrays:
                    raise StudyError(f"{path}: holds no activations of {', '.join(layers)} at epoch {epoch}.")
                yield epoch, in_single_precision(arrays)
    except StudyError:
        raise
    except Exception as problem:  # zipfile, zlib and numpy each raise their own
        raise StudyError(f"{path}: not a complete NPZ file ({problem}).") from problem


def copy_rejected(source: Path, folder: Path) -> None:
    """Copy the weights of rejected attempts that lie beside an instance's own into its exported folder, rounded.

    Which there are is known only after the training, so no rule declares them; those of an earlier one are removed.
    """
    pattern = REJECTED.format("*")
    for stale in folder.glob(pattern):
        stale.unlink()
    for path in source.glob(pattern):
        weights, metadata = tensors.read(path)
        tensors.write(folder / path.name, rounded_weights(weights), metadata)


def write_card(
    path: Path,
    settings: Mapping[str, Any],
    images: Mapping[str, str],
    metadata: Mapping[str, str],
    *,
    has_activations: bool,
) -> None:
    """Write the card of an exported instance, whose other files lie beside it already.

    Parameters
    ----------
    path
        The card's.
    settings
        What determined the weights (`exported_study.settings`).
    images
        Digests of the training images and of the stimuli (`about_images`).
    metadata
        Of the weights: software, device, digest of the key, attempt.
    has_activations
        Whether activations were recorded; if not, those that lie there are of an earlier training, and are removed.
    """
    folder = path.parent
    if not has_activations:
        (folder / ACTIVATIONS).unlink(missing_ok=True)
    history = pd.read_parquet(folder / "history.parquet")
    trained = {key: _plain(value) for key, value in sorted(metadata.items())} | {
        "seconds": round(history["seconds"].sum(), 1)
    }
    card = {
        "settings": settings,
        "images": images,
        "trained": trained,
        "recorded": _recorded(folder / ACTIVATIONS),
        "files": {file: digest(folder / file) for file in _files(folder)},
    }
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _plain(text: str) -> Any:
    """Return what a metadatum says: some are JSON."""
    return json.loads(text) if text.startswith("{") else text


def _files(folder: Path) -> list[str]:
    """Return the names of an instance's files but its card."""
    names = [WEIGHTS, *(f"{table}.parquet" for table in TABLES), ACTIVATIONS]
    rejected = sorted(path.name for path in folder.glob(REJECTED.format("*")))
    return [name for name in names if name != ACTIVATIONS or (folder / name).exists()] + rejected


def _recorded(path: Path) -> dict[str, list]:
    """Return which epochs and layers a file of activations holds."""
    if not path.exists():
        return {"epochs": [], "layers": []}
    with np.load(path) as file:
        names = [name.split("/", 1) for name in file.files]
    epochs = {int(epoch.removeprefix("epoch")) for epoch, _ in names}
    return {"epochs": sorted(epochs), "layers": list(dict.fromkeys(layer for _, layer in names))}


def check_file(path: Path) -> Path:
    """Compare a file of an exported instance with the card beside it, and return its path.

    Raises
    ------
    StudyError
        If it is missing or has changed.
    """
    if not path.is_file():
        raise StudyError(f"{path} is missing; expected what {CARD} beside it lists.")
    if digest(path) != read_card(path.parent)["files"].get(path.name):
        raise StudyError(f"{path}: its contents have changed since it was exported; fetch it again.")
    return path


def read_exported_weights(path: Path) -> tuple[dict[str, NDArray], dict[str, str]]:
    """Return the weights of an exported instance as float32, and their metadata.

    Raises
    ------
    StudyError
        If the file has changed since it was exported.
    """
    weights, metadata = tensors.read(check_file(path))
    return in_single_precision(weights), metadata


def read_table(path: Path, schema: tables.Schema, identity: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of an exported instance, under the name that the instance has here.

    Raises
    ------
    StudyError
        If the file has changed since it was exported, or is no such table.
    """
    check_file(path)
    try:
        return tables.conform(pd.read_parquet(path).assign(**identity), schema)
    except (OSError, ValueError) as problem:  # pyarrow's errors are among them
        raise StudyError(f"{path}: no {schema['title']} of an instance ({problem}).") from problem


def pixels_digest(*arrays: NDArray) -> str:
    """Return a digest of images, and of what else there is of them, as they are."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(f"{array.shape}{array.dtype}".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()


def about_data(card: Mapping[str, Any], images: NDArray, labels: NDArray) -> dict[str, Any]:
    """Return what tells a training set (`ABOUT`), from its card, pixels and labels."""
    known = {key: card[key] for key in ABOUT if key != "train_digest"}
    return known | {"train_digest": pixels_digest(images, labels)}


def check_data(found: Mapping[str, Any], expected: Mapping[str, Any], source: Path) -> None:
    """Compare the study's training images with those that exported networks were trained on.

    Raises
    ------
    StudyError
        Naming what differs.
    """
    for key, value in expected.items():
        if found[key] != value:
            raise StudyError(
                f"{source}: the networks were trained on other images than the study has: {key} {value}, "
                f"found {found[key]}."
            )


def about_images(about: Mapping[str, Any], stimuli: pd.DataFrame) -> dict[str, str]:
    """Return the digests of the training images, given what tells them, and of the stimuli (`with_pixels`)."""
    rows = stimuli[[*WHICH, "sha256"]].to_csv(index=False)
    return {"training": about["train_digest"], "stimuli": hashlib.sha256(rows.encode()).hexdigest()}


def check_images(found: Mapping[str, str], cards: Mapping[str, Mapping[str, str]], *, followed: bool) -> None:
    """Compare the images that an export says it was made with to those on the cards of its networks: folders of several
    exports may have been put together.

    Parameters
    ----------
    found
        Of the whole export (`about_images`).
    cards
        Likewise, of each network by its folder.
    followed
        Whether recorded activations are used, of which the stimuli matter.

    Raises
    ------
    StudyError
        Naming the first network with others.
    """
    for folder, images in cards.items():
        for kind in ["training", *(["stimuli"] if followed else [])]:
            if images.get(kind) != found[kind]:
                what = "trained on other images" if kind == "training" else "probed with other stimuli"
                raise StudyError(f"{folder}: the network was {what} than those beside it; analyse it on its own.")


def with_pixels(stimuli: pd.DataFrame, images: NDArray) -> pd.DataFrame:
    """Return a table of stimuli with a digest of each one's pixels, `sha256`."""
    return stimuli.assign(sha256=[pixels_digest(image) for image in images])


def read_about(path: Path) -> dict[str, Any]:
    """Read what an export says of its training set (`about_data`).

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return {key: about[key] for key in ABOUT}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise StudyError(
            f"{path} does not say what networks were trained on ({type(problem).__name__}: {problem})."
        ) from problem


def read_recorded_stimuli(path: Path) -> pd.DataFrame:
    """Read which stimuli an export's activations were recorded on (`with_pixels`).

    Raises
    ------
    StudyError
        If it is no such table.
    """
    try:
        return pd.read_parquet(path, columns=[*WHICH, "sha256"])
    except (OSError, ValueError) as problem:  # pyarrow's errors are among them
        raise StudyError(f"{path} is no table of stimuli ({problem}).") from problem


def places(recorded: pd.DataFrame, stimuli: pd.DataFrame) -> NDArray[np.int64]:
    """Return where the study's stimuli stand among those that activations were recorded on.

    Raises
    ------
    StudyError
        If one is not among them.
    """
    where = {image: place for place, image in enumerate(recorded[WHICH].itertuples(index=False, name=None))}
    found = [where.get(image) for image in stimuli[WHICH].itertuples(index=False, name=None)]
    if None in found:
        _, source, index = stimuli[WHICH].iloc[found.index(None)]
        raise StudyError(
            f"Stimulus {found.index(None)} (image {index} of {source}) is none of those that activations were recorded "
            "on before the networks were exported; follow no training (trajectory.epochs: []), or take those stimuli."
        )
    return np.array(found, dtype=np.int64)


def about_pixels(recorded: pd.DataFrame, stimuli: pd.DataFrame) -> str | None:
    """Return a sentence where images among the study's stimuli are those of the export, but with other pixels."""
    both = stimuli.merge(recorded, how="inner", on=WHICH, suffixes=("", "_recorded"))
    n_others = int((both["sha256"] != both["sha256_recorded"]).sum())
    if not n_others:
        return None
    return (
        f"{n_others} of {len(stimuli)} stimuli have other pixels here than where the networks were exported (another "
        "copy of the same image); accuracies, and activations of layers whose training is followed, are of those there."
    )


def check_agreement(answers: NDArray, recorded: NDArray, what: str) -> float:
    """Return the correlation of the activations of a layer with those recorded of it before its network was exported;
    NaN where either are all the same, as a dead layer's are.

    Raises
    ------
    StudyError
        If they have other units, or hardly agree.
    """
    if answers.shape != recorded.shape:
        raise StudyError(f"{what}: recorded of {recorded.shape[1]} units, found {answers.shape[1]}.")
    with np.errstate(invalid="ignore", divide="ignore"):
        r = float(np.corrcoef(answers.ravel(), recorded.ravel())[0, 1])
    if np.isnan(r) and not answers.std() > 0 and not recorded.std() > 0:  # both dead, or both not finite
        return r
    if not r >= LEAST_AGREEMENT:
        raise StudyError(
            f"{what}: the network answers otherwise than before it was exported (r = {r:.2f}); are the stimuli the "
            "same, and what the preprocessing was fitted to?"
        )
    return r
