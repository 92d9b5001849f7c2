"""Checks of networks before any work: the same seed must give the same network, in training and in evaluation.

All-CNNs need none of them. A network of the user's own, or of torchvision, may answer otherwise while it trains, or
draw random numbers from a source that no seed reaches.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from manyseeds.errors import StudyError
from manyseeds.io.tensors import digest_of
from manyseeds.models import build
from manyseeds.models.initialisation import initial_weights
from manyseeds.models.seeding import seeded
from manyseeds.models.spec import Network

N_IMAGES = 2
"""Images of a check: batch normalisation cannot train on a single image."""

ADVICE = "draw with torch, or from the global generators of numpy and random (numpy.random.rand, random.random)"


def check_constructor(network: Network, image_shape: tuple[int, int, int], n_categories: int) -> None:
    """Check that a network has the same initial weights each time it is built from one seed.

    Raises
    ------
    StudyError
        If it does not; names the parameter or buffer.
    """
    drawn = replace(network, weights=None)
    first, second = (initial_weights(drawn, image_shape, n_categories, root_seed=0, seed=0) for _ in range(2))
    for name, array in first.items():
        if name not in second or array.tobytes() != second[name].tobytes():
            raise StudyError(
                f"networks: {network.architecture} draws {name} from a source that the study's seed does not reach, so "
                f"no run could be repeated; {ADVICE}."
            )


def check_start(
    network: Network,
    image_shape: tuple[int, int, int],
    n_categories: int,
    *,
    condition: str,
    seed: int,
    chosen: Sequence[int] | None,
    needs_draws: bool,
) -> None:
    """Check the weights from elsewhere with which the trainings of a condition begin.

    Parameters
    ----------
    n_categories
        Number of the data's categories.
    seed
        Seed of the stream `init` of its first network.
    chosen
        Numbers of the categories that the condition trains on; None: all.
    needs_draws
        Whether the condition has networks that differ in their draws of initial weights alone.

    Raises
    ------
    StudyError
        If weights do not fit (`starting_weights.placed`). Also if they are all that the network has, so that nothing
        is drawn, and the condition needs draws.
    """
    n_outputs = n_categories if chosen is None else len(chosen)
    begun = [
        digest_of(initial_weights(network, image_shape, n_outputs, root_seed=root, seed=seed))
        for root in range(1 + needs_draws)
    ]
    if needs_draws and begun[0] == begun[1]:
        raise StudyError(
            f"networks: {network.weights} has all weights of {network.architecture}, so all networks of condition "
            f"{condition} would be one; let other streams than init vary (conditions[].vary)."
        )


def check_evaluation(module: nn.Module, network: Network, image_shape: Sequence[int]) -> None:
    """Check that a network answers the same images the same way in evaluation mode.

    Raises
    ------
    StudyError
        If it does not.
    """
    answers = []
    for seed in range(2):
        with seeded(seed):
            answers.append(_answers(module.eval(), network, image_shape))
    if not _same(*answers):
        raise StudyError(
            f"networks: {network.architecture} answers the same images differently each time in evaluation mode, so "
            "its activations could not be computed again; make it draw random numbers only in training mode."
        )


def check_training(module: nn.Module, network: Network, image_shape: Sequence[int], n_categories: int) -> None:
    """Check that a network can be trained, and answers the same way from the same seed in training mode.

    The module's buffers, such as running means, stay as they are.

    Raises
    ------
    StudyError
        If it fails in training mode, returns anything but logits, or draws from a source that no seed reaches.
    """
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    answers = []
    for _ in range(2):
        with seeded(0):
            answers.append(_answers(module.train(), network, image_shape))
        for name, buffer in module.named_buffers():
            if name in before:  # others were made in training mode
                buffer.copy_(before[name])
    module.eval()
    for answer in answers:
        if not isinstance(answer, Tensor) or tuple(answer.shape) != (N_IMAGES, n_categories):
            raise StudyError(
                f"networks: {network.architecture} returns {_described(answer)} in training mode, expected logits of "
                f"shape {(N_IMAGES, n_categories)} for {N_IMAGES} images; wrap it in a module that returns these alone."
            )
    if not _same(*answers):
        raise StudyError(
            f"networks: {network.architecture} draws from a source that the study's seed does not reach in training "
            f"mode, so no training could be repeated; {ADVICE}."
        )


def _answers(module: nn.Module, network: Network, image_shape: Sequence[int]) -> object:
    """Return the output for images that differ from pixel to pixel, since blank ones could hide random draws."""
    height, width, channels = image_shape
    shape = (N_IMAGES, channels, height, width)
    mode = "training" if module.training else "evaluation"
    try:
        with torch.no_grad():
            return module(torch.linspace(-1, 1, N_IMAGES * channels * height * width).reshape(shape))
    except (Exception, SystemExit) as problem:  # foreign code may raise anything
        raise StudyError(
            f"networks: {network.architecture} fails in {mode} mode on {N_IMAGES} images of height x width x channels "
            f"{height} x {width} x {channels} ({type(problem).__name__}: {problem})."
        ) from problem


def _described(answer: object) -> str:
    return f"an output of shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else f"a {type(answer).__name__}"


def _same(first: object, second: object) -> bool:
    """Return whether two outputs have the same bits, also where they are NaN; other things than tensors count as such.

    Networks whose output is no tensor are refused elsewhere.
    """
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return True
    return first.shape == second.shape and first.numpy().tobytes() == second.numpy().tobytes()


def check(network: Network, image_shape: tuple[int, int, int], n_categories: int) -> None:
    """Check a network that is to be trained: its constructor, and both of its modes.

    Raises
    ------
    StudyError
        If one of the other checks fails.
    """
    check_constructor(network, image_shape, n_categories)
    weights = initial_weights(replace(network, weights=None), image_shape, n_categories, root_seed=0, seed=0)
    module = build.build(network, image_shape, n_categories)
    build.load(module, weights, source=f"initial weights of {network.architecture}")
    check_training(module, network, image_shape, n_categories)
    check_evaluation(module, network, image_shape)
