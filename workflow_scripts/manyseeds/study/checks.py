"""Checks that a schema cannot make: keys against each other, names, sizes, the user's own folders."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from manyseeds.errors import StudyError
from manyseeds.study import distortions, tasks
from manyseeds.study.architectures import DEFAULT, NAMED_IN, RESERVED, layer_names, module_names
from manyseeds.study.names import alike
from manyseeds.study.network_code import LIBRARIES, imported_module
from manyseeds.study.study import BUILT_IN, FOLDERS, OWN_ACTIVATIONS, OWN_NETWORKS, TRAINED, Study, network_name
from manyseeds.study.user_folders import check_braces
from manyseeds.study.validation import Config, check_plain, check_schema, with_defaults, with_types

MOST_INSTANCES = 10_000
"""Largest number of instances of a condition, as in the schema."""

OF_ALL_CNNS = {"width": 1.0, "readout_relu": True, "last_3x3": "valid"}
"""Keys of networks that only All-CNNs have, with their defaults as in the schema."""

LONGEST_PATH = 255
"""Maximum length of each part of a path, in bytes: file systems allow no longer names."""


def checked_study(config: Config, schema: Config) -> Study:
    """Check a configuration, fill in the defaults of list entries, and return its study.

    Raises
    ------
    StudyError
        At the first unknown key or impossible value, or if own activations or networks do not fit together.
    """
    check_plain(config)
    config = with_types(config, schema)
    check_plain(config)  # again: parsed text may give types that JSON does not have
    check_schema(config, schema)
    study = Study(_with_home(with_defaults(config, schema)))
    check_meaning(study)
    return study


def _with_home(config: Config) -> Config:
    """Return the config with ``~`` at the beginning of a folder's path expanded, as a shell does."""
    expanded = {key: os.path.expanduser(config[key]) for key in FOLDERS if config[key] is not None}
    for section in ("data", "stimuli"):
        if config[section]["root"] is not None:
            expanded[section] = {**config[section], "root": os.path.expanduser(config[section]["root"])}
    paths = [entry["weights"] and os.path.expanduser(entry["weights"]) for entry in config["networks"]]
    expanded["networks"] = [entry | {"weights": path} for entry, path in zip(config["networks"], paths, strict=True)]
    if isinstance(config["transfer"]["target"], dict):
        folder = os.path.expanduser(config["transfer"]["target"]["root"])
        expanded["transfer"] = {**config["transfer"], "target": {"root": folder}}
    files = [{**entry, "path": os.path.expanduser(entry["path"])} for entry in config["outside"]["files"]]
    expanded["outside"] = {**config["outside"], "files": files}
    return {key: expanded.get(key, value) for key, value in config.items()}


def check_meaning(study: Study) -> None:
    """Check keys against each other, and the user's own folders.

    Raises
    ------
    StudyError
        At the first contradiction.
    """
    config, training = study.config, study.config["training"]
    folders = [key for key in FOLDERS if config[key] is not None]
    if len(folders) > 1:
        raise StudyError(f"Config keys {' and '.join(folders[:2])} are both set; expected at most one of them.")
    _check_folders(study)
    _check_stimuli(config)
    _check_unique("networks", [network_name(entry) for entry in config["networks"]])
    _check_unique("conditions", [condition["name"] for condition in study.conditions])
    _check_crossings(study)
    if study.mode == TRAINED:
        _check_streams(study)
    _check_epochs("training.checkpoints", training["checkpoints"], range(training["epochs"] + 1), "training.epochs")
    _check_epochs(
        "collapse.judge_after", config["collapse"]["judge_after"], range(1, training["epochs"] + 1), "training.epochs"
    )
    _check_foreign(study)
    _check_starts(study)
    if study.knows_training:
        _check_epochs("trajectory.epochs", config["trajectory"]["epochs"], study.checkpoints, "training.checkpoints")
        _check_epochs("export.epochs", config["export"]["epochs"] or (), study.analysed_epochs, "trajectory.epochs")
        _check_names(study)
        _check_perturbations(study)
        _check_sources(study)
        _check_layers(study)
        _check_kernels(study)
    _check_images(study)
    _check_distortions(study)
    _check_tuning(study)
    _check_transfer(study)
    _check_outside(study)
    if not study.instances:
        raise StudyError(
            f"{config[folders[0]]}: found no two networks of one group (architecture and condition) that the study "
            "names, expected at least 2 to compare."
        )
    for architecture, condition in study.groups:
        if len(study.seeds(architecture, condition)) < 2:
            folder = f"{config[folders[0]]}/{architecture}/{condition}"
            raise StudyError(
                f"{folder}: found 1 instance, expected at least 2 to compare; add one, or remove this one."
            )
    if study.mode == OWN_NETWORKS:
        _check_declared(study)
    _check_compared_layers(study)


