"""Of networks and their training: what rules of datasets, networks and evaluation ask of the study."""


def held_out_per_category():
    """Return how many images of each category are kept from training; None where the stimuli are others, or the data have a test set."""
    stimuli = STUDY.config["stimuli"]
    return stimuli["per_category"] if STUDY.config["data"]["dataset"] == "digits" and stimuli["root"] is None else None


def inputs_of(split):
    """Return the file that networks take the images of a split from: preprocessed ones, or pixels that are standardised batch by batch."""
    return f"{R}/dataset/{split}_{'inputs' if STUDY.stores_inputs else 'images'}.npy"


def network_of(wildcards):
    """Return what the network of an architecture is, whichever of its layers are analysed."""
    return tasks.network_values(STUDY, wildcards.architecture)


def analysed_network(wildcards):
    """Return what the network of an architecture is, and which of its layers are analysed."""
    return {"layers": STUDY.network(wildcards.architecture)["layers"], **network_of(wildcards)}


def confined_layers(wildcards):
    """Return the layers that analyses of a network are confined to, by the key of the config that names them."""
    return {
        key: STUDY.config[key]["layers"]
        for key, groups in STUDY.confined_groups.items()
        if any(architecture == wildcards.architecture for architecture, _ in groups)
    }


def layers_checked(wildcards):
    """Return what tells that a network's layers can be recorded; nothing for an All-CNN, whose layers are known."""
    known = module_names(STUDY.network(wildcards.architecture)["architecture"])
    return [] if known else [ancient(f"{R}/networks/{wildcards.architecture}/.layers")]


def init_seed(wildcards):
    """Return the seed of an instance's initial weights."""
    return STUDY.stream_seeds(instance_of(wildcards))["init"]


def training_task(wildcards):
    """Return what determines an instance's weights."""
    return tasks.task_values(STUDY, instance_of(wildcards))


def training_set_of(wildcards):
    """Return which images the instances that the wildcards name are trained on."""
    return tasks.training_set(STUDY, wildcards.condition)


def evaluated_set(wildcards):
    """Return which images accuracies are reported on: those trained on; of networks trained elsewhere all."""
    return training_set_of(wildcards) if STUDY.knows_training else {"images": "all", "seed": None, "categories": None}


def trained_categories(wildcards):
    """Return the numbers of the categories that a network has an output for; None: all of the data set."""
    return STUDY.condition(wildcards.condition)["categories"] if STUDY.knows_training else None


def dropout_of(wildcards):
    """Return the dropout that an instance was trained with, and the root of its masks; None: it had none."""
    return tasks.dropout_values(STUDY, wildcards.condition)


def cohort_files(wildcards):
    """Return the initial weights of a block of seeds."""
    return fill("networks/{instance}/init.safetensors", members_of(wildcards))


def cohort_tasks(wildcards):
    """Return what determines the weights of each instance of a block of seeds."""
    return [tasks.task_values(STUDY, instance) for instance in members_of(wildcards)]


def cohort_marker(wildcards):
    """Return the marker of the block of seeds that an instance belongs to, whatever its age."""
    block = tasks.block_of(STUDY, instance_of(wildcards))
    return ancient(f"{R}/networks/{wildcards.architecture}/{wildcards.condition}/.cohort{block}")


def weights_at(epochs=None):
    """Return an input function: the weights of the instance that the wildcards name, at some epochs or all analysed."""
    return lambda wildcards: fill("networks/{instance}/epoch{epoch}.safetensors", [instance_of(wildcards)], epochs)


def weights_of_block(wildcards):
    """Return the weights of the instances of a block of seeds at all checkpoints."""
    return fill("networks/{instance}/epoch{epoch}.safetensors", members_of(wildcards), STUDY.weight_epochs)
