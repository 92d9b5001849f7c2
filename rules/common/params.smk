"""Params of rules: what determines their outputs, and nothing else, so that an unrelated key reruns nothing."""


def cfg(*keys):
    """Return some dotted keys of the config, nested as there."""
    return STUDY.select(keys)


def code_of(script, *modules):
    """Return the digest of the code that a script executes, with the modules that it loads by name."""
    return code_digest(SCRIPTS / f"{script}.py", *modules)


def code_with_network(script):
    """Return a param: the digest of the code that a script executes, with that of a network of the user's own."""
    code = code_of(script)

    def digest(wildcards):
        own = OWN_CODE.get(wildcards.architecture)
        return network_code.combined(code, own) if own else code

    return digest


# Instances and groups


def instance_of(wildcards):
    """Return the instance that wildcards name."""
    return Instance(wildcards.architecture, wildcards.condition, int(wildcards.seed))


def instances_of_group(wildcards, condition="condition"):
    """Return the instances of a group. The wildcard `condition` names its condition."""
    seeds = STUDY.seeds(wildcards.architecture, wildcards[condition])
    return [Instance(wildcards.architecture, wildcards[condition], seed) for seed in seeds]


def members_of(wildcards):
    """Return the instances of a block of seeds."""
    return tasks.members(STUDY, wildcards.architecture, wildcards.condition, int(wildcards.block))


def identity_of(wildcards):
    """Return the columns that identify an instance in tables."""
    return instance_of(wildcards)._asdict()


def identities_of_block(wildcards):
    """Return the columns that identify the instances of a block of seeds in tables."""
    return [instance._asdict() for instance in members_of(wildcards)]


def instance_rows(wildcards):
    """Return one row for each instance of a group: its identity and the settings of its training."""
    return [instance._asdict() | STUDY.settings(instance) for instance in instances_of_group(wildcards)]


def seeds_of(condition):
    """Return a param: the seeds of a group. The wildcard `condition` names its condition."""
    return lambda wildcards: list(STUDY.seeds(wildcards.architecture, wildcards[condition]))


group_seeds = seeds_of("condition")


def draws_of(condition):
    """Return a param: the addresses of a group's random draws. The wildcard `condition` names its condition."""
    return lambda wildcards: tasks.random_draws(STUDY, wildcards.architecture, wildcards[condition])


def differ_in_draws_alone(wildcards):
    """Return whether the trainings of two conditions differ in their random draws alone."""
    return tasks.differ_in_draws_alone(STUDY, wildcards.architecture, wildcards.condition_a, wildcards.condition_b)


def initial_draws(wildcards):
    """Return what addresses the initial weights of a group's exported networks, which are drawn again.

    None for networks that are trained here: their initial weights are files.
    """
    if STUDY.mode == TRAINED:
        return None
    varies = "init" in STUDY.condition(wildcards.condition)["vary"]
    seeds = [STUDY.stream_seeds(instance)["init"] for instance in instances_of_group(wildcards)]
    return [{"root_seed": STUDY.config["seed"], "seed": seed, "varies": varies} for seed in seeds]


def layers_at_epoch_0(wildcards):
    """Return the layers that a group's trajectory compares at epoch 0."""
    return list(followed_layers(wildcards)) if 0 in epochs_of(wildcards) else []


def epochs_of(wildcards):
    """Return the analysed epochs of a group."""
    return STUDY.epochs_of(wildcards.architecture, wildcards.condition)


def common_epochs(wildcards):
    """Return the epochs at which both of two compared conditions are analysed."""
    first, second = (STUDY.epochs_of(wildcards.architecture, wildcards[end]) for end in ("condition_a", "condition_b"))
    return [epoch for epoch in first if epoch in second]


def pooled_instances(architecture):
    """Return the instances of an architecture whose differences are split by random stream."""
    conditions = STUDY.pooled_conditions(architecture)
    return [Instance(architecture, name, seed) for name in conditions for seed in STUDY.seeds(architecture, name)]


