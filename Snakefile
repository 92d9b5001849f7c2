from snakemake.utils import min_version

min_version("9.0")


include: "rules/common/config.smk"


configfile: f"{HOME}/config.yaml"


# The default study is an overlay like all others, so that other studies do not inherit its sweeps and controls.
if config["study"] == "digits":

    configfile: f"{HOME}/studies/digits.yaml"


report: "rules/captions/workflow.rst"


include: "rules/common.smk"


# Activations come from networks trained here, from exported networks, from the user's networks, or from the user's arrays.
if STUDY.mode == OWN_ACTIVATIONS:

    include: "rules/own_activations.smk"

else:

    include: "rules/datasets.smk"

    if STUDY.mode == TRAINED:

        include: "rules/networks.smk"
        include: "rules/evaluation.smk"
        include: "rules/export.smk"

    elif STUDY.mode == PRETRAINED:

        include: "rules/pretrained.smk"

    else:

        include: "rules/own_networks.smk"
        include: "rules/evaluation.smk"
    include: "rules/recording.smk"


if STUDY.mode != TRAINED:

    include: "rules/no_export.smk"


if STUDY.untrained_groups:

    include: "rules/untrained.smk"


if STUDY.mode in (OWN_ACTIVATIONS, PRETRAINED):

    include: "rules/representations.smk"


if STUDY.mode != OWN_ACTIVATIONS:

    include: "rules/kernels.smk"


include: "rules/consistency.smk"
include: "rules/comparators.smk"
include: "rules/conserved.smk"
include: "rules/outside.smk"
include: "rules/across.smk"
include: "rules/sources.smk"
include: "rules/maps.smk"
include: "rules/rotations.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/explorer.smk"
include: "rules/report.smk"
include: "rules/rsatoolbox.smk"


rule all:
    default_target: True
    input:
        network_files(),
        activation_folders(),
        rdm_files(),
        table_files(),
        figure_files(),
        report_files(),


rule networks:
    input:
        network_files(),


rule rdms:
    input:
        rdm_files(),


rule tables:
    input:
        table_files(),


rule figures:
    input:
        figure_files(),


onstart:
    refuse_what_cannot_be_right()
    failures.forget(Path(R))
    show_bars()


onsuccess:
    hide_bars()
    tell_what_mostly_failed()
    tidy_up()
    tell_results()


onerror:
    hide_bars()
    tell_failures()
