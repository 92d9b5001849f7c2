"""Inputs and params of the rules on kernels and errors."""

KINDS_WITH_FILES = ["trained", "epoch", "finetuned"]
"""Kinds of variants that are files; others are made from the trained weights."""


def variants_by_seed(which):
    """Return a param: the variants of each instance of a group, as plain values. `which` is a method of the study."""
    return lambda wildcards: {
        instance.seed: [list(variant) for variant in which(instance)] for instance in instances_of_group(wildcards)
    }


def variant_files(kind, instances, which):
    """Return the files of a group's variants of one kind, instance after instance."""
    return [
        file
        for instance in instances
        for variant in which(instance)
        if variant.kind == kind
        for file in variant_file(instance, variant)
    ]


def variant_file(instance, variant):
    """Return the weights of one variant."""
    if variant.kind == "finetuned":
        return fill(f"variants/{{instance}}/{variant.name}.safetensors", [instance])
    epoch = STUDY.last_epoch if variant.kind == "trained" else int(variant.value)
    return fill("networks/{instance}/epoch{epoch}.safetensors", [instance], [epoch])


def kernel_weights(kind):
    """Return an input function: the weights of a group's variants of one kind, whose kernels are compared."""
    return lambda wildcards: variant_files(kind, instances_of_group(wildcards), STUDY.variants)


def draws_of_exported(wildcards):
    """Return a param: what addresses initial weights that are drawn again; None if they are files or not known."""
    drawn = STUDY.mode == PRETRAINED and STUDY.can_draw_again(wildcards.architecture)
    return initial_draws(wildcards) if drawn else None


def blocks_to_test():
    """Return the groups by what a job tests: number of a block, and names of the variants of each of its seeds."""
    found = {}
    for group in STUDY.distortion_groups:
        for block, seeds in tasks.blocks(STUDY, *group).items():
            names = tuple(
                (seed, tuple(variant.name for variant in STUDY.tested_variants(Instance(*group, seed))))
                for seed in seeds
            )
            found.setdefault((block, names), []).append(group)
    return found


def tested_weights(kind, seeds):
    """Return an input function: the weights of a block's variants of one kind, which are tested."""
    return lambda wildcards: variant_files(
        kind,
        [Instance(wildcards.architecture, wildcards.condition, seed) for seed in seeds],
        STUDY.tested_variants,
    )


def tested_by_seed(seeds):
    """Return a param: the tested variants of the instances of a block, as plain values."""
    return lambda wildcards: {
        seed: variants for seed, variants in variants_by_seed(STUDY.tested_variants)(wildcards).items() if seed in seeds
    }


def predictions_of_group(wildcards):
    """Return the predictions of a group's instances, variant after variant of each."""
    return [
        f"{R}/predictions/{instance}/{variant.name}.npz"
        for instance in instances_of_group(wildcards)
        for variant in STUDY.tested_variants(instance)
    ]


def of_kernels(source):
    """Return an input function: a part of the group's tables if its kernels are compared and images are distorted."""

    def part(wildcards):
        group = (wildcards.architecture, wildcards.condition)
        return (
            source.format(**wildcards)
            if STUDY.distortions and group in STUDY.kernel_groups and group in STUDY.distortion_groups
            else []
        )

    return part


def blocks_to_tune():
    """Return the groups by what a job trains further: number of a block, and its seeds that are trained further."""
    found = {}
    for group in STUDY.distortion_groups:
        for block, seeds in tasks.blocks(STUDY, *group).items():
            tuned = tuple(seed for seed in seeds if STUDY.is_tuned(Instance(*group, seed)))
            if tuned:
                found.setdefault((block, tuned), []).append(group)
    return found


def tuning_histories(groups):
    """Return the parts of the table of the histories of further training: one for each block of seeds."""
    tuned = (each for each in STUDY.instances if each[:2] in groups and STUDY.is_tuned(each))
    blocks = dict.fromkeys((*instance[:2], tasks.block_of(STUDY, instance)) for instance in tuned)
    return [f"{R}/tables/parts/{{}}/{{}}/finetune_history{{}}.parquet".format(*block) for block in blocks]


def tuning_tasks(seeds):
    """Return a param: the settings of the trainings of a block, by learning rate."""
    return lambda wildcards: {
        rate: [
            tasks.tuning_values(STUDY, Instance(wildcards.architecture, wildcards.condition, seed), rate)
            for seed in seeds
        ]
        for rate in STUDY.config["finetune"]["learning_rates"]
    }


TARGET_FILES = {
    name: f"{R}/dataset/transfer/{name}.{suffix}"
    for suffix, names in {
        "npy": [
            *("train_images", "train_labels", "test_images", "test_labels"),
            *(("train_inputs", "test_inputs") if STUDY.stores_inputs else ()),
        ],
        "parquet": ["index"],
        "json": ["card"],
    }.items()
    for name in names
}
"""Files of the images of a folder that networks learn (`transfer.target`)."""


def images_to_learn():
    """Return the images that networks learn, as inputs of a rule: those of the study or of a folder."""
    folder = f"{R}/dataset" if STUDY.transfer_root is None else f"{R}/dataset/transfer"
    kind = "inputs" if STUDY.stores_inputs else "images"
    return {
        "images": f"{folder}/train_{kind}.npy",
        "labels": f"{folder}/train_labels.npy",
        "test_images": f"{folder}/test_{kind}.npy",
        "test_labels": f"{folder}/test_labels.npy",
        "card": f"{folder}/card.json",
    }


def transfer_tasks(wildcards):
    """Return a param: the settings of the trainings of a group's sources, by transfer seed."""
    return [
        [tasks.transfer_values(STUDY, instance, seed) for instance in instances_of_group(wildcards)]
        for seed in range(STUDY.config["transfer"]["seeds"])
    ]


def kernels_of_sources(wildcards):
    """Return the part of the table of kernels of the sources of a transfer, if their kernels are compared."""
    having = (wildcards.architecture, wildcards.condition) in STUDY.kernel_groups
    return f"{R}/tables/parts/{{architecture}}/{{condition}}/kernels.parquet" if having else []
