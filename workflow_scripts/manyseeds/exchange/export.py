"""Exports of trained networks: exactly what others need to analyse them.

An export has a folder for each instance. It holds the weights of the last epoch and the activations of followed layers
at all epochs, both in half precision. It also holds the instance's tables, and a card with digests.

Beside these folders are the study that trained the networks (``study.yaml``), a description of its images
(``data.json``, ``stimuli.parquet``), and a page for readers.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.exchange.cards import read_card
from manyseeds.exchange.foreign import read_json
from manyseeds.io import tables, tensors
from manyseeds.io.files import REJECTED, atomic_path
from manyseeds.io.provenance import digest
from manyseeds.study.instances import CARD

WEIGHTS, ACTIVATIONS = "weights.safetensors", "activations.npz"
ABOUT = ("dataset", "categories", "image_shape", "n_train", "train_digest")
"""Entries that identify a training set, wherever it came from."""

WHICH = ["category_name", "source", "source_index"]
"""Columns that identify the image of a stimulus, even if its pixels differ."""

ROOMY, RATIO = 2**30, 100
"""A file of activations may declare so many bytes, or so many times its size. Activations compress to about a half, and
those of dead layers to a thousandth.
"""

TABLES = ("history", "attempts", "accuracy")
"""Tables of an instance that an export keeps, by name."""

LEAST_AGREEMENT = 0.9
"""Minimum correlation between activations of an imported network and those recorded before its export. Half precision
and other devices reduce it by about 1e-5; other images or another preprocessing reduce it to nearly 0.
"""


def in_half_precision(array: NDArray) -> NDArray:
    """Return float32 numbers as float16, rounded to 11 bits; unchanged if one exceeds its range.

    Arrays of other types are returned unchanged too.
    """
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float16)
    return array if (np.isinf(rounded) & np.isfinite(array)).any() else rounded


def rounded_weights(weights: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Return weights in half precision; biases and other vectors are few, and stay as they are."""
    return {name: in_half_precision(array) if array.ndim > 1 else array for name, array in weights.items()}


