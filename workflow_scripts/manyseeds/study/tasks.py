"""Training tasks in plain values: exactly the part of a study that determines an instance's weights.

Read while the Snakefile is parsed, so only the standard library is imported.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyseeds.errors import StudyError
from manyseeds.study.architectures import DEFAULT, LATER_KEYS
from manyseeds.study.instances import Instance
from manyseeds.study.study import Study
from manyseeds.study.user_folders import starting_file

UNRELATED = ("cohort_size", "cuda_graphs", "seeds_per_job", "checkpoint_minutes")
"""Keys of the config's `training` that say how jobs run; the weights do not depend on them."""


NAMES_AND_LAYERS = ("name", "label", "layers")
"""Keys of networks that determine no weight."""


def network_values(study: Study, architecture: str) -> dict[str, Any]:
    """Return a network's entry of the config's `networks` without its names and its analysed layers.

    Later keys that are not set are left out, so that earlier results stay valid.
    """
    entry = {key: value for key, value in study.network(architecture).items() if key not in NAMES_AND_LAYERS}
    return {key: value for key, value in entry.items() if key not in LATER_KEYS or value is not None}


def task_values(study: Study, instance: Instance) -> dict[str, Any]:
    """Return the arguments of `recipes.Task.from_params`, except the data's number of categories.

    Networks of crossed streams are not redrawn, because another attempt would have draws of its own in all streams.
    """
    config, condition = study.config, study.condition(instance.condition)
    recipe = {key: value for key, value in config["training"].items() if key not in UNRELATED}
    recipe["checkpoints"] = list(study.checkpoints)
    recipe["dropout"] = condition["dropout"]
    recipe["dropout_after"] = config["dropout"]["after"] if condition["dropout"] else []
    perturb = {"perturb": dict(condition["perturb"])} if condition["perturb"] else {}
    return {
        "name": f"{instance.architecture}/{instance.condition}/seed{instance.seed}",
        "network": network_values(study, instance.architecture),
        "recipe": recipe,
        "collapse": dict(config["collapse"]) | ({"max_attempts": 1} if condition["cross"] else {}),
        "root_seed": config["seed"],
        "stream_seeds": study.stream_seeds(instance),
        "vary": list(condition["vary"]),
        **perturb,
    }


def starts(study: Study, architecture: str) -> list[dict[str, Any]]:
    """Return how the trainings of an architecture begin, condition by condition; none if all weights are drawn.

    The keys are parameters of `repeatability.check_start`. More instances do not change them.
    """
    if study.network(architecture)["weights"] is None:
        return []
    conditions = [study.condition(name) for each, name in study.groups if each == architecture]
    return [
        {
            "condition": condition["name"],
            "seed": _streams(study, architecture, condition["name"])[0]["init"],
            "chosen": condition["categories"],
            "needs_draws": _needs_draws(study, architecture, condition),
        }
        for condition in conditions
    ]


def _streams(study: Study, architecture: str, condition: str) -> list[dict[str, int]]:
    """Return the seeds of the streams of each instance of a group."""
    seeds = study.seeds(architecture, condition)
    return [study.stream_seeds(Instance(architecture, condition, seed)) for seed in seeds]


def _needs_draws(study: Study, architecture: str, condition: Mapping[str, Any]) -> bool:
    """Return whether a condition has networks that begin from one file and differ in the stream `init` alone."""
    weights = study.network(architecture)["weights"]
    if weights != DEFAULT and os.path.isdir(weights):
        return False
    if (condition["cross"] or {}).get("init"):
        return True
    streams = _streams(study, architecture, condition["name"])
    used = study.used_streams(architecture, condition["name"])
    return [stream for stream in used if len({seeds[stream] for seeds in streams}) > 1] == ["init"]


def start_file(study: Study, instance: Instance) -> str | None:
    """Return the file of weights with which the training of an instance begins; None if there is none.

    Raises
    ------
    StudyError
        If the config names one that is missing.
    """
    weights = study.network(instance.architecture)["weights"]
    if weights in (None, DEFAULT):
        return None
    return str(starting_file(Path(weights), study.stream_seeds(instance)["init"]))


def shared_values(study: Study, architecture: str, condition: str) -> dict[str, Any]:
    """Return the part of `task_values` that all instances of a group share."""
    values = task_values(study, Instance(architecture, condition, 0))
    return {key: value for key, value in values.items() if key not in ("name", "stream_seeds")}


def tuning_values(study: Study, instance: Instance, learning_rate: float) -> dict[str, Any]:
    """Return the arguments of `FurtherTask.from_params`, except the data's number of categories.

    No stream varies, because all networks see the same images in the same order. No rule for collapse applies, and no
    weight is perturbed again.
    """
    values, tuning = task_values(study, instance), study.config["finetune"]
    changed = {"learning_rate": learning_rate, "epochs": tuning["epochs"], "milestones": []}
    return {key: value for key, value in values.items() if key != "perturb"} | {
        "recipe": values["recipe"] | changed | {"checkpoints": [tuning["epochs"]]},
        "collapse": values["collapse"] | {"enabled": False, "max_attempts": 1, "judge_after": []},
        "stream_seeds": dict.fromkeys(values["stream_seeds"], 0),
        "vary": [],
    }


