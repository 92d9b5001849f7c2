"""Trainings that begin with given weights, of one recipe and on the same images (methods 11)."""

from collections.abc import Sequence
from pathlib import Path

import torch

from manyseeds.data.images import Images
from manyseeds.models.spec import Weights
from manyseeds.training import compiled, engine, precision
from manyseeds.training.attempts import Report
from manyseeds.training.recipes import Task
from manyseeds.training.stores import Store, finished_store


def train_all(
    begun: Sequence[tuple[Task, Weights]],
    images: Images,
    *,
    stores: Path,
    code: str,
    device: torch.device,
    cuda_graphs: bool,
    save_every: float,
    report: Report,
    announce: Report,
) -> list[Store]:
    """Train tasks, each from its own weights, and return their finished stores.

    Parameters
    ----------
    begun
        Tasks of one recipe, with the weights with which they begin.
    stores
        Folder of the stores. What is finished or begun there is not trained again.
    code
        Digest of the code.
    cuda_graphs, save_every, report, announce
        As in `engine.train`.

    Raises
    ------
    Interrupted
        After SIGTERM or SIGINT, once all states are saved.
    """
    if not begun:
        return []
    platform = precision.platform_of(begun[0][0].recipe, device)
    assigned = [
        engine.assign(task, weights, images, platform, stores=stores, code=code, report=report)
        for task, weights in begun
    ]
    compiled.configure(stores, platform)
    engine.train(
        [each for each in assigned if each is not None],
        images,
        device=device,
        cuda_graphs=cuda_graphs,
        save_every=save_every,
        report=report,
        announce=announce,
    )
    finished = [
        finished_store(stores, task.digest(weights, images.digest, code), task.max_attempts) for task, weights in begun
    ]
    return [store for store in finished if store is not None]
