"""Weights from elsewhere with which trainings begin (the config's `networks[].weights`).

All weights are taken but for the readout, if its shape differs. It then has an output for each category of the data,
and is drawn as `initialisation` says.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from numpy.typing import NDArray

from manyseeds.errors import StudyError
from manyseeds.models import build, spec, torchvision_import
from manyseeds.models.constructors import import_timm
from manyseeds.models.spec import Network, Weights
from manyseeds.models.user_weights import Value, read_user_weights, without_prefixes
from manyseeds.study.architectures import DEFAULT, TIMM
from manyseeds.study.user_folders import starting_file

Readout = Callable[[], frozenset[str]]
"""Returns the names of the readout's parameters. Called only if weights do not fit, because it builds networks."""


def placed(
    drawn: Weights, network: Network, seed: int, image_shape: tuple[int, int, int], n_categories: int
) -> dict[str, NDArray]:
    """Return initial weights: those from elsewhere, and drawn ones for a readout of another shape.

    Parameters
    ----------
    drawn
        Drawn weights of all parameters and buffers.
    network
        Its `weights` name a file, a folder, or the weights of its library.
    seed
        Seed of the stream `init`. It numbers the files of a folder.
    image_shape
        Height, width and channels of an image.

    Raises
    ------
    StudyError
        If weights cannot be read or downloaded, or if others than those of the readout do not fit.
    """
    readout = cache(lambda: readout_parameters(network, image_shape, n_categories))
    if network.weights == DEFAULT:
        source, given = f"the default weights of {network.architecture}", default_weights(network)
        _check_fit(drawn, _shapes(given), readout, source)
    else:
        path = starting_file(Path(str(network.weights)), seed)
        source = str(path)
        given = read_user_weights(path, lambda shapes: _check_fit(drawn, shapes, readout, source))
        given = without_prefixes(given, drawn)
    redrawn = _redrawn(drawn, _shapes(given), readout)
    weights = {name: drawn[name] if name in redrawn else given[name] for name in drawn}
    for name, array in weights.items():
        if array.dtype != drawn[name].dtype:
            raise StudyError(f"{source}: {name} holds {array.dtype}, but the network expects {drawn[name].dtype}.")
    return weights


def _check_fit(drawn: Weights, shapes: build.Shapes, readout: Readout, source: str) -> None:
    """Check that weights fit, but for those of the readout; `drawn` has all that the network expects."""
    found = without_prefixes(shapes, drawn)
    redrawn = _redrawn(drawn, found, readout)
    build.check_fit(_without(_shapes(drawn), redrawn), _without(found, redrawn), source=source)


def _redrawn(drawn: Weights, found: build.Shapes, readout: Readout) -> frozenset[str]:
    """Return the names of the readout's parameters if one of them is missing or has another shape, else none."""
    misfits = {name for name, shape in _shapes(drawn).items() if found.get(name) != shape}
    return readout() if misfits and misfits & readout() else frozenset()


def readout_parameters(network: Network, image_shape: tuple[int, int, int], n_categories: int) -> frozenset[str]:
    """Return the names of the parameters whose shape depends on the number of outputs."""
    n_outputs = network.n_outputs(n_categories)
    if network.architecture in spec.ALL_CNNS:
        one, other = (spec.all_cnn_shapes(network, image_shape[2], n_outputs + more) for more in (0, 1))
    else:
        sized = (replace(network, outputs=n_outputs + more) for more in (0, 1))
        one, other = (_shapes(build.weights_of(build.build(each, image_shape, n_categories))) for each in sized)
    return frozenset(name for name, shape in one.items() if other.get(name) != shape)


def _shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in weights.items()}


def _without(values: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in names}


# Weights of libraries


def default_weights(network: Network) -> dict[str, NDArray]:
    """Return the weights that torchvision or timm has for a network, from the library's cache or from the internet.

    Raises
    ------
    StudyError
        If the library has none, or they cannot be downloaded.
    """
    return dict(_of_library(network.architecture, json.dumps(network.kwargs or {}, sort_keys=True)))


@cache
def _of_library(architecture: str, kwargs: str) -> dict[str, NDArray]:
    arguments = json.loads(kwargs)
    if architecture.startswith(TIMM):
        return _of_timm(architecture.removeprefix(TIMM), arguments)
    return _of_torchvision(architecture, arguments)


def _of_torchvision(name: str, arguments: Mapping[str, object]) -> dict[str, NDArray]:
    models, name = torchvision_import.import_models(), name.rpartition(".")[2]
    try:
        declared = models.get_model_weights(name).DEFAULT
    except (ValueError, AttributeError) as problem:
        raise StudyError(
            f"networks: {name} has no default weights in torchvision ({problem}); set `weights` to a file."
        ) from problem
    try:
        module = models.get_model(name, weights=declared, progress=False, **arguments)
    except Exception as problem:  # of the network, the disk and the file
        raise StudyError(
            f"networks: the default weights of {name} cannot be had ({type(problem).__name__}: {problem}); download "
            f"{declared.url}, and set `weights` to the file."
        ) from problem
    return build.weights_of(module)


def _of_timm(name: str, arguments: Mapping[str, object]) -> dict[str, NDArray]:
    timm = import_timm(name, "networks")
    known = timm.get_pretrained_cfg(name)
    if known is None or not known.has_weights:
        raise StudyError(f"networks: {TIMM}{name} has no default weights in timm; set `weights` to a file.")
    try:
        module = timm.create_model(name, pretrained=True, **arguments)
    except Exception as problem:  # of the network, the disk and the file
        where = f"https://huggingface.co/{known.hf_hub_id}" if known.hf_hub_id else known.url
        raise StudyError(
            f"networks: the default weights of {TIMM}{name} cannot be had ({type(problem).__name__}: "
            f"{' '.join(str(problem).split())}); download them from {where}, and set `weights` to the file."
        ) from problem
    return build.weights_of(module)
