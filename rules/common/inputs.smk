"""Input and output files of rules, from the instance table.

A pattern is a path below R. It may hold {architecture}, {condition}, {seed}, {instance} and {epoch}.
"""


def schema_path(table):
    """Return the path of a table's schema, relative to the working directory so that the workflow can be moved."""
    return os.path.relpath(SCHEMAS / "tables" / f"{table}.schema.json")


# Files of instances, groups and blocks of seeds


def fill(pattern, instances, epochs=None):
    """Fill in a pattern for instances and, if it has {epoch}, for epochs; by default for all analysed epochs."""
    return [
        f"{R}/{pattern}".format(instance=instance, epoch=epoch, **instance._asdict())
        for instance in instances
        for epoch in (epochs or STUDY.epochs_of(*instance[:2]) if "{epoch}" in pattern else [None])
    ]


def per_instance(pattern, epochs=None):
    """Return the files of all instances of the study."""
    return fill(pattern, STUDY.instances, epochs)


def per_group(pattern, groups):
    """Return one file for each group."""
    return [
        f"{R}/{pattern}".format(architecture=architecture, condition=condition) for architecture, condition in groups
    ]


def of_group(pattern, epochs=None, condition="condition"):
    """Return an input function: the files of a group's instances. The wildcard `condition` names its condition."""
    return lambda wildcards: fill(pattern, instances_of_group(wildcards, condition), epochs)


def at_common_epochs(condition):
    """Return an input function: the geometries of one of two compared conditions, at the epochs of both."""
    return lambda wildcards: fill(
        "geometry/{instance}/epoch{epoch}.npz", instances_of_group(wildcards, condition), common_epochs(wildcards)
    )


def of_pool(pattern):
    """Return an input function: the files of the pooled instances of an architecture."""
    return lambda wildcards: fill(pattern, pooled_instances(wildcards.architecture), source_epochs(wildcards))


def pool_attempts(wildcards):
    """Return the tables of attempts of the pooled instances of an architecture."""
    return instance_parts("attempts", pooled_instances(wildcards.architecture))


def of_keys(pattern, known_epochs):
    """Return an input function: the files of pooled and perturbed instances at some epochs (`keys_of_pool`)."""
    return lambda wildcards: [
        file
        for condition, seed, epoch in keys_of_pool(wildcards, known_epochs)
        for file in fill(pattern, [Instance(wildcards.architecture, condition, seed)], [epoch])
    ]


def attempts_with_perturbed(wildcards):
    """Return the tables of attempts of the pooled and perturbed instances of an architecture."""
    instances = pooled_instances(wildcards.architecture) + perturbed_instances(wildcards.architecture)
    return instance_parts("attempts", instances)


def of_seeds(pattern, seeds, epochs=None):
    """Return an input function: the files of the instances of a group with some seeds."""
    return lambda wildcards: fill(
        pattern, [Instance(wildcards.architecture, wildcards.condition, seed) for seed in seeds], epochs
    )


def parts_of_seeds(table, seeds):
    """Return an input function: the parts of an instance table for some seeds of a group."""
    return lambda wildcards: instance_parts(
        table, [Instance(wildcards.architecture, wildcards.condition, seed) for seed in seeds]
    )


def of_each_seed(patterns, seeds):
    """Return output files with a wildcard {seed} for some seeds, seed by seed."""
    return [pattern.replace("{seed}", str(seed)) for seed in seeds for pattern in patterns]


def of_block(pattern, epochs=None):
    """Return an input function: the files of the instances of a block of seeds."""
    return lambda wildcards: fill(pattern, members_of(wildcards), epochs)


