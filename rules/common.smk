"""What all other files here share: the checked study, digests of code, files that depend on the instance table."""

import json
import os
import re
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
SCHEMAS = Path(workflow.basedir) / "rules" / "schemas"
PUBLISHED = os.path.relpath(Path(workflow.basedir) / "data" / "mehrer2020_values.csv")
sys.path.insert(0, str(SCRIPTS))

from manyseeds import artefacts, cards, files, protocol, tasks
from manyseeds.architectures import module_names
from manyseeds.errors import StudyError
from manyseeds.figures import catalogue
from manyseeds.instances import Instance
from manyseeds.provenance import code_digest
from manyseeds.study import OWN_ACTIVATIONS, PRETRAINED, TRAINED, Study

try:
    # Exported networks are analysed as the study says that trained them, but for what a study of one's own says. Not by `configfile`,
    # which executes the Python in a file: this one may be a stranger's.
    if theirs := cards.read_study(config["pretrained_dir"]):
        update_config(config, theirs)
        update_config(config, workflow.config_settings.overwrite_config)
    STUDY = Study.from_config(config, json.loads((SCHEMAS / "config.schema.json").read_text()))
    # A file of a study's that does not name it would be added to the default study, its sweep and controls.
    if workflow.config_settings.configfiles and "study" not in workflow.config_settings.overwrite_config:
        raise StudyError(
            f"{workflow.config_settings.configfiles[-1]}: the key study is missing; expected the study's name."
        )
    cards.check_exported(STUDY, Path("results", STUDY.name))
except StudyError as problem:
    raise WorkflowError(str(problem)) from None

R = f"results/{STUDY.name}"

# Parts of tables: one file an instance, or one file a group of instances. Tables outside both lists have rules of their own.
INSTANCE_TABLES = ["history", "attempts", "accuracy"]
GROUP_TABLES = [
    "instances",
    "consistency",
    "random_grouping",
    "clustering",
    "consistency_summary",
    "accuracy_summary",
    "clustering_summary",
    "contrasts",
    "relations",
    "second_level",
    "mds",
    "consistency_across",
]
PAIR_TABLES = ["consistency_across", "consistency_across_summary", "contrasts"]  # one file a pair of conditions
MAPS = ["second_level", "mds"]  # of those groups alone that figures show
ROTATION_TABLES = ["rotations", "rotation_entries"]
TABLES = list(dict.fromkeys(["layers", *INSTANCE_TABLES, *GROUP_TABLES, *PAIR_TABLES, *ROTATION_TABLES, "comparison"]))
REPORTED_TABLES = [
    "instances",
    "attempts",
    "accuracy_summary",
    "consistency_summary",
    "clustering_summary",
    "consistency_across_summary",
    "contrasts",
    "relations",
]
FIGURES = catalogue.applicable(STUDY)


NOTHING = r"(?!)"
"""A constraint that no wildcard meets."""


def one_of(values):
    """Constrain a wildcard to these values; none of them: to nothing at all."""
    return "|".join(re.escape(str(value)) for value in dict.fromkeys(values)) or NOTHING


wildcard_constraints:
    architecture=one_of(architecture for architecture, _ in STUDY.groups),
    condition=one_of(condition for _, condition in STUDY.groups),
    condition_a=one_of(first for _, first, _ in STUDY.compared_conditions),
    condition_b=one_of(second for _, _, second in STUDY.compared_conditions),
    block=r"\d+",
    seed=one_of(instance.seed for instance in STUDY.instances),
    epoch=one_of({*STUDY.checkpoints, *STUDY.analysed_epochs}),
    measure=one_of(STUDY.measures),
    table=one_of(TABLES),


def forget_unfinished_cohorts():
    """Remove the markers of cohorts whose jobs Snakemake has not seen end: it was killed, and they went on without it.

    It runs such jobs again, and leaves out what depends on their outputs where these are there and ancient (9.27.1).
    """
    if any(Path(".snakemake/locks").glob("*")):
        return  # of a run that is under way
    for marker in Path(R).glob("networks/*/*/.cohort*"):
        unfinished = Path(".snakemake/incomplete", urlsafe_b64encode(str(marker).encode()).decode())
        if unfinished.exists():
            marker.unlink()