def pooled(wildcards):
    """Return a param: seeds and addresses of random draws of the pooled conditions of an architecture."""
    return [
        {
            "name": name,
            "seeds": list(STUDY.seeds(wildcards.architecture, name)),
            "draws": tasks.random_draws(STUDY, wildcards.architecture, name),
        }
        for name in STUDY.pooled_conditions(wildcards.architecture)
    ]


def perturbed_instances(architecture):
    """Return the perturbed instances of an architecture that are compared with pooled ones."""
    conditions = STUDY.perturbed_conditions(architecture)
    return [Instance(architecture, name, seed) for name in conditions for seed in STUDY.seeds(architecture, name)]


def perturbed(wildcards):
    """Return a param: seeds, random draws and perturbation of the perturbed conditions of an architecture."""
    return [
        {
            "name": name,
            "seeds": list(STUDY.seeds(wildcards.architecture, name)),
            "draws": tasks.random_draws(STUDY, wildcards.architecture, name),
            "perturbation": described(STUDY.condition(name)["perturb"]),
        }
        for name in STUDY.perturbed_conditions(wildcards.architecture)
    ]


def keys_of_pool(wildcards, known_epochs):
    """Return condition, seed and epoch of pooled and perturbed instances, as far as their epochs have files."""
    instances = pooled_instances(wildcards.architecture) + perturbed_instances(wildcards.architecture)
    return [
        (instance.condition, instance.seed, epoch)
        for instance in instances
        for epoch in source_epochs(wildcards)
        if epoch in known_epochs and epoch in STUDY.epochs_of(*instance[:2])
    ]


def source_epochs(wildcards):
    """Return the epochs at which the pooled networks of an architecture are compared."""
    return list(STUDY.source_epochs(wildcards.architecture))


def largest_group():
    """Return the number of instances of the largest group."""
    return max(len(STUDY.seeds(*group)) for group in STUDY.groups)


def layer_count(architecture):
    """Return the number of analysed layers of an architecture, or a small one if only torch knows."""
    if STUDY.mode == OWN_ACTIVATIONS:
        return len(
            next(arrays[STUDY.last_epoch] for each, arrays in STUDY.own_arrays.items() if each[0] == architecture)
        )
    return len(layer_names(STUDY.network(architecture)) or range(memory.UNKNOWN_LAYERS))


def holding(share, *, at_least, by_layer=False):
    """Return a resource, the memory in MB: that of a job which holds a multiple of its inputs, or of one layer's part."""

    def megabytes(wildcards, input):
        n_layers = layer_count(wildcards.architecture) if by_layer else 1
        return memory.megabytes(input.size_mb, share=share, n_layers=n_layers, at_least=at_least)

    return megabytes


def memory_of_summaries(wildcards):
    """Return the memory in MB of a group's summaries."""
    return memory.of_summaries(len(group_seeds(wildcards)), STUDY.config["resampling"]["n"])


# Images, networks and their training


def held_out_per_category():
    """Return the number of images of each category that are kept from training as stimuli.

    None where the data have a test set of their own, or the stimuli come from a folder.
    """
    stimuli = STUDY.config["stimuli"]
    return stimuli["per_category"] if STUDY.config["data"]["dataset"] == "digits" and stimuli["root"] is None else None


def stated_by_timm():
    """Return the networks of timm and how images are scaled, if the preprocessing is the one that timm states."""
    data = STUDY.config["data"]
    if data["preprocessing"] != "timm":
        return None
    scaling = {key: data[key] for key in ("image_size", "resize", "interpolation")}
    return {"networks": STUDY.networks_of_timm, **scaling}


def network_of(wildcards):
    """Return the description of an architecture's network, without the choice of analysed layers."""
    return tasks.network_values(STUDY, wildcards.architecture)


def analysed_network(wildcards):
    """Return the description of an architecture's network, with its analysed layers."""
    return {"layers": STUDY.network(wildcards.architecture)["layers"], **network_of(wildcards)}


def confined_layers(wildcards):
    """Return the layers to which some analyses of an architecture are confined, by the key that names them."""
    return {
        key: STUDY.config[key]["layers"]
        for key, groups in STUDY.confined_groups.items()
        if any(architecture == wildcards.architecture for architecture, _ in groups)
    }