def _check_folders(study: Study) -> None:
    """Check that the config's folders have valid paths outside the study's own results.

    Snakemake removes the outputs of a job before it runs, so a study must not read its own outputs.
    """
    config = study.config
    folders = {"data.root": config["data"]["root"], "stimuli.root": config["stimuli"]["root"]}
    folders |= {key: config[key] for key in FOLDERS} | {"transfer.target.root": study.transfer_root}
    for key, folder in folders.items():
        if folder is None:
            continue
        if not folder.strip() or max(len(os.fsencode(part)) for part in folder.split("/")) > LONGEST_PATH:
            raise StudyError(f"Config key {key}: found {folder[:LONGEST_PATH]!r}, expected the path of a folder.")
        _check_outside_results(study, f"Config key {key}", folder, "a folder")


def _check_stimuli(config: Config) -> None:
    """Check that folders of stimuli have a root, and that each belongs to one category."""
    categories = config["stimuli"]["categories"] or {}
    if categories and config["stimuli"]["root"] is None:
        raise StudyError(
            "Config key stimuli.categories: found folders, but stimuli.root is null; set it to their parent folder."
        )
    if pair := alike(categories):
        raise StudyError(
            f"Config key stimuli.categories: {pair[0]!r} and {pair[1]!r} differ in case alone; expected one category."
        )
    folders = [folder for names in categories.values() for folder in names]
    repeated = next((folder for folder in folders if folders.count(folder) > 1), None)
    if repeated is not None:
        raise StudyError(f"Config key stimuli.categories: found the folder {repeated!r} twice, expected each once.")