def refuse_what_cannot_be_right():
    """Stop where results cannot be written, and where those that are there, and are to stay, are of other settings."""
    try:
        files.check_writable(Path(R))
        jobs = list(workflow.dag.jobs)
        artefacts.check_dates(
            dict.fromkeys(file for job in jobs for file in job.input), Path(R)
        )  # many jobs share a file
        for job in jobs:
            if not workflow.dag.needrun(job):
                artefacts.check_settings(job.output, Path(R), dict(job.params.items()))
    except StudyError as problem:
        raise WorkflowError(str(problem)) from None


def tell_what_is_left_out():
    """Name the exported networks that are not analysed, since they are the only ones of their groups that are there."""
    if STUDY.alone:
        print(f"Left out, for no other of their group is there: {', '.join(map(str, STUDY.alone))}.", file=sys.stderr)


def tidy_up():
    """Remove the training state of all networks that are published, and what killed jobs have left half-written."""
    from manyseeds.stores import tidy  # not needed to plan a run, and imports numpy

    tidy(Path(R, ".training"), Path(R, "networks"))
    files.remove_partial(Path(R))


# Params of rules


def cfg(*keys):
    """Return the dotted keys of the config, nested as there, and no others: what a rule's params may hold."""
    return STUDY.select(keys)


def code_of(script, *modules):
    """Return the digest of the code that a script of workflow_scripts/ executes, and of modules that it loads by name."""
    return code_digest(SCRIPTS / f"{script}.py", *modules)


def schema_path(table):
    """Return the path of a table's schema, from the working directory: it is to stay the same where the workflow is moved."""
    return os.path.relpath(SCHEMAS / "tables" / f"{table}.schema.json")


def schema_of(wildcards):
    """Return the path of the schema of the table that the wildcards name."""
    return schema_path(wildcards.table)


def held_out_per_category():
    """Return how many images of each category are kept from training; None where the stimuli are others, or the data have a test set."""
    stimuli = STUDY.config["stimuli"]
    return stimuli["per_category"] if STUDY.config["data"]["dataset"] == "digits" and stimuli["root"] is None else None


def inputs_of(split):
    """Return the file that networks take the images of a split from: preprocessed ones, or pixels that are standardised batch by batch."""
    return f"{R}/dataset/{split}_{'inputs' if STUDY.stores_inputs else 'images'}.npy"


# Input functions: `pattern` lies below R and may hold {architecture}, {condition}, {seed}, {instance} and {epoch}


def fill(pattern, instances, epochs=None):
    """Fill in a pattern for instances and, if it asks for them, epochs: those given, or else all that are analysed."""
    return [
        f"{R}/{pattern}".format(instance=instance, epoch=epoch, **instance._asdict())
        for instance in instances
        for epoch in (epochs or STUDY.epochs_of(*instance[:2]) if "{epoch}" in pattern else [None])
    ]


def per_instance(pattern, epochs=None):
    """Return the files of all instances of the study, at the analysed epochs or others."""
    return fill(pattern, STUDY.instances, epochs)


def per_group(pattern, groups=STUDY.groups):
    """Return the files of all groups of the study, or of some."""
    return [
        f"{R}/{pattern}".format(architecture=architecture, condition=condition) for architecture, condition in groups
    ]


def instances_of_group(wildcards, condition="condition"):
    """Return the instances of a group; `condition` is the wildcard that names its condition."""
    seeds = STUDY.seeds(wildcards.architecture, wildcards[condition])
    return [Instance(wildcards.architecture, wildcards[condition], seed) for seed in seeds]


def of_group(pattern, epochs=None, condition="condition"):
    """Return an input function: the files of the instances of the group that the wildcards name.

    `condition` is the wildcard that names its condition.
    """

    return lambda wildcards: fill(pattern, instances_of_group(wildcards, condition), epochs)


def instance_of(wildcards):
    """Return the instance that wildcards name."""
    return Instance(wildcards.architecture, wildcards.condition, int(wildcards.seed))