def in_single_precision(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Return arrays with those in half precision converted to float32."""
    return {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}


def write_activations(path: Path, activations: Mapping[int, Mapping[str, NDArray[np.float32]]]) -> None:
    """Write activations [stimuli, units] by epoch and layer, in half precision."""
    arrays = {
        f"epoch{epoch}/{layer}": in_half_precision(array)
        for epoch, layers in activations.items()
        for layer, array in layers.items()
    }
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **arrays)  # pyright: ignore[reportArgumentType] no layer is named allow_pickle


def read_activations(
    path: Path, epochs: Sequence[int], layers: Sequence[str]
) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
    """Yield each epoch with its recorded activations [stimuli, units], by layer.

    Only those of `layers` that the file has are included.

    Raises
    ------
    StudyError
        If the file has changed since it was exported, cannot be read, or has none of the layers at an epoch.
    """
    check_file(path)
    try:
        _check_declared(path)
        with np.load(path, allow_pickle=False) as file:
            for epoch in epochs:
                names = {layer: f"epoch{epoch}/{layer}" for layer in layers}
                arrays = {layer: file[name] for layer, name in names.items() if name in file.files}
                if not arrays:
                    raise StudyError(f"{path}: found no activations of {', '.join(layers)} at epoch {epoch}.")
                yield epoch, in_single_precision(arrays)
    except StudyError:
        raise
    except Exception as problem:  # zipfile, zlib and numpy each raise their own
        raise StudyError(f"{path}: not a complete NPZ file ({problem}).") from problem


def _check_declared(path: Path) -> None:
    """Check that a file of activations does not declare far more than it holds: MB of zeros can stand for GB."""
    with zipfile.ZipFile(path) as file:
        declared = sum(part.file_size for part in file.infolist())
    size = path.stat().st_size
    if declared > max(ROOMY, RATIO * size):
        raise StudyError(
            f"{path}: found {declared:,} bytes compressed to {size:,}, expected activations as an export writes them."
        )


def copy_rejected(source: Path, folder: Path) -> None:
    """Copy the weights of an instance's rejected attempts, rounded, into its exported folder.

    Their files are known only after the training, so no rule declares them. Files of an earlier training are removed.
    """
    pattern = REJECTED.format("*")
    for stale in folder.glob(pattern):
        stale.unlink()
    for path in source.glob(pattern):
        weights, metadata = tensors.read(path)
        tensors.write(folder / path.name, rounded_weights(weights), metadata)


def import_rejected(source: Path, folder: Path) -> None:
    """Copy the weights of rejected attempts from an exported folder, as float32. Stale files are removed."""
    pattern = REJECTED.format("*")
    for stale in folder.glob(pattern):
        stale.unlink()
    for path in source.glob(pattern):
        tensors.write(folder / path.name, *read_exported_weights(path))


def write_card(
    path: Path,
    settings: Mapping[str, Any],
    images: Mapping[str, str],
    metadata: Mapping[str, str],
    *,
    has_activations: bool,
) -> None:
    """Write the card of an exported instance, after its other files.

    Parameters
    ----------
    path
        Path of the card.
    settings
        Settings that determined the weights (`exported_study.settings`).
    images
        Digests of the training images and of the stimuli (`about_images`).
    metadata
        Metadata of the weights: software, device, digest of the key, attempt.
    has_activations
        Whether activations were recorded. If not, a file of activations is of an earlier training, and is removed.
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
    """Return the value of a metadata text: some are JSON."""
    return json.loads(text) if text.startswith("{") else text


def _files(folder: Path) -> list[str]:
    """Return the names of an instance's files, without its card."""
    names = [WEIGHTS, *(f"{table}.parquet" for table in TABLES), ACTIVATIONS]
    rejected = sorted(path.name for path in folder.glob(REJECTED.format("*")))
    return [name for name in names if name != ACTIVATIONS or (folder / name).exists()] + rejected


def _recorded(path: Path) -> dict[str, list]:
    """Return the epochs and layers that a file of activations holds."""
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
        raise StudyError(f"{path} is missing; expected the files that {CARD} beside it lists.")
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
        If the file has changed since it was exported, or does not conform to the schema.
    """
    check_file(path)
    try:
        return tables.conform(pd.read_parquet(path).assign(**identity), schema)
    except (OSError, ValueError) as problem:  # pyarrow's errors are among them
        raise StudyError(f"{path}: expected the table {schema['title']} of an instance ({problem}).") from problem


def pixels_digest(*arrays: NDArray) -> str:
    """Return a digest of the shapes, types and values of arrays: images, and their labels if given."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(f"{array.shape}{array.dtype}".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()


def about_data(card: Mapping[str, Any], images: NDArray, labels: NDArray) -> dict[str, Any]:
    """Return the entries that identify a training set (`ABOUT`), from its card, pixels and labels."""
    known = {key: card[key] for key in ABOUT if key != "train_digest"}
    return known | {"train_digest": pixels_digest(images, labels)}


def check_data(found: Mapping[str, Any], expected: Mapping[str, Any], source: Path) -> None:
    """Compare the study's training images with the training images of exported networks.

    Raises
    ------
    StudyError
        If they differ; names the first difference.
    """
    for key, value in expected.items():
        if found[key] != value:
            raise StudyError(
                f"{source}: the networks were trained on other images than the study has: expected {key} {value}, "
                f"found {found[key]}."
            )


def about_images(about: Mapping[str, Any], stimuli: pd.DataFrame) -> dict[str, str]:
    """Return the digests of the training images (`about_data`) and of the stimuli (`with_pixels`)."""
    rows = stimuli[[*WHICH, "sha256"]].to_csv(index=False)
    return {"training": about["train_digest"], "stimuli": hashlib.sha256(rows.encode()).hexdigest()}


def check_images(found: Mapping[str, str], cards: Mapping[str, Mapping[str, str]], *, followed: bool) -> None:
    """Check that the images of an export are those on the cards of its networks.

    They differ if folders of several exports were put together.

    Parameters
    ----------
    found
        Digests of the images of the whole export (`about_images`).
    cards
        Digests on the card of each network, by its folder.
    followed
        Whether recorded activations are used; only then do the stimuli matter.

    Raises
    ------
    StudyError
        If a network has other images; names the first.
    """
    for folder, images in cards.items():
        for kind in ["training", *(["stimuli"] if followed else [])]:
            if images.get(kind) != found[kind]:
                what = "trained on other images" if kind == "training" else "probed with other stimuli"
                raise StudyError(f"{folder}: the network was {what} than those beside it; analyse it separately.")


def with_pixels(stimuli: pd.DataFrame, images: NDArray) -> pd.DataFrame:
    """Return a table of stimuli with a column `sha256`, the digest of each one's pixels."""
    return stimuli.assign(sha256=[pixels_digest(image) for image in images])


def read_about(path: Path) -> dict[str, Any]:
    """Read an export's description of its training set (`about_data`).

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    try:
        about = read_json(path)
        return {key: about[key] for key in ABOUT}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise StudyError(
            f"{path} does not describe the training images of the networks ({type(problem).__name__}: {problem})."
        ) from problem


def read_recorded_stimuli(path: Path) -> pd.DataFrame:
    """Read the stimuli on which an export's activations were recorded (`with_pixels`).

    Raises
    ------
    StudyError
        If the file is not such a table.
    """
    try:
        return pd.read_parquet(path, columns=[*WHICH, "sha256"])
    except (OSError, ValueError) as problem:  # pyarrow's errors are among them
        raise StudyError(f"{path} is not a table of stimuli ({problem}).") from problem


def places(recorded: pd.DataFrame, stimuli: pd.DataFrame) -> NDArray[np.int64]:
    """Return the places of the study's stimuli among the recorded ones.

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
            f"Stimulus {found.index(None)} (image {index} of {source}) is not among the stimuli recorded before the "
            "networks were exported; use those stimuli, or do not follow the training (trajectory.epochs: [])."
        )
    return np.array(found, dtype=np.int64)


