"""Activations of the analysed layers: one forward pass over the stimuli, one NPY file per layer."""

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
from manyseeds.representations.layer_table import index_of
from manyseeds.study.architectures import NAMED_IN


def prepare(
    entry: Mapping, image_shape: tuple[int, int, int], card: Path, categories: Sequence[int] | None
) -> tuple[Network, nn.Module]:
    """Return a network and its module without weights; torch computes deterministically from then on.

    Parameters
    ----------
    entry
        The network's entry of the config's `networks`.
    image_shape
        Height, width and number of channels of a stimulus.
    card
        The data set's card, which names its categories.
    categories
        Numbers of the categories that the network has an output for; None: all.
    """
    make_deterministic("fp32")
    network = Network.from_config(entry)
    n_categories = len(categories or json.loads(Path(card).read_text())["categories"])
    return network, build.build(network, image_shape, n_categories)


def choose(layers: Mapping[str, nn.Module], names: Sequence[str], analysis: str) -> dict[str, nn.Module]:
    """Return the analysed layers that one analysis uses.

    Parameters
    ----------
    names
        Names of layers. Layers that the network does not have belong to other networks.
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
            f"or name {NAMED_IN[analysis]} only networks that have such a layer."
        )
    return chosen


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dict that holds the latest output of each layer while the context lasts.

    Outputs are copied, because the next module may change them in place (torchvision's ReLUs do).

    Raises
    ------
    StudyError
        In the forward pass, if the output of a layer is not a tensor.
    """
    outputs: dict[str, Tensor] = {}

    def keep(layer: str):
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: object) -> None:
            if not isinstance(output, Tensor):
                raise StudyError(
                    f"networks: the output of layer {layer} is a {type(output).__name__}, expected a torch.Tensor; "
                    "set `layers` to modules that return one."
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
    """Yield responses batch by batch: the index of the first stimulus, and activations by layer.

    Activations are [batch, units].

    Parameters
    ----------
    layers
        The modules to record, by layer name.
    stimuli
        Preprocessed images [n, height, width, channels].

    Raises
    ------
    StudyError
        If the output of a layer is not a tensor, or the forward pass does not use the layer.
    """
    module.eval().to(device)
    with recorded(layers) as outputs:
        for start in range(0, len(stimuli), BATCH):
            with torch.inference_mode():
                module(as_batch(torch.from_numpy(np.array(stimuli[start : start + BATCH])).to(device)))
            unused = next((layer for layer in layers if layer not in outputs), None)
            if unused is not None:
                raise StudyError(
                    f"networks: the forward pass does not use the layer {unused}; set `layers` to modules that it uses."
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
        The index of `index_of`.
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
    for array in arrays.values():
        array.flush()
    return index_of({layer: arrays[layer].shape[1] for layer in layers})


def collect(
    module: nn.Module, layers: Mapping[str, nn.Module], stimuli: NDArray[np.float32], device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """Return the activations of layers [stimuli, units] in memory; parameters as in `dump`."""
    batches = [responses for _, responses in respond(module, layers, stimuli, device)]
    return {layer: np.concatenate([responses[layer] for responses in batches]) for layer in layers}


def write_layers(activations: Mapping[str, NDArray[np.float32]], folder: Path) -> pd.DataFrame:
    """Write given activations [stimuli, units], by layer; files and index as in `dump`."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for layer, units in activations.items():
        array = _new_array(folder / f"{layer}.npy", units.shape)
        array[:] = units
        array.flush()
    return index_of({layer: units.shape[1] for layer, units in activations.items()})


def _new_array(path: Path, shape: tuple[int, int]) -> np.memmap:
    with writing(path):
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        reserve(path)
    return array