def instance_parts(table, instances):
    """Return the parts of an instance table: accuracies by blocks of seeds, histories and attempts where any were trained."""
    if table == "accuracy":
        blocks = dict.fromkeys((*instance[:2], tasks.block_of(STUDY, instance)) for instance in instances)
        pattern = f"{R}/tables/parts/{{}}/{{}}/accuracy{{}}.parquet"
        return [] if STUDY.mode == OWN_ACTIVATIONS else [pattern.format(*block) for block in blocks]
    return fill(f"networks/{{instance}}/{table}.parquet", instances) if STUDY.knows_training else []


# Training


def identity_of(wildcards):
    """Return the columns that name an instance in tables."""
    return instance_of(wildcards)._asdict()


def network_of(wildcards):
    """Return what the network of an architecture is, whichever of its layers are analysed."""
    return tasks.network_values(STUDY, wildcards.architecture)


def analysed_network(wildcards):
    """Return what the network of an architecture is, and which of its layers are analysed."""
    return {"layers": STUDY.network(wildcards.architecture)["layers"], **network_of(wildcards)}


def followed_layers(wildcards):
    """Return the layers of an architecture that are compared along training."""
    return STUDY.followed_layers(wildcards.architecture)


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


def dropout_samples(wildcards):
    """Return the numbers of the dropout samples of the group that the wildcards name: 1, 2, ...; without dropout none."""
    group = (wildcards.architecture, wildcards.condition)
    return list(range(1, STUDY.config["dropout"]["samples"] + 1)) if group in STUDY.dropout_groups else []


def dropout_measures(wildcards):
    """Return the measures of the RDMs that are averaged over dropout samples, where the group has any."""
    return measures_for("dropout")(wildcards) if dropout_samples(wildcards) else []


def dropout_geometries(wildcards):
    """Return the geometries with dropout on of the group that the wildcards name: by sample, then by instance."""
    return [
        file
        for sample in dropout_samples(wildcards)
        for file in of_group(f"geometry/{{instance}}/epoch{STUDY.last_epoch}_dropout{sample}.npz")(wildcards)
    ]


def members_of(wildcards):
    """Return the instances of a block of seeds."""
    return tasks.members(STUDY, wildcards.architecture, wildcards.condition, int(wildcards.block))


def identities_of_block(wildcards):
    """Return the columns that name the instances of a block of seeds in tables."""
    return [instance._asdict() for instance in members_of(wildcards)]


def weights_of_block(wildcards):
    """Return the weights of the instances of a block of seeds at all checkpoints."""
    return fill("networks/{instance}/epoch{epoch}.safetensors", members_of(wildcards), STUDY.weight_epochs)


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


def epochs_of(wildcards):
    """Return the epochs at which the group that the wildcards name is analysed."""
    return STUDY.epochs_of(wildcards.architecture, wildcards.condition)


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


def one_of_groups(groups):
    """Constrain the wildcard {architecture} to groups, by looking ahead at {condition}, the next folder of the path."""
    return (
        "|".join(f"{re.escape(architecture)}(?=/{re.escape(condition)}/)" for architecture, condition in groups)
        or NOTHING
    )


def groups_not_followed():
    """Return the groups that are analysed at the last epoch alone."""
    return [group for group in STUDY.groups if group not in STUDY.followed_groups]


# Activations and networks of the user's


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


def settings_of(wildcards):
    """Return what determined the weights of the instance that the wildcards name."""
    return cards.settings(STUDY, instance_of(wildcards))


def kept_or_temporary(output):
    """Mark an output as temporary, unless the study keeps its activations."""
    return output if STUDY.config["keep_activations"] else temp(output)


def instance_rows(wildcards):
    """Return one row an instance of the group that the wildcards name: what its condition sets, where it is trained here."""
    return [instance._asdict() | STUDY.settings(instance) for instance in instances_of_group(wildcards)]


def seeds_of(condition):
    """Return a param: the seeds of the group of which a wildcard names the condition."""
    return lambda wildcards: list(STUDY.seeds(wildcards.architecture, wildcards[condition]))


group_seeds = seeds_of("condition")