def about_pixels(recorded: pd.DataFrame, stimuli: pd.DataFrame) -> str | None:
    """Return a note if images of the export have other pixels among the study's stimuli, else None."""
    both = stimuli.merge(recorded, how="inner", on=WHICH, suffixes=("", "_recorded"))
    n_others = int((both["sha256"] != both["sha256_recorded"]).sum())
    if not n_others:
        return None
    return (
        f"{n_others} of {len(stimuli)} stimuli have other pixels here than in the export (another copy of the same "
        "image). Accuracies, and activations of followed layers, were computed from the pixels of the export."
    )


def check_agreement(answers: NDArray, recorded: NDArray, what: str) -> float:
    """Return the correlation of a layer's activations with those recorded before the export.

    It is NaN if both are constant, as in a dead layer, or not finite.

    Raises
    ------
    StudyError
        If the numbers of units differ, or the correlation is below `LEAST_AGREEMENT`.
    """
    if answers.shape != recorded.shape:
        raise StudyError(f"{what}: expected {recorded.shape[1]} units, as recorded, found {answers.shape[1]}.")
    with np.errstate(invalid="ignore", divide="ignore"):
        r = float(np.corrcoef(answers.ravel(), recorded.ravel())[0, 1])
    if np.isnan(r) and not answers.std() > 0 and not recorded.std() > 0:  # both dead, or both not finite
        return r
    if not r >= LEAST_AGREEMENT:
        raise StudyError(
            f"{what}: the network's activations differ from those before its export (r = {r:.2f}, expected at least "
            f"{LEAST_AGREEMENT}); check that the stimuli, and the images that the preprocessing was fitted to, are the "
            "same."
        )
    return r
