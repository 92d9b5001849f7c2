"""Of activations and networks that come from elsewhere, and of what is exported for others."""


def own_arrays_by_epoch(wildcards):
    """Return the paths of an instance's arrays by epoch."""
    arrays = STUDY.own_arrays[instance_of(wildcards)]
    return {epoch: [str(path) for path in paths] for epoch, paths in arrays.items()}


def own_arrays(wildcards):
    """Return the paths of all of an instance's arrays."""
    return [path for paths in own_arrays_by_epoch(wildcards).values() for path in paths]


def own_checkpoint(wildcards):
    """Return the path of an instance's weights."""
    return str(STUDY.own_checkpoints[instance_of(wildcards)])


def exported(name):
    """Return the path of a file of the exported networks."""
    return f"{Path(STUDY.config['pretrained_dir'])}/{name}"


def exported_file(name):
    """Return an input function: a file of the exported instance that the wildcards name."""
    return lambda wildcards: f"{STUDY.exported[instance_of(wildcards)]}/{name}"


def digests(instance, names):
    """Return the digests of some files of an exported instance, as its card has them.

    Params, since dates tell nothing: what copies folders may keep them.
    """
    files = cards.read_card(STUDY.exported[instance])["files"]
    return {name: files.get(name) for name in names}


def exported_digests(*names):
    """Return a param: digests of files of the exported instance that the wildcards name."""
    return lambda wildcards: digests(instance_of(wildcards), names)


def exported_digests_of_block(*names):
    """Return a param: digests of files of the exported instances of the block that the wildcards name."""
    return lambda wildcards: [digests(instance, names) for instance in members_of(wildcards)]


def exported_images():
    """Return which images each exported network was trained on and probed with, by its folder."""
    return {
        str(STUDY.exported[instance]): cards.read_card(STUDY.exported[instance])["images"]
        for instance in STUDY.instances
    }


def exported_accuracies(wildcards):
    """Return the accuracies of the exported instances of a block of seeds."""
    return [f"{STUDY.exported[instance]}/accuracy.parquet" for instance in members_of(wildcards)]


def accuracies_of_block(wildcards):
    """Return the part of the table of accuracies that the instance is in that the wildcards name."""
    return instance_parts("accuracy", [instance_of(wildcards)])


def recorded_activations(wildcards):
    """Return the activations to be exported of the instance that the wildcards name, where its training is followed."""
    instance = instance_of(wildcards)
    return fill("export/{instance}/activations.npz", [instance] if instance[:2] in STUDY.followed_groups else [])


def exported_epochs(wildcards):
    """Return the epochs whose activations are exported of the group that the wildcards name."""
    return STUDY.exported_epochs(wildcards.architecture, wildcards.condition)


def exported_weights(wildcards):
    """Return the weights at these epochs of the instance that the wildcards name."""
    return weights_at(exported_epochs(wildcards))(wildcards)


def settings_of(wildcards):
    """Return what determined the weights of the instance that the wildcards name."""
    return exported_study.settings(STUDY, instance_of(wildcards))


def nothing_to_export(wildcards):
    """Refuse to export networks that were not trained here, in one sentence."""
    sys.exit(f"The study {STUDY.name} has nothing to export: only networks that it trains itself are.")