def instance_parts(table, instances):
    """Return the parts of an instance table: accuracies by blocks of seeds, the others by instance.

    Histories and attempts exist only where the training is known, and accuracies only of networks that classify.
    """
    if table == "accuracy":
        having = [instance for instance in instances if STUDY.classifies(instance.architecture)]
        blocks = dict.fromkeys((*instance[:2], tasks.block_of(STUDY, instance)) for instance in having)
        return [f"{R}/tables/parts/{{}}/{{}}/accuracy{{}}.parquet".format(*block) for block in blocks]
    return fill(f"networks/{{instance}}/{table}.parquet", instances) if STUDY.knows_training else []


def group_parts(table, condition="condition"):
    """Return an input function: the parts of an instance table for a group."""
    return lambda wildcards: instance_parts(table, instances_of_group(wildcards, condition))


def parts_of_group(table, architecture, condition):
    """Return the parts of an instance table for a named group."""
    return instance_parts(table, [each for each in STUDY.instances if each[:2] == (architecture, condition)])


def instance_part(table):
    """Return an input function: the part of an instance table that holds one instance."""
    return lambda wildcards: instance_parts(table, [instance_of(wildcards)])


# Images and networks


def inputs_of(split):
    """Return the images that networks read: preprocessed ones, or pixels to be standardised batch by batch."""
    return f"{R}/dataset/{split}_{'inputs' if STUDY.stores_inputs else 'images'}.npy"


def layers_checked(wildcards):
    """Return the marker of checked layers and starting weights.

    An All-CNN that begins from drawn weights has none: its layers are known before it is built.
    """
    entry = STUDY.network(wildcards.architecture)
    known = module_names(entry["architecture"]) and entry["weights"] is None
    return [] if known else [ancient(f"{R}/networks/{wildcards.architecture}/.layers")]


def starting_file_of(wildcards):
    """Return the file of weights with which the training of an instance begins."""
    return tasks.start_file(STUDY, instance_of(wildcards))


def starts_of(instances):
    """Return the records of the files of weights with which the trainings of some instances begin."""
    begun = [instance for instance in instances if tasks.start_file(STUDY, instance)]
    return fill("networks/{instance}/start.json", begun)


def start_of(wildcards):
    """Return the record of the file with which the training of an instance begins, if there is one."""
    return starts_of([instance_of(wildcards)])


def starts_for(seeds):
    """Return an input function: the records of the files with which the trainings of a block of seeds begin."""
    return lambda wildcards: starts_of([Instance(wildcards.architecture, wildcards.condition, seed) for seed in seeds])


def weights_at(epochs=None):
    """Return an input function: weights of one instance, at some epochs or at all analysed ones."""
    return lambda wildcards: fill("networks/{instance}/epoch{epoch}.safetensors", [instance_of(wildcards)], epochs)


def weights_of_group(wildcards):
    """Return the last weights of a group's instances."""
    return of_group("networks/{instance}/epoch{epoch}.safetensors", [STUDY.last_epoch])(wildcards)


def of_imported(source):
    """Return an input if the study analyses networks that others trained, the user's own or exported ones."""
    return source if STUDY.mode in (OWN_NETWORKS, PRETRAINED) else []


def of_elsewhere(source):
    """Return an input if the study analyses networks that others trained, or only activations of such."""
    return [] if STUDY.mode == TRAINED else source


# Activations, geometries and RDMs


def kept_or_temporary(output):
    """Mark an output as temporary, unless the study keeps its activations."""
    return output if STUDY.config["keep_activations"] else temp(output)


def geometry_files(epochs):
    """Return the geometries of one instance at some epochs."""
    return [f"{R}/geometry/{{architecture}}/{{condition}}/seed{{seed}}/epoch{epoch}.npz" for epoch in epochs]


def kept_rdm_files(epochs):
    """Return the RDMs of one instance that are kept at some epochs, in the order in which they are written."""
    return [
        f"{R}/rdms/{{architecture}}/{{condition}}/seed{{seed}}/epoch{epoch}/{measure}{suffix}.npy"
        for epoch in epochs
        for suffix in ("", "_cocktail")
        for measure in STUDY.config["rdms"]["keep"]
    ]