def _check_unique(key: str, names: Sequence[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise StudyError(f"Config key {key}: the name {repeated!r} occurs twice; give each entry a `name` of its own.")
    if pair := alike(names):
        raise StudyError(f"Config key {key}: the names {pair[0]!r} and {pair[1]!r} differ in case alone; change one.")


def _check_epochs(key: str, epochs: Iterable[int], allowed: Sequence[int], source: str) -> None:
    stray = next((epoch for epoch in epochs if epoch not in allowed), None)
    if stray is not None:
        choice = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise StudyError(f"Config key {key}: found epoch {stray}, expected one of {choice} (see {source}).")


def _check_names(study: Study) -> None:
    """Check that every network and condition that a key names is declared."""
    config = study.config
    networks = [network_name(entry) for entry in config["networks"]]
    conditions = [condition["name"] for condition in study.conditions]
    for index, condition in enumerate(config["conditions"]):
        _check_known(f"conditions[{index}].networks", condition["networks"], networks, "networks")
    _check_known("dropout.networks", config["dropout"]["networks"], networks, "networks")
    _check_known("trajectory.networks", config["trajectory"]["networks"], networks, "networks")
    _check_known("trajectory.conditions", config["trajectory"]["conditions"], conditions, "conditions")
    for key, named in study.named_conditions.items():
        _check_known(key, named, conditions, "conditions")


def _check_crossings(study: Study) -> None:
    """Check that conditions that cross streams leave `vary` and `instances` alone, and cross at least two streams."""
    for index, condition in enumerate(study.config["conditions"]):
        levels = [stream for stream, n in (condition["cross"] or {}).items() if n is not None]
        key = f"Config key conditions[{index}]"
        if not levels:
            continue
        if len(levels) == 1:
            raise StudyError(f"{key}.cross: found {levels[0]} alone, expected at least two streams; or use vary.")
        if condition["vary"] not in (["init"], levels):
            raise StudyError(
                f"{key}: found cross of {' and '.join(levels)} with vary of {' and '.join(condition['vary'])}; "
                "expected one of both. Crossed streams vary, and others do not."
            )
        n_instances = study.conditions[index]["instances"]
        if condition["instances"] not in (None, n_instances):
            raise StudyError(
                f"{key}.instances: found {condition['instances']}, but cross gives {n_instances}, all combinations; "
                "leave instances out."
            )
        if n_instances > MOST_INSTANCES:
            raise StudyError(f"{key}.cross: found {n_instances} combinations, expected at most {MOST_INSTANCES}.")
    sweep = study.config["dropout"]
    if study.conditions[0]["cross"] and sweep["instances"] and any(sweep["rates"]):
        raise StudyError("Config key dropout.instances: found a number, but the first condition crosses streams.")


def _check_sources(study: Study) -> None:
    """Check that pooled networks differ in streams alone, and the epochs and layers at which they are compared."""
    tasks.check_pools(study)
    if not study.source_groups:
        return
    chosen = study.config["sources"]
    _check_epochs("sources.epochs", chosen["epochs"] or (), study.analysed_epochs, "trajectory.epochs")
    _check_has_layers(study, "sources", study.source_architectures)


def _check_perturbations(study: Study) -> None:
    """Check perturbations as far as the config says enough: their epoch, factor and, in an All-CNN, parameter."""
    for index, condition in enumerate(study.config["conditions"]):
        perturb, key = study.conditions[index]["perturb"], f"conditions[{index}].perturb"
        if perturb is None:
            continue
        _check_epochs(f"{key}.epoch", [perturb["epoch"]], range(study.last_epoch), "training.epochs")
        if perturb["kind"] == "factor" and perturb["factor"] == 1:
            raise StudyError(f"Config key {key}.factor: found 1, expected a factor that changes the weight.")
        for architecture, name in study.groups:
            modules = module_names(study.network(architecture)["architecture"])
            if name == condition["name"] and modules is not None and perturb["parameter"] is not None:
                known = [f"{module}.{part}" for module in modules for part in ("weight", "bias")]
                _check_known(f"{key}.parameter", [perturb["parameter"]], known, architecture)


def _check_streams(study: Study) -> None:
    """Check that each condition varies a stream that is used: otherwise its networks would be equal.

    A condition that crosses streams must use them all: otherwise some of its networks would be equal.
    """
    for architecture, name in study.groups:
        condition, used = study.condition(name), study.used_streams(architecture, name)
        settings = f"augmentation {study.config['training']['augmentation']}, dropout {condition['dropout']:g}"
        unused = [stream for stream in condition["cross"] or () if stream not in used]
        if unused:
            raise StudyError(
                f"Config key conditions: {name} crosses {' and '.join(unused)}, which its training does not use "
                f"({settings}), so some of its networks would be the same."
            )
        if not set(condition["vary"]) & set(used):
            raise StudyError(
                f"Config key conditions: {name} varies only {' and '.join(condition['vary'])}, which its training does "
                f"not use ({settings}), so its networks would all be the same; vary init or order too."
            )


def _check_known(key: str, names: Iterable[str] | None, known: Sequence[str], source: str) -> None:
    stray = next((name for name in names or () if name not in known), None)
    if stray is not None:
        raise StudyError(f"Config key {key}: found {stray!r}, expected one of {', '.join(known)} (see {source}).")


def _check_layers(study: Study) -> None:
    """Check the names of layers that are known before a network is built, and so before any training."""
    config = study.config
    for index, entry in enumerate(config["networks"]):
        chosen, modules = entry["layers"] or (), module_names(entry["architecture"])
        paths = chosen.values() if isinstance(chosen, dict) else chosen
        if modules is not None:
            _check_known(f"networks[{index}].layers", paths, modules, entry["architecture"])
    for group in study.groups:
        modules = module_names(study.network(group[0])["architecture"])
        if modules is not None and study.condition(group[1])["dropout"]:
            _check_known("dropout.after", config["dropout"]["after"], modules, group[0])
    for key, groups in study.confined_groups.items():
        known = {architecture: layer_names(study.network(architecture)) for architecture, _ in groups}
        wanted = config[key]["layers"]
        for architecture, layers in known.items():
            if layers is not None and not set(wanted) & set(layers):
                raise StudyError(
                    f"Config key {key}.layers: found {', '.join(wanted)}, expected at least one of {', '.join(layers)} "
                    f"(of {architecture}); or list {NAMED_IN[key]} only networks that have such a layer."
                )
        if known and None not in known.values():
            layers = list(dict.fromkeys(layer for names in known.values() for layer in names or ()))
            _check_known(f"{key}.layers", wanted, layers, ", ".join(known))


def _check_compared_layers(study: Study) -> None:
    """Check that each architecture of an analysis, if its layers are known, has one of the layers that this names."""
    analyses = {
        "comparators": study.comparator_groups,
        "conserved": study.conserved_groups,
        "explorer": study.explored_groups,
        "outside": study.outside_groups,
    }
    for key, groups in analyses.items():
        _check_has_layers(study, key, dict.fromkeys(architecture for architecture, _ in groups))


def _check_has_layers(study: Study, key: str, architectures: Iterable[str]) -> None:
    """Check that architectures have one of the layers that an analysis names, as far as their layers are known."""
    wanted = study.config[key]["layers"]
    if wanted is None:
        return
    for architecture in architectures:
        layers = _known_layers(study, architecture)
        if layers is not None and not set(wanted) & set(layers):
            raise StudyError(
                f"Config key {key}.layers: found {', '.join(wanted)}, expected at least one of "
                f"{', '.join(layers)} (of {architecture})."
            )


def _known_layers(study: Study, architecture: str) -> Sequence[str] | None:
    """Return the layers of an architecture that are analysed after the last epoch, or None if only torch knows."""
    if study.mode != OWN_ACTIVATIONS:
        return layer_names(study.network(architecture))
    by_epoch = next(found for instance, found in study.own_arrays.items() if instance.architecture == architecture)
    return [file.stem for file in by_epoch[max(by_epoch)]]


def _check_kernels(study: Study) -> None:
    """Check the layers and epochs whose kernels are compared."""
    kernels = study.config["kernels"]
    _check_epochs("kernels.epochs", kernels["epochs"] or (), study.checkpoints, "training.checkpoints")
    for architecture in dict.fromkeys(architecture for architecture, _ in study.kernel_groups):
        known = module_names(study.network(architecture)["architecture"])
        if known is not None and kernels["layers"] is not None and not set(kernels["layers"]) & set(known):
            raise StudyError(
                f"Config key kernels.layers: found {', '.join(kernels['layers'])}, expected at least one of "
                f"{', '.join(known)} (of {architecture})."
            )


def _check_foreign(study: Study) -> None:
    """Check the keys of networks from elsewhere: their outputs, and the arguments of their constructors."""
    for index, entry in enumerate(study.config["networks"]):
        key, architecture = f"Config key networks[{index}]", entry["architecture"]
        if isinstance(entry["layers"], str) and module_names(architecture) is not None:
            raise StudyError(
                f"{key}.layers: found {entry['layers']}, expected names of layers or null; {architecture} has neither "
                "blocks nor shortcuts."
            )
        for name, default in OF_ALL_CNNS.items():
            if entry[name] != default and module_names(architecture) is None:
                raise StudyError(
                    f"{key}.{name}: found {entry[name]}, which only All-CNNs have, and {architecture} is none; "
                    "arguments of its constructor belong in kwargs."
                )
        if entry["outputs"] is not None and study.knows_training:
            raise StudyError(
                f"{key}.outputs: found {entry['outputs']}, expected null: networks that a study trains have one output "
                "for each category."
            )
        for name in entry["kwargs"] or ():
            if module_names(architecture) is not None:
                raise StudyError(f"{key}.kwargs: found {name}, expected null: {architecture} has keys of its own.")
            if name in RESERVED or name.startswith("pretrained"):
                raise StudyError(
                    f"{key}.kwargs: found {name}, which the workflow sets itself: outputs and weights have keys of "
                    "their own."
                )


def _check_starts(study: Study) -> None:
    """Check the weights from elsewhere with which trainings begin."""
    for index, entry in enumerate(study.config["networks"]):
        key, weights = f"Config key networks[{index}].weights", entry["weights"]
        if weights is None:
            continue
        if not study.knows_training:
            raise StudyError(
                f"{key}: found {weights}, expected null: networks that are trained begin from such weights, and this "
                "study trains none."
            )
        library = module_names(entry["architecture"]) is None and imported_module(entry["architecture"]) in LIBRARIES
        if weights == DEFAULT and not library:
            raise StudyError(
                f"{key}: found {DEFAULT}, expected a file, a folder or null; {entry['architecture']} is no network of "
                "torchvision or timm."
            )
        if weights != DEFAULT:
            check_braces(key, weights)
            _check_outside_results(study, key, weights, "weights")
    if study.mode == TRAINED:
        for instance in study.instances:
            tasks.start_file(study, instance)


def _check_outside_results(study: Study, key: str, path: str, what: str) -> None:
    """Check that a path is not among the study's own results."""
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(f"results/{study.name}")):
        raise StudyError(f"{key}: found {path}, expected {what} outside the study's own results/{study.name}.")


def _check_images(study: Study) -> None:
    """Check that images can be scaled as the config says, and that timm states a preprocessing."""
    data = study.config["data"]
    if data["preprocessing"] == "timm" and not study.networks_of_timm:
        raise StudyError("Config key data.preprocessing: found timm, expected a network of timm among the networks.")
    chosen = data["preprocessing"]
    if not isinstance(chosen, str) and min(chosen["sd"]) <= 0:
        raise StudyError(f"Config key data.preprocessing.sd: found {min(chosen['sd'])}, expected numbers above 0.")
    scaled = {"resize": data["resize"] is not None, "interpolation": data["interpolation"] != "bilinear"}
    for key in (key for key, is_set in scaled.items() if is_set):
        roots = (study.config["stimuli"]["root"], study.transfer_root)
        if data["dataset"] != "image_folder" and roots == (None, None):
            raise StudyError(
                f"Config key data.{key}: found {data[key]}, but images are scaled only if they come from folders "
                "(data.dataset: image_folder, stimuli.root, or transfer.target.root)."
            )
    if data["resize"] is not None and data["resize"] < data["image_size"]:
        raise StudyError(
            f"Config key data.resize: found {data['resize']}, expected at least data.image_size: {data['image_size']}."
        )


def _check_distortions(study: Study) -> None:
    """Check that each distortion suits the images, and its strengths the distortion."""
    names = study.config["distortions"]["names"]
    if names and study.mode == OWN_NETWORKS and not study.classified_groups:
        raise StudyError(
            f"Config key distortions.names: found {', '.join(study.distortions)}, but no network's outputs are the "
            "data's categories; expected none."
        )
    unlisted = [name for name in study.own_strengths if name not in study.distortions]
    if unlisted:
        raise StudyError(
            f"Config key distortions.strengths: found {unlisted[0]}, expected one of distortions.names: "
            f"{', '.join(study.distortions) or 'none'}."
        )
    for name, strengths in study.distortions.items():
        if distortions.DISTORTIONS[name].needs_colour and not study.has_colour:
            raise StudyError(
                f"Config key distortions.names: found {name}, which needs three channels; the digits are grey."
            )
        if wrong := distortions.why_wrong(name, strengths):
            raise StudyError(f"Config key distortions.strengths.{name}: {wrong}.")
    if names and study.mode == OWN_ACTIVATIONS:
        raise StudyError(
            f"Config key distortions.names: found {', '.join(study.distortions)}, but activations_dir brings no "
            "weights; expected none."
        )


def _check_tuning(study: Study) -> None:
    """Check that networks can be trained further, and on distortions with which they are tested."""
    chosen = study.config["finetune"]["distortions"]
    if chosen and not study.knows_training:
        raise StudyError(
            f"Config key finetune.distortions: found {', '.join(chosen)}, but the config trains no networks; expected "
            "none."
        )
    _check_known("finetune.distortions", chosen, list(study.distortions) or ["none"], "distortions.names")


def _check_outside(study: Study) -> None:
    """Check names and paths of RDMs from outside, and that squared distances are there for the comparison of these."""
    chosen = study.config["outside"]
    names = [entry["name"] for entry in chosen["files"]]
    _check_unique("outside.files", names)
    for entry in chosen["files"]:
        name, path = entry["name"], entry["path"]
        if name in BUILT_IN:
            raise StudyError(
                f"Config key outside.files: found the name {name}, which a built-in RDM has; expected another."
            )
        check_braces("Config key outside.files", path)
        _check_outside_results(study, "Config key outside.files", path, "a file")
        if "whitened_cosine" in chosen["comparisons"] and not entry["squared"]:
            raise StudyError(
                f"Config key outside.comparisons: found whitened_cosine, which compares squared distances, and {name} "
                "of outside.files is not `squared: true`; expected other comparisons, or a file of squared distances."
            )


def _check_transfer(study: Study) -> None:
    """Check that transfer has a source, and a target of this study or a folder, and that networks can be trained."""
    transfer = study.config["transfer"]
    names = {key: transfer[key] for key in ("source", "target")}
    given = [key for key, name in names.items() if name is not None]
    if not given:
        return
    if len(given) == 1:
        other = next(key for key in names if key not in given)
        expected = "a condition" + (" or {root: a folder of images}" if other == "target" else "")
        raise StudyError(
            f"Config key transfer.{other}: found null, expected {expected}, as transfer.{given[0]} is set."
        )
    if not study.knows_training:
        raise StudyError(
            f"Config key transfer.source: found {names['source']}, but the config trains no networks; expected null."
        )
    for key, name in names.items():
        if isinstance(name, str):
            _check_known(f"transfer.{key}", [name], [condition["name"] for condition in study.conditions], "conditions")
    if not study.transfer_groups:
        raise StudyError(
            f"Config key transfer.source: found {names['source']}, expected a condition with at least two All-CNNs."
        )


def _check_declared(study: Study) -> None:
    """Check that each folder of own networks is named after an entry of `networks`."""
    declared = [network_name(entry) for entry in study.config["networks"]]
    for architecture, _ in study.groups:
        if architecture not in declared:
            raise StudyError(
                f"{study.config['networks_dir']}/{architecture}: no entry of the config's `networks` has this name; "
                f"expected one of {', '.join(declared)}."
            )
