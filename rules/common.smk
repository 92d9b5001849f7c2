"""Shared by all rules: the checked study, lists of tables and figures, wildcard constraints, helper functions."""

import atexit
import gc
import json
import logging
import os
import re
import sys
from base64 import urlsafe_b64decode
from contextlib import suppress
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config
from snakemake_interface_logger_plugins.common import LogEvent

# Python looks for garbage after so many new objects. By its own number, 700, that is a tenth of planning a large study.
gc.set_threshold(100_000)

SCRIPTS = HOME / "workflow_scripts"
SCHEMAS = SCRIPTS / "manyseeds" / "schemas"
CLAIMS = os.path.relpath(HOME / "data" / "claims.csv")
PUBLISHED = os.path.relpath(HOME / "data" / "mehrer2020_values.csv")
sys.path.insert(0, str(SCRIPTS))

from manyseeds import live
from manyseeds.errors import StudyError
from manyseeds.exchange import cards, exported_study
from manyseeds.explorer import contents
from manyseeds.figures import catalogue
from manyseeds.io import failures, files, provenance
from manyseeds.io.code_digest import code_digest
from manyseeds.paper import protocol
from manyseeds.report import contents as report_contents
from manyseeds.report import settings as report_settings
from manyseeds.representations import memory
from manyseeds.study import network_code, tasks
from manyseeds.study.architectures import layer_names, module_names
from manyseeds.study.checks import checked_study
from manyseeds.study.instances import Instance
from manyseeds.study.notices import notices
from manyseeds.study.study import OWN_ACTIVATIONS, OWN_NETWORKS, PRETRAINED, TRAINED, described
from manyseeds.study.user_folders import STIMULI, tables_beside
from manyseeds.study.validation import check_keys_once

try:
    for path in workflow.configfiles:
        check_keys_once(Path(path).read_text(encoding="utf-8"), str(path))
    # An export brings the config of the study that trained its networks; the user's keys overlay it. It is not read by
    # `configfile`, which would execute Python in the file, and the file may be a stranger's.
    NAMED_HERE = exported_study.named_architectures(config)
    if theirs := exported_study.read_study(config["pretrained_dir"]):
        update_config(config, theirs)
        update_config(config, workflow.config_settings.overwrite_config)
    STUDY = checked_study(config, json.loads((SCHEMAS / "config.schema.json").read_text()))
    # A file without a name for its study would be merged into the default study, with its sweep and controls.
    if (
        workflow.modifier.is_main_snakefile()
        and workflow.config_settings.configfiles
        and "study" not in workflow.config_settings.overwrite_config
    ):
        raise StudyError(
            f"{workflow.config_settings.configfiles[-1]}: the key study is missing; expected the study's name."
        )
    exported_study.check_architectures(STUDY, NAMED_HERE)
    OWN_CODE = network_code.own_digests(STUDY)
    exported_study.check_places(STUDY, Path("results", STUDY.name))
    exported_study.check_exported(STUDY)
except StudyError as problem:
    raise WorkflowError(str(problem)) from None

R = f"results/{STUDY.name}"

# Tables with one part for each instance, each group, or each pair of conditions. Other tables have rules of their own.
INSTANCE_TABLES = ["history", "attempts", "accuracy"]
CONSERVED_TABLES = [
    "conserved",
    "stimulus_agreement",
    "category_agreement",
    "pair_agreement",
    "agreement_reliability",
    "conserved_dimensions",
]
OUTSIDE_TABLES = ["outside", "outside_summary"]
COMPARATOR_TABLES = ["comparators", "comparators_summary", "comparator_drop", "correspondence"]
DISTORTION_TABLES = ["distorted_accuracy", "distorted_accuracy_summary", "kernel_relations", "paradox"]
TRANSFER_TABLES = ["transfer", "transfer_summary", "transfer_relations", "transfer_history"]
GROUP_TABLES = [
    "instances",
    "consistency",
    "random_grouping",
    "clustering",
    "consistency_summary",
    "robustness",
    "howmany",
    "howmany_answer",
    "accuracy_summary",
    "clustering_summary",
    "contrasts",
    "relations",
    "second_level",
    "mds",
    "consistency_across",
    *COMPARATOR_TABLES,
    "kernels",
    "error_agreement",
    *DISTORTION_TABLES,
    "merged",
    *TRANSFER_TABLES,
    *CONSERVED_TABLES,
    *OUTSIDE_TABLES,
]
PAIR_TABLES = ["consistency_across", "consistency_across_summary", "contrasts"]
SOURCE_TABLES = ["sources", "source_pairs"]
POOL_TABLES = [*SOURCE_TABLES, "divergence"]  # with a part for each architecture
PARTED_TABLES = [*INSTANCE_TABLES, *GROUP_TABLES, *PAIR_TABLES, *POOL_TABLES, "finetune_history"]
MAPS = ["second_level", "mds"]  # made only for groups that figures show
UNTRAINED_TABLES = ["consistency", "consistency_summary"]  # with further parts for networks before training
ROTATION_TABLES = ["rotations", "rotation_entries"]
CLAIM_TABLES = ["claims"] if catalogue.why_not("claims", STUDY) is None else []
SINGLE_TABLES = ["outside_conclusions", *ROTATION_TABLES, "comparison", *CLAIM_TABLES]
TABLES = list(dict.fromkeys(["layers", *PARTED_TABLES, *SINGLE_TABLES]))
REPORTED_TABLES = [
    "instances",
    "attempts",
    "accuracy_summary",
    "consistency_summary",
    "robustness",
    "howmany_answer",
    "clustering_summary",
    "comparators_summary",
    "comparator_drop",
    "conserved",
    "agreement_reliability",
    "outside_summary",
    "sources",
    "source_pairs",
    "divergence",
    "consistency_across_summary",
    "contrasts",
    "relations",
    "distorted_accuracy_summary",
    "kernel_relations",
    "paradox",
]
CAPTIONS_OF_TABLES = {"claims": "claims_table", "comparison": "comparison_table", "rotations": "rotations"}
FIGURES = catalogue.applicable(STUDY)

NOTHING = r"(?!)"
"""A wildcard constraint that no value meets."""


def one_of(values):
    """Constrain a wildcard to some values, or to nothing at all if there are none."""
    return "|".join(re.escape(str(value)) for value in dict.fromkeys(values)) or NOTHING


def one_of_groups(groups):
    """Constrain the wildcard {architecture} to some groups, by a look ahead at the next folder, {condition}."""
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


include: "common/params.smk"
include: "common/inputs.smk"
include: "common/kernels.smk"
include: "common/targets.smk"
include: "common/runs.smk"


refuse_wrong_activations()
refuse_wrong_outside()
refuse_wrong_target()
tell_what_is_not_obvious()
summarise_dry_run()
