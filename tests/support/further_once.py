"""Train networks further, in a process that kills itself: `further_once.py FOLDER KIND N_LINES`."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from configs import study

from manyseeds.data.images import Images
from manyseeds.kernels.finetuning import FurtherTask
from manyseeds.kernels.transfer import TransferTask
from manyseeds.models import initialisation
from manyseeds.models.spec import Network
from manyseeds.study import tasks
from manyseeds.study.instances import Instance
from manyseeds.training.further import train_all
from manyseeds.training.stores import Store

SHAPE, EPOCHS = (12, 12, 1), 3
INPUTS = np.random.default_rng(0).standard_normal((60, *SHAPE)).astype(np.float32)
IMAGES = Images(INPUTS, np.arange(60) % 4, 4)
STUDY = study(
    networks=[{"architecture": "all_cnn_7", "width": 0.05, "readout_relu": False}],
    training={"batch_size": 16, "clip_norm": 5},
    conditions=[{"name": "baseline", "categories": [0, 1, 2, 3]}, {"name": "other", "categories": [4, 5, 6, 7]}],
    distortions={"names": ["blur"]},
    finetune={"distortions": ["blur"], "learning_rates": [1e-3], "epochs": EPOCHS},
    transfer={"source": "baseline", "target": "other", "epochs": EPOCHS},
)


def parent(seed: int):
    """Return weights of a network, as if it were trained."""
    network = Network.from_config(tasks.network_values(STUDY, "all_cnn_7"))
    return initialisation.initial_weights(network, SHAPE, 4, root_seed=0, seed=seed)


def finetuning(seed: int, rate: float = 1e-3):
    """Return a training on distorted images, with the weights with which it begins."""
    values = tasks.tuning_values(STUDY, Instance("all_cnn_7", "baseline", seed), rate)
    return FurtherTask.from_params(n_categories=4, **values), parent(seed)


def transfer(seed: int, transfer_seed: int = 0):
    """Return a training of a new readout alone, with the weights with which it begins."""
    values = tasks.transfer_values(STUDY, Instance("all_cnn_7", "baseline", seed), transfer_seed)
    task = TransferTask.of_source("readout", n_categories=4, **values)
    return task, task.beginning(parent(seed), IMAGES)


KINDS: dict[str, Callable] = {"finetuning": finetuning, "transfer": transfer}


def train(
    folder: Path, begun: Sequence, report: Callable[[str], None] = lambda line: None, published=None
) -> list[Store | None]:
    """Train networks further, saving after every step."""
    options = {"code": "code", "device": torch.device("cpu"), "cuda_graphs": False, "save_every": 0}
    return train_all(begun, IMAGES, stores=folder, report=report, announce=report, published=published, **options)


if __name__ == "__main__":
    place, kind, n_lines = sys.argv[1:]
    lines = []

    def kill(line: str) -> None:
        """Kill this process after some lines of progress."""
        lines.append(line)
        if len(lines) == int(n_lines):
            os.kill(os.getpid(), signal.SIGKILL)

    train(Path(place), [KINDS[kind](seed) for seed in (0, 1)], kill)
