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
    published: Sequence[Path] | None = None,
) -> list[Store | None]:
    """Train tasks, each from its own weights, and return their finished stores; None for what is published already.

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
    published
        File of each task's published weights, which need not exist. Those of the same training are not trained again.

    Raises
    ------
    Interrupted
        After SIGTERM or SIGINT, once all states are saved.
    """
    if not begun:
        return []
    platform = precision.platform_of(begun[0][0].recipe, device)
    options = {"stores": stores, "code": code, "report": report}
    assigned = [
        engine.assign(task, weights, images, platform, published=file, **options)
        for (task, weights), file in zip(begun, published or [None] * len(begun), strict=True)
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
    return [
        finished_store(stores, task.digest(weights, images.digest, code), task.max_attempts) for task, weights in begun
    ]
