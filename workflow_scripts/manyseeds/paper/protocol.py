"""The protocol of Mehrer et al. (2020), and the departures of a study from it.

The Snakefile reads it, so only the study and the standard library are imported. Only settings of the config are
compared. A choice that the paper's Results leave open is not a departure; docs/methods.md lists our choices.
"""

from collections.abc import Iterator
from typing import Any

from manyseeds.study.study import OWN_ACTIVATIONS, OWN_NETWORKS, Study, described

CIFAR_STUDY: dict[str, Any] = {
    "data.dataset": "cifar10",
    "data.preprocessing": "gcn_zca",
    "stimuli.per_category": 100,
    "stimuli.root": None,
    "training.epochs": 350,
    "training.batch_size": 128,
    "training.learning_rate": 0.01,
    "training.milestones": [200, 250, 300],
    "training.momentum": 0.9,
    "training.l2": 1e-5,
    "training.clip_norm": 500,
    "training.augmentation": "none",
}
"""Keys of the config with the paper's values, for the All-CNNs (methods 3)."""

CIFAR_NETWORK: dict[str, Any] = {"width": 1.0, "readout_relu": True, "initialisation": "he_normal", "weights": None}
"""Keys of an entry of `networks` with the paper's values, for the All-CNNs."""

IMAGENET_STUDY: dict[str, Any] = {"data.dataset": "image_folder", "data.image_size": 224, "stimuli.per_category": 100}
"""Keys of the config with the paper's values, for AlexNet. The Results say no more about it (fig. 6)."""

PROTOCOLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all_cnn_c": (CIFAR_STUDY, CIFAR_NETWORK),
    "all_cnn_7": (CIFAR_STUDY, CIFAR_NETWORK),
    "alexnet": (IMAGENET_STUDY, {"weights": None}),
}
"""By name of the network: keys of the config, and keys of its entry in `networks`."""

INSTANCES = 10
CONDITIONS = {"baseline": 0.0, "dropout0.6": 0.6, "dropout0.8": 0.8}
"""Conditions with published values, and their dropout rates."""

WORDS = {
    "data.dataset": "data set",
    "data.preprocessing": "preprocessing",
    "data.image_size": "image size",
    "stimuli.per_category": "stimuli per category",
    "stimuli.root": "folder of stimuli",
    "training.batch_size": "batch size",
    "training.learning_rate": "learning rate",
    "training.milestones": "learning rate falls after epochs",
    "training.l2": "L2 penalty",
    "training.clip_norm": "largest gradient norm",
    "readout_relu": "rectified readout",
    "weights": "initial weights",
    "vary": "varied random streams",
    "perturb": "perturbed weight",
    "images": "training images",
    "categories": "trained categories",
}
"""Names of keys in a sentence. Other keys are named by their last part."""

ELSEWHERE = {
    OWN_NETWORKS: "networks trained elsewhere, by a recipe that this study does not know",
    OWN_ACTIVATIONS: "activations recorded elsewhere, of networks and images that this study does not know",
}


def departures(study: Study) -> dict[str, str | None]:
    """Return a study's departures from the paper's full-size one, for each group with published values.

    Returns
    -------
    dict
        By ``architecture/condition``: each setting that differs, with the paper's value, such as "width 0.25 (paper:
        1)"; None if no setting differs.
    """
    groups = [group for group in study.groups if group[0] in PROTOCOLS and group[1] in CONDITIONS]
    if study.mode in ELSEWHERE:
        return {"/".join(group): ELSEWHERE[study.mode] for group in groups}
    return {"/".join(group): "; ".join(_differences(study, *group)) or None for group in groups}


def _differences(study: Study, architecture: str, condition: str) -> Iterator[str]:
    """Yield each setting of a group that differs from the paper's."""
    study_keys, network_keys = PROTOCOLS[architecture]
    network, entry = study.network(architecture), study.condition(condition)
    found: list[tuple[str, Any, Any]] = [
        ("architecture", network["architecture"], architecture),
        *((key, network[key], paper) for key, paper in network_keys.items()),
        *((key, _value(study, key), paper) for key, paper in study_keys.items()),
        ("instances", len(study.seeds(architecture, condition)), INSTANCES),
        ("vary", entry["vary"], ["init"]),
        ("perturb", described(entry["perturb"]), None),
        ("dropout", entry["dropout"], CONDITIONS[condition]),
        ("images", entry["images"], "all"),
        ("categories", entry["categories"], None),
    ]
    for key, ours, paper in found:
        if ours != paper:
            yield f"{WORDS.get(key, key.split('.')[-1])} {_written(ours)} (paper: {_written(paper)})"
    precision = study.config["training"]["precision"]
    if precision in ("bf16", "auto"):
        yield f"precision {precision} (the paper names none)"
    if architecture == "alexnet":
        yield f"training images of {study.config['data']['root']} (paper: ILSVRC 2012)"


def _value(study: Study, key: str) -> Any:
    section, name = key.split(".")
    return study.config[section][name]


def _written(value: Any) -> str:
    """Return a value of the config in words."""
    if value is None:
        return "none given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def claimed_epochs(study: Study) -> dict[str, int]:
    """Return the epochs that data/claims.csv names (`claims.EPOCHS`), as far as they are single ones."""
    milestones = study.config["training"]["milestones"]
    return {"last": study.last_epoch} | ({"first_milestone": milestones[0]} if milestones else {})
