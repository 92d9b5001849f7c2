"""Train small instances side by side into stores, in a process that a test may kill:
`train_once.py FOLDER SAVE_EVERY N_INSTANCES [RECIPE]`, the last as JSON.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from manyseeds.data.images import Images
from manyseeds.models import initialisation, spec
from manyseeds.training import compiled, engine, interruption, recipes, stores
from manyseeds.training.attempts import Assignment
from manyseeds.training.collapse import CollapseRule
from manyseeds.training.platforms import Platform


def small_images(seed: int = 0) -> Images:
    """Return 90 noisy images of three categories, 12 x 12 pixels."""
    draw = np.random.default_rng(seed)
    labels = np.arange(90) % 3
    prototypes = draw.standard_normal((3, 12, 12, 1))
    inputs = prototypes[labels] + 0.5 * draw.standard_normal((90, 12, 12, 1))
    return Images(inputs.astype(np.float32), labels.astype(np.int64), 3)


def small_task(seed: int = 0, *, vary=("init",), collapse=None, network=None, perturb=None, **recipe) -> recipes.Task:
    """Return a task of a second or two; keyword arguments replace parts of its recipe."""
    recipe = {
        "epochs": 6,
        "batch_size": 8,
        "learning_rate": 0.02,
        "milestones": (4,),
        "momentum": 0.9,
        "l2": 1e-3,
        "clip_norm": 2.0,
        "precision": "fp32",
        "checkpoints": (0, 2, 6),
    } | recipe
    return recipes.Task(
        name=f"small/seed{seed}",
        network=network or spec.Network("all_cnn_7", width=0.05, readout_relu=False),
        recipe=recipes.Recipe(**recipe),
        collapse=collapse or CollapseRule(0.0, False, 2),
        root_seed=0,
        stream_seeds={purpose: seed if purpose in vary else 0 for purpose in ("init", "order", "augment", "dropout")},
        vary=tuple(vary),
        perturb=perturb,
    )


def initial_weights(task: recipes.Task, images: Images):
    """Return the weights that a task's attempt 0 begins from."""
    address = {"root_seed": task.root_seed, "seed": task.stream_seeds["init"]}
    return initialisation.initial_weights(task.network, images.inputs.shape[1:], images.n_categories, **address)


def key_of(task: recipes.Task) -> str:
    """Return the key under which a task is trained: a name that may name a folder."""
    return "key_of_" + task.name.replace("/", "_")


CODE = Path(tempfile.gettempdir(), "manyseeds-tests")
"""Where compiled code lies, for all tests and their processes: compiling takes longer than all else."""


def platform_of(task: recipes.Task) -> Platform:
    """Return a platform on which a task is trained as its recipe says."""
    return Platform("cpu", task.recipe.precision, "g++" if task.recipe.compile else None)


def assignment_of(task: recipes.Task, store: stores.Store, images: Images, key: str) -> Assignment:
    """Return the training of a task into a store."""
    digest = f"digest of {key}"
    return Assignment(task, initial_weights(task, images), store, key, digest, platform_of(task))


def train_small(task: recipes.Task, store: stores.Store, *, save_every: float = 1e9, report=lambda line: None) -> None:
    """Train a small task."""
    train_together([task], [store], save_every=save_every, report=report)


def train_together(
    tasks: Sequence[recipes.Task],
    stores_of: Sequence[stores.Store],
    *,
    cohort_size: int | str = 1,
    save_every: float = 1e9,
    device: str = "cpu",
    report=lambda line: None,
    announce=lambda line: None,
) -> None:
    """Train small tasks, `cohort_size` of them side by side."""
    images = small_images()
    for task in tasks[:1]:
        compiled.configure(CODE, platform_of(task))
    engine.train(
        [assignment_of(task, store, images, key_of(task)) for task, store in zip(tasks, stores_of, strict=True)],
        images,
        device=torch.device(device),
        cohort_size=cohort_size,
        save_every=save_every,
        report=report,
        announce=announce,
    )


DEMANDING = {
    "dropout": 0.3,
    "dropout_after": ("conv2",),
    "augmentation": "crop_flip",
    "epochs": 30,
    "checkpoints": (0, 7, 30),
}
"""All four streams at work, and long enough to be killed in the middle."""

COMPILED = {"compile": True, "augmentation": "crop_flip", "epochs": 30, "checkpoints": (0, 7, 30)}
"""The same in compiled steps, without the dropout that divides them into parts."""

if __name__ == "__main__":
    folder, every, n_instances = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    recipe = json.loads(sys.argv[4]) if len(sys.argv) > 4 else DEMANDING
    recipe = {key: tuple(value) if isinstance(value, list) else value for key, value in recipe.items()}
    seeds = range(n_instances)
    try:
        train_together(
            [small_task(seed, **recipe) for seed in seeds],
            [stores.Store(folder / str(seed)) for seed in seeds],
            cohort_size=n_instances,
            save_every=every,
            report=lambda line: print(line, flush=True),
        )
    except interruption.Interrupted as request:
        print(request, flush=True)
        sys.exit(interruption.EXIT_AGAIN)
