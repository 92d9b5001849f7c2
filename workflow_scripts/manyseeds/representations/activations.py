"""Activations of the analysed layers: one forward pass over the stimuli, written layer by layer as NPY files."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyseeds.devices import make_deterministic
from manyseeds.errors import StudyError
from manyseeds.io.files import reserve, writing
from manyseeds.models import build
from manyseeds.models.forward import BATCH, as_batch
from manyseeds.models.spec import Network
from manyseeds.study.architectures import NAMED_IN


def prepare(
    entry: Mapping, image_shape: tuple[int, int, int], card: Path, categories: Sequence[int] | None
) -> tuple[Network, nn.Module]:
    """Return a network and its module without weights, to run deterministically from here on.

    Parameters
    ----------
    entry
        The network's entry of the config's `networks`.
    image_shape
        Height, width and number of channels of a stimulus.
    card
        The data set's, which names its categories.
    categories
        Numbers of those that the network has an output for; None: all.
    """
    make_deterministic("fp32")
    network = Network.from_config(entry)
    n_categories = len(categories or json.loads(Path(card).read_text())["categories"])
    return network, build.build(network, image_shape, n_categories)


def choose(layers: Mapping[str, nn.Module], names: Sequence[str], analysis: str) -> dict[str, nn.Module]:
    """Return those of the analysed layers that one analysis is confined to.

    Parameters
    ----------
    names
        Names of layers; those that the network does not have are other networks'.
    analysis
        Key of the config that names the layers, and the networks: `trajectory` or `dropout`.

    Raises
    ------
    StudyError
        If the network has none of them.
    """
    chosen = {name: layers[name] for name in names if name in layers}
    if not chosen:
        raise StudyError(
            f"Config key {analysis}.layers: found {', '.join(names)}, expected at least one of {', '.join(layers)}; "
            f"or name {NAMED_IN[analysis]} the networks that have such a layer."
        )
    return chosen


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dict that holds each layer's latest output, by layer, while the context lasts.

    Outputs are copied at the hook: a network's next module may work in place (torchvision's ReLUs do).

    Raises
    ------
    StudyError
        On the forward pass, at a layer that gives something else than a tensor.
    """
    outputs: dict[str, Tensor] = {}

    def keep(layer: str):
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: object) -> None:
            if not isinstance(output, Tensor):
                raise StudyError(
                    f"networks: the layer {layer} gives a {type(output).__name__}, expected a torch.Tensor; name in "
                    "`layers` modules that give one."
                )
            outputs[layer] = output.detach().clone()

        return hook

    handles = [module.register_forward_hook(keep(layer)) for layer, module in layers.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def respond(
    module: nn.Module, layers: Mapping[str, nn.Module], stimuli: NDArray[np.float32], device: torch.device
) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
    """Yield the responses to some stimuli after the other: the place of the first of them, and what each layer answers
    [batch, units].

    Parameters
    ----------
    layers
        The modules to be recorded, by layer name.
    stimuli
        Preprocessed images [n, height, width, channels].

    Raises
    ------
    StudyError
        If a layer gives no tensor, or nothing at all.
    """
    module.eval().to(device)
    with recorded(layers) as outputs:
        for start in range(0, len(stimuli), BATCH):
            with torch.inference_mode():
                module(as_batch(torch.from_numpy(np.array(stimuli[start : start + BATCH])).to(device)))
            unused = next((layer for layer in layers if layer not in outputs), None)
            if unused is not None:
                raise StudyError(
                    f"networks: the layer {unused} takes no part in a forward pass; name in `layers` modules that do."
                )
            yield start, {layer: outputs[layer].flatten(1).float().cpu().numpy() for layer in layers}


def dump(
    module: nn.Module,
    layers: Mapping[str, nn.Module],
    stimuli: NDArray[np.float32],
    folder: Path,
    *,
    device: torch.device,
) -> pd.DataFrame:
    """Write the activations of each layer to ``folder/{layer}.npy`` (float32, stimuli x units, C order).

    Parameters
    ----------
    layers
        The analysed modules by layer name, in their order (`build.analysed_layers`).
    stimuli
        Preprocessed images [n, height, width, channels].

    Returns
    -------
    pandas.DataFrame
        The index: one row a layer, with shape, dtype, SHA-256 of the file, and how many units and stimuli are silent
        (zero throughout).
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.memmap] = {}
    for start, responses in respond(module, layers, stimuli, device):
        for layer, units in responses.items():
            if layer not in arrays:
                shape = (len(stimuli), units.shape[1])
                arrays[layer] = _new_array(folder / f"{layer}.npy", shape)
            arrays[layer][start : start + len(units)] = units
    rows = [_describe(layer, order, arrays.pop(layer), folder / f"{layer}.npy") for order, layer in enumerate(layers)]
    return pd.DataFrame(rows)


def collect(
    module: nn.Module, layers: Mapping[str, nn.Module], stimuli: NDArray[np.float32], device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """Return the activations of layers [stimuli, units], all in memory; parameters as of `dump`."""
    batches = [responses for _, responses in respond(module, layers, stimuli, device)]
    return {layer: np.concatenate([responses[layer] for responses in batches]) for layer in layers}


def write_layers(activations: Mapping[str, NDArray[np.float32]], folder: Path) -> pd.DataFrame:
    """Write activations [stimuli, units] that are known already, by layer; files and index as of `dump`."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for order, (layer, units) in enumerate(activations.items()):
        path = folder / f"{layer}.npy"
        array = _new_array(path, units.shape)
        array[:] = units
        rows.append(_describe(layer, order, array, path))
    return pd.DataFrame(rows)


def replace(index: pd.DataFrame, activations: Mapping[str, NDArray[np.float32]], folder: Path) -> pd.DataFrame:
    """Put activations that are known in the places of some layers' in a folder; return its index, as it is then."""
    written = write_layers(activations, folder).set_index("layer")
    rows = index.set_index("layer")
    changed = written.columns.drop("layer_index")
    rows.loc[written.index, changed] = written[changed]
    return rows.reset_index()


def _new_array(path: Path, shape: tuple[int, int]) -> np.memmap:
    with writing(path):
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        reserve(path)
    return array


def _describe(layer: str, order: int, activations: np.memmap, path: Path) -> dict:
    """Return a layer's row of the index, its file flushed first."""
    activations.flush()
    active = activations != 0
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "layer": layer,
        "layer_index": order,
        "shape": json.dumps(list(activations.shape)),
        "dtype": str(activations.dtype),
        "sha256": sha256,
        "n_units": activations.shape[1],
        "n_silent_units": int(activations.shape[1] - active.any(axis=0).sum()),
        "n_silent_stimuli": int(len(activations) - active.any(axis=1).sum()),
    }