def transfer_values(study: Study, instance: Instance, transfer_seed: int) -> dict[str, Any]:
    """Return the arguments of `TransferTask.of_source`, except the mode and the number of categories.

    Nothing is redrawn or perturbed. The stream `init` is the source's, and all others have the transfer seed.
    """
    values, transfer = task_values(study, instance), study.config["transfer"]
    changed = {"learning_rate": transfer["learning_rate"], "epochs": transfer["epochs"], "milestones": []}
    streams = dict.fromkeys(values["stream_seeds"], transfer_seed)
    return {key: value for key, value in values.items() if key != "perturb"} | {
        "recipe": values["recipe"] | changed | {"checkpoints": [transfer["epochs"]]},
        "collapse": values["collapse"] | {"enabled": False, "max_attempts": 1, "judge_after": []},
        "stream_seeds": streams | {"init": values["stream_seeds"]["init"]},
        "vary": [],
    }


def dropout_values(study: Study, condition: str) -> dict[str, Any] | None:
    """Return the dropout that a condition trains with; None without any, or if that is not known.

    The keys are parameters of `models.accuracy.accuracy_with_dropout` and `dropout_sampling.Dropout`.
    """
    rate = study.condition(condition)["dropout"] if study.knows_training else 0
    if not rate:
        return None
    return {"rate": rate, "after": list(study.config["dropout"]["after"]), "root_seed": study.config["seed"]}


def training_set(study: Study, condition: str) -> dict[str, Any]:
    """Return which images a condition trains on, as arguments of `subsets.select`.

    The seed of the halves is given only for a half, so that it does not affect other conditions.
    """
    images = study.condition(condition)["images"]
    seed = None if images == "all" else study.config["data"]["halves_seed"]
    return {"images": images, "seed": seed, "categories": study.condition(condition)["categories"]}


def transfer_set(study: Study) -> dict[str, Any]:
    """Return which images networks learn (`transfer.target`), as arguments of `subsets.select`; of a folder, all."""
    if study.transfer_root is not None:
        return {"images": "all", "seed": None, "categories": None}
    return training_set(study, study.config["transfer"]["target"])


def random_draws(study: Study, architecture: str, condition: str) -> dict[str, Any] | None:
    """Return what addresses the random draws of a group's trainings; None if the training is not known.

    The keys are `vary`, the streams that vary, and `seeds`: the seed of each stream that is used, by the instance's
    seed. `comparison.shared_streams` reads them.
    """
    if not study.knows_training:
        return None
    used = study.used_streams(architecture, condition)
    seeds = {
        seed: {stream: study.stream_seeds(Instance(architecture, condition, seed))[stream] for stream in used}
        for seed in study.seeds(architecture, condition)
    }
    return {"vary": list(study.condition(condition)["vary"]), "seeds": seeds}


def differ_in_draws_alone(study: Study, architecture: str, first: str, second: str) -> bool:
    """Return whether all settings of two conditions' trainings are the same, but for the streams that vary.

    The largest number of attempts may differ too: it changes no accepted network. It is False if the training is not
    known.
    """
    if not study.knows_training:
        return False
    return _settings(study, architecture, first) == _settings(study, architecture, second)


def _settings(study: Study, architecture: str, condition: str) -> dict[str, Any]:
    """Return the settings of a condition's trainings, but for random streams and the largest number of attempts."""
    values = shared_values(study, architecture, condition) | training_set(study, condition)
    del values["collapse"]["max_attempts"]
    return {key: value for key, value in values.items() if key != "vary"}


def check_pools(study: Study) -> None:
    """Check that pooled conditions differ in their random streams alone (`sources.conditions`).

    Raises
    ------
    StudyError
        If two of them differ in another setting; names both and the setting.
    """
    for architecture in study.source_architectures:
        first, *others = study.pooled_conditions(architecture)
        expected = _settings(study, architecture, first)
        for other in others:
            found = _settings(study, architecture, other)
            differing = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
            if differing:
                key = "dropout" if differing == ["recipe"] else " and ".join(differing)
                raise StudyError(
                    f"Config key sources.conditions: {first} and {other} differ in {key}, expected conditions that "
                    "differ in vary or cross alone."
                )


def block_of(study: Study, instance: Instance) -> int:
    """Return the number of an instance's block of seeds: one job trains one block."""
    return instance.seed // study.config["training"]["seeds_per_job"]


def blocks(study: Study, architecture: str, condition: str) -> dict[int, tuple[int, ...]]:
    """Return the seeds of a group by the number of their block."""
    found: dict[int, tuple[int, ...]] = {}
    for seed in study.seeds(architecture, condition):
        block = block_of(study, Instance(architecture, condition, seed))
        found[block] = (*found.get(block, ()), seed)
    return found


def members(study: Study, architecture: str, condition: str, block: int) -> list[Instance]:
    """Return the instances of a group that one job trains."""
    instances = (Instance(architecture, condition, seed) for seed in study.seeds(architecture, condition))
    return [instance for instance in instances if block_of(study, instance) == block]
