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
SCHEMAS = SCRIPTS / "manyseeds" / "schemas"
PUBLISHED = os.path.relpath(Path(workflow.basedir) / "data" / "mehrer2020_values.csv")
sys.path.insert(0, str(SCRIPTS))

from manyseeds.errors import StudyError
from manyseeds.exchange import cards, exported_study
from manyseeds.figures import catalogue
from manyseeds.io import files, provenance
from manyseeds.io.code_digest import code_digest
from manyseeds.paper import protocol
from manyseeds.study import tasks
from manyseeds.study.architectures import module_names
from manyseeds.study.checks import checked_study
from manyseeds.study.instances import Instance
from manyseeds.study.study import OWN_ACTIVATIONS, PRETRAINED, TRAINED

try:
    # Exported networks are analysed as the study says that trained them, but for what a study of one's own says. Not by `configfile`,
    # which executes the Python in a file: this one may be a stranger's.
    if theirs := exported_study.read_study(config["pretrained_dir"]):
        update_config(config, theirs)
        update_config(config, workflow.config_settings.overwrite_config)
    STUDY = checked_study(config, json.loads((SCHEMAS / "config.schema.json").read_text()))
    # A file of a study's that does not name it would be added to the default study, its sweep and controls.
    if workflow.config_settings.configfiles and "study" not in workflow.config_settings.overwrite_config:
        raise StudyError(
            f"{workflow.config_settings.configfiles[-1]}: the key study is missing; expected the study's name."
        )
    exported_study.check_places(STUDY, Path("results", STUDY.name))
    exported_study.check_exported(STUDY)
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


def one_of_groups(groups):
    """Constrain the wildcard {architecture} to groups, by looking ahead at {condition}, the next folder of the path."""
    return (
        "|".join(f"{re.escape(architecture)}(?=/{re.escape(condition)}/)" for architecture, condition in groups)
        or NOTHING
    )


wildcard_constraints:
    architecture=one_of(architecture for architecture, _ in STUDY.groups),
    condition=one_of(condition for _, condition in STUDY.groups),
    condition_a=one_of(first for _, first, _ in STUDY.compared_conditions),
    condition_b=one_of(second for _, _, second in STUDY.compared_conditions),
    block=r"\d+",
    seed=one_of(instance.seed for instance in STUDY.instances),
    table=one_of(TABLES),


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


def per_group(pattern, groups):
    """Return the files of some groups."""
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


def identity_of(wildcards):
    """Return the columns that name an instance in tables."""
    return instance_of(wildcards)._asdict()


def epochs_of(wildcards):
    """Return the epochs at which the group that the wildcards name is analysed."""
    return STUDY.epochs_of(wildcards.architecture, wildcards.condition)


def members_of(wildcards):
    """Return the instances of a block of seeds."""
    return tasks.members(STUDY, wildcards.architecture, wildcards.condition, int(wildcards.block))


def identities_of_block(wildcards):
    """Return the columns that name the instances of a block of seeds in tables."""
    return [instance._asdict() for instance in members_of(wildcards)]


def instance_parts(table, instances):
    """Return the parts of an instance table: accuracies by blocks of seeds, histories and attempts where any were trained."""
    if table == "accuracy":
        blocks = dict.fromkeys((*instance[:2], tasks.block_of(STUDY, instance)) for instance in instances)
        pattern = f"{R}/tables/parts/{{}}/{{}}/accuracy{{}}.parquet"
        return [] if STUDY.mode == OWN_ACTIVATIONS else [pattern.format(*block) for block in blocks]
    return fill(f"networks/{{instance}}/{table}.parquet", instances) if STUDY.knows_training else []


def attempts_of(wildcards):
    """Return the table of attempts of the instance that the wildcards name, where any are known."""
    return instance_parts("attempts", [instance_of(wildcards)])


include: "common/runs.smk"
include: "common/networks.smk"
include: "common/exports.smk"
include: "common/representations.smk"
include: "common/tables.smk"
include: "common/targets.smk"