def training_task(wildcards):
    """Return the settings that determine an instance's weights."""
    return tasks.task_values(STUDY, instance_of(wildcards))


def training_settings(wildcards):
    """Return the settings that the trainings of a group share."""
    return tasks.shared_values(STUDY, wildcards.architecture, wildcards.condition)


def training_set_of(wildcards):
    """Return the choice of images on which a condition trains."""
    return tasks.training_set(STUDY, wildcards.condition)


def evaluated_set(wildcards):
    """Return the choice of training images for accuracies. For networks trained elsewhere these are all images."""
    return training_set_of(wildcards) if STUDY.knows_training else {"images": "all", "seed": None, "categories": None}


def rejected_networks(wildcards):
    """Return what builds the rejected networks of a group; none where the training is not known."""
    if not STUDY.knows_training:
        return None
    return {"network": analysed_network(wildcards), "categories": trained_categories(wildcards)}


def trained_categories(wildcards):
    """Return the numbers of the categories that a network has outputs for. None means all categories."""
    return STUDY.condition(wildcards.condition)["categories"] if STUDY.knows_training else None


def dropout_of(wildcards):
    """Return the dropout of an instance's training, with the root seed of its masks, or None."""
    return tasks.dropout_values(STUDY, wildcards.condition)


def blocks_to_train():
    """Return the groups by what a job trains: number of a block, and its seeds."""
    found = {}
    for group in STUDY.groups:
        for block in tasks.blocks(STUDY, *group).items():
            found.setdefault(block, []).append(group)
    return found


def tasks_of(seeds):
    """Return a param: the settings that determine the weights of some instances of a group."""
    return lambda wildcards: [
        tasks.task_values(STUDY, Instance(wildcards.architecture, wildcards.condition, seed)) for seed in seeds
    ]


# Analyses


def measures_for(*keys):
    """Return a param: the measures that the config lists for an analysis, as far as the study has them.

    `keys` lead to the analysis in the config. A condition that the analysis does not list has none.
    """
    analysis = STUDY.config
    for key in keys:
        analysis = analysis[key]

    def measures(wildcards):
        conditions = analysis.get("conditions")
        listed = conditions is None or wildcards.condition in conditions
        return [measure for measure in analysis["measures"] if listed and measure in STUDY.measures]

    return measures


def followed_layers(wildcards):
    """Return the layers of an architecture that are compared along training."""
    return STUDY.followed_layers(wildcards.architecture)


def dropout_samples(wildcards):
    """Return the numbers of a group's dropout samples: 1, 2, ..., or none for training without dropout."""
    group = (wildcards.architecture, wildcards.condition)
    return list(range(1, STUDY.config["dropout"]["samples"] + 1)) if group in STUDY.dropout_groups else []


def dropout_measures(wildcards):
    """Return the measures whose RDMs are averaged over a group's dropout samples."""
    return measures_for("dropout")(wildcards) if dropout_samples(wildcards) else []


# Activations and exports from elsewhere


def own_arrays_by_epoch(wildcards):
    """Return the paths of one instance's arrays by epoch."""
    arrays = STUDY.own_arrays[instance_of(wildcards)]
    return {epoch: [str(path) for path in paths] for epoch, paths in arrays.items()}


def exported_epochs(wildcards):
    """Return the epochs whose activations are exported for a group."""
    return STUDY.exported_epochs(wildcards.architecture, wildcards.condition)


def digests(instance, names):
    """Return the digests of some files of an exported instance, from its card.

    They are params because dates say nothing here: copied folders may keep theirs.
    """
    recorded = cards.read_card(STUDY.exported[instance])["files"]
    return {name: recorded.get(name) for name in names}


def exported_digests(*names):
    """Return a param: the digests of some files of one exported instance."""
    return lambda wildcards: digests(instance_of(wildcards), names)


def exported_images():
    """Return the record of the images of each exported network, by its folder."""
    return {
        str(STUDY.exported[instance]): cards.read_card(STUDY.exported[instance])["images"]
        for instance in STUDY.instances
    }