def report_assets():
    """Return the paths of the files that the report's pages are made from, relative as those of schemas."""
    folders = {"explorer": report_contents.SHARED, "report": report_contents.ASSETS}
    paths = [SCRIPTS / "manyseeds" / folder / "assets" / name for folder, names in folders.items() for name in names]
    return [os.path.relpath(path) for path in paths]


def explorer_assets():
    """Return the paths of the files that the explorer's page is made from, relative as those of schemas."""
    return [os.path.relpath(SCRIPTS / "manyseeds" / "explorer" / "assets" / name) for name in contents.ASSETS]


def rsatoolbox_files(architecture, condition):
    """Return the files of rsatoolbox of a group, in the order in which they are written."""
    return [
        f"{R}/export/rsatoolbox/{architecture}_{condition}_{measure}{suffix}.hdf5"
        for suffix in ("", "_cocktail")
        for measure in STUDY.config["rdms"]["keep"]
    ]


def sample_files(samples):
    """Return the geometries of one instance under dropout masks."""
    last = STUDY.last_epoch
    return [
        f"{R}/geometry/{{architecture}}/{{condition}}/seed{{seed}}/epoch{last}_dropout{sample}.npz"
        for sample in samples
    ]


def kept_activations(epochs):
    """Return the folder of one instance's activations, if the study keeps them and its layers are recorded."""
    folder = f"{R}/activations/{{architecture}}/{{condition}}/seed{{seed}}"
    return [folder] if epochs and STUDY.config["keep_activations"] else []


def blocks_to_record():
    """Return the groups by what a job records: number and seeds of a block, epochs, and dropout samples.

    Exports have recorded activations of followed groups, so only dropout samples are left there.
    """
    found = {}
    for architecture, condition in STUDY.groups:
        group = (architecture, condition)
        restored = STUDY.mode == PRETRAINED and group in STUDY.followed_groups
        epochs = () if restored else tuple(STUDY.epochs_of(*group))
        samples = tuple(range(1, STUDY.config["dropout"]["samples"] + 1)) if group in STUDY.dropout_groups else ()
        for block, seeds in tasks.blocks(STUDY, *group).items() if epochs or samples else ():
            found.setdefault((block, seeds, epochs, samples), []).append(group)
    return found


UNTRAINED_FILE = "epoch0_untrained.npz"
"""Name of the geometries of all layers before training; epoch0.npz has the layers that a trajectory follows."""


def untrained_geometries(wildcards):
    """Return the geometries of a group before training, by instance."""
    return of_group(f"geometry/{{instance}}/{UNTRAINED_FILE}")(wildcards)


def geometries_before_training(wildcards):
    """Return the geometries of a group before training, if the study measures them."""
    has_any = (wildcards.architecture, wildcards.condition) in STUDY.untrained_groups
    return untrained_geometries(wildcards) if has_any else []


def stimulus_predictions(wildcards):
    """Return the predictions of the stimuli by a group's networks, if they classify."""
    classifies = STUDY.classifies(wildcards.architecture)
    return f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_predictions.parquet" if classifies else []


def explored_predictions(wildcards):
    """Return the predictions of the stimuli by a group's networks, if they classify and another analysis makes them."""
    is_conserved = (wildcards.architecture, wildcards.condition) in STUDY.conserved_groups
    return stimulus_predictions(wildcards) if is_conserved else []


def initial_weights(wildcards):
    """Return the weights with which a group's accepted trainings began; exported networks do not have them."""
    return of_group("networks/{instance}/epoch{epoch}.safetensors", [0])(wildcards) if STUDY.mode == TRAINED else []


def dropout_geometries(wildcards):
    """Return the geometries of a group with dropout on: by sample, then by instance."""
    return [
        file
        for sample in dropout_samples(wildcards)
        for file in of_group(f"geometry/{{instance}}/epoch{STUDY.last_epoch}_dropout{sample}.npz")(wildcards)
    ]