def measures_for(*keys):
    """Return an input function or param: the measures that the config lists for an analysis, of those that the study has.

    `keys` lead to the analysis in the config. In a condition that it does not list there are none.
    """
    analysis = STUDY.config
    for key in keys:
        analysis = analysis[key]

    def measures(wildcards):
        conditions = analysis.get("conditions")
        listed = conditions is None or wildcards.condition in conditions
        return [measure for measure in analysis["measures"] if listed and measure in STUDY.measures]

    return measures


def stimulus_resamples(wildcards):
    """Return the consistencies on resampled stimuli of the group that the wildcards name, where it has any."""
    has_any = measures_for("resampling", "stimuli_for")(wildcards)
    return f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_resamples.npz" if has_any else []


def group_parts(table, condition="condition"):
    """Return an input function: the parts of an instance table in the group that the wildcards name, if there are any."""

    return lambda wildcards: instance_parts(table, instances_of_group(wildcards, condition))


def reported_table(file, name):
    """Mark a table as part of the report."""
    return report(file, caption="captions/table.rst", category="Tables", labels={"table": name})


def groups_with(table):
    """Return the groups that have a part of a group table."""
    if table == "consistency_across":
        return STUDY.followed_groups
    return STUDY.shown_groups if table in MAPS else STUDY.groups


def parts_of_pairs(table, groups):
    """Return the parts of a table that are made from two conditions, both of some groups."""
    pairs = [
        f"{R}/tables/parts/{architecture}/pairs/{first}/{second}/{table}.parquet"
        for architecture, first, second in STUDY.compared_conditions
        if (architecture, first) in groups and (architecture, second) in groups
    ]
    sweep = [group for group in STUDY.dropout_sweep if group in groups and table == "contrasts"]
    return pairs + per_group("tables/parts/{architecture}/{condition}/dropout_minus_none.parquet", sweep)


def parts_of(table, groups):
    """Return the parts of a table that tell of some groups; of one that is not gathered from parts, the table itself."""
    parts = []
    if table in INSTANCE_TABLES:
        parts += instance_parts(table, [instance for instance in STUDY.instances if instance[:2] in groups])
    if table in GROUP_TABLES:
        pattern = f"tables/parts/{{architecture}}/{{condition}}/{table}.parquet"
        parts += per_group(pattern, [group for group in groups_with(table) if group in groups])
    if table in PAIR_TABLES:
        parts += parts_of_pairs(table, groups)
    return parts if table in (*INSTANCE_TABLES, *GROUP_TABLES, *PAIR_TABLES) else [f"{R}/tables/{table}.parquet"]


def table_parts(wildcards):
    """Return the parts that a table is gathered from."""
    return parts_of(wildcards.table, STUDY.groups)


# Targets


def network_files():
    """Return the weights and accuracies of all instances."""
    if STUDY.mode == OWN_ACTIVATIONS:
        return []
    weights = per_instance("networks/{instance}/epoch{epoch}.safetensors", STUDY.weight_epochs)
    return weights + instance_parts("accuracy", STUDY.instances)


def rdm_files():
    """Return the RDMs that are kept of all instances, raw and cocktail-blank."""
    return [
        path.format(**instance._asdict())
        for instance in STUDY.instances
        for path in kept_rdm_files(STUDY.epochs_of(*instance[:2]))
    ]


def activation_folders():
    """Return the activations of all instances, where they are kept."""
    return per_instance("activations/{instance}") if STUDY.config["keep_activations"] else []


def table_files():
    """Return all tables in both formats."""
    return expand(f"{R}/tables/{{table}}.{{suffix}}", table=TABLES, suffix=["parquet", "csv"])


def tables_of(figure):
    """Return an input function: the tables that a figure is drawn from, of each the parts that tell of the groups that it shows.

    So a figure of the baseline waits for no network of another condition. One sentence where the study has no such figure.
    """

    def files(wildcards):
        reason = catalogue.why_not(figure, STUDY)
        if reason is not None:
            sys.exit(reason)  # any other exception would be reported with a traceback
        entry = catalogue.FIGURES[figure]
        return {table: parts_of(table, entry.groups(STUDY)) for table in entry.tables}

    return files


def figure_files():
    """Return all figures that the study has, in both formats."""
    return expand(f"{R}/figures/{{figure}}.{{suffix}}", figure=FIGURES, suffix=["pdf", "png"])