def stimulus_resamples(wildcards):
    """Return the consistencies of a group on resampled stimuli, if the study asks for them."""
    has_any = measures_for("resampling", "stimuli_for")(wildcards)
    return f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_resamples.npz" if has_any else []


# Activations, networks and exports from elsewhere


def own_arrays(wildcards):
    """Return the paths of all arrays of one instance."""
    return [path for paths in own_arrays_by_epoch(wildcards).values() for path in paths]


def exported(name):
    """Return the path of a file of the exported study."""
    return f"{Path(STUDY.config['pretrained_dir'])}/{name}"


def exported_file(name):
    """Return an input function: a file of one exported instance."""
    return lambda wildcards: f"{STUDY.exported[instance_of(wildcards)]}/{name}"


def recorded_activations(wildcards):
    """Return the activations to export with an instance, if its training is followed."""
    instance = instance_of(wildcards)
    return fill("export/{instance}/activations.npz", [instance] if instance[:2] in STUDY.followed_groups else [])


def outside_file(wildcards):
    """Return a file of RDMs from outside, with the tables of names beside an array."""
    path = Path(STUDY.outside_files[wildcards.outside]["path"])
    return list(map(str, [path, *tables_beside(path)]))


# Parts of tables


def parts_of_pairs(table, groups):
    """Return the parts of a table that compare two conditions, for pairs within some groups."""
    pairs = [
        f"{R}/tables/parts/{architecture}/pairs/{first}/{second}/{table}.parquet"
        for architecture, first, second in STUDY.compared_conditions
        if (architecture, first) in groups and (architecture, second) in groups
    ]
    sweep = [group for group in STUDY.dropout_sweep if group in groups and table == "contrasts"]
    return pairs + per_group("tables/parts/{architecture}/{condition}/dropout_contrasts.parquet", sweep)


def parts_of_groups(table, groups):
    """Return the parts of a table that has one part for each group."""
    having = {
        "consistency_across": STUDY.followed_groups,
        **dict.fromkeys(MAPS, STUDY.shown_groups),
        **dict.fromkeys(COMPARATOR_TABLES, STUDY.comparator_groups),
        "kernels": STUDY.kernel_groups,
        **dict.fromkeys(["error_agreement", *DISTORTION_TABLES], STUDY.distortion_groups),
        "merged": STUDY.tuned_groups,
        **dict.fromkeys(TRANSFER_TABLES, STUDY.transfer_groups),
        **dict.fromkeys(CONSERVED_TABLES, STUDY.conserved_groups),
        **dict.fromkeys(OUTSIDE_TABLES, STUDY.outside_groups),
    }
    pattern = f"tables/parts/{{architecture}}/{{condition}}/{table}.parquet"
    parts = per_group(pattern, [group for group in having.get(table, STUDY.groups) if group in groups])
    untrained = [group for group in STUDY.untrained_groups if group in groups and table in UNTRAINED_TABLES]
    return parts + per_group(f"tables/parts/{{architecture}}/{{condition}}/untrained_{table}.parquet", untrained)


def parts_of(table, groups):
    """Return the parts of a table that hold some groups. A table without parts is returned itself."""
    parts = []
    if table == "finetune_history":
        return tuning_histories(groups)
    if table in INSTANCE_TABLES:
        parts += instance_parts(table, [instance for instance in STUDY.instances if instance[:2] in groups])
    if table in GROUP_TABLES:
        parts += parts_of_groups(table, groups)
    if table in PAIR_TABLES:
        parts += parts_of_pairs(table, groups)
    if table in POOL_TABLES:
        architectures = [name for name in STUDY.source_architectures if any(group[0] == name for group in groups)]
        parts += [f"{R}/tables/parts/{architecture}/{table}.parquet" for architecture in architectures]
    return parts if table in PARTED_TABLES else [f"{R}/tables/{table}.parquet"]
