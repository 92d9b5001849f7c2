# Geometries of all layers, and the kept RDMs, from activations that are files: the user's, and those of exports.


rule measure_geometry:
    input:
        folder=f"{R}/activations/{{architecture}}/{{condition}}/seed{{seed}}",
        attempts=instance_part("attempts"),
    output:
        geometries=geometry_files([STUDY.last_epoch]),
        rdms=kept_rdm_files([STUDY.last_epoch]),
    log:
        f"{R}/logs/measure_geometry/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/measure_geometry/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.groups_not_followed if STUDY.mode == OWN_ACTIVATIONS else []),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        epochs=epochs_of,
        measures=STUDY.config["rdms"]["keep"],
        code=code_of("measure_geometry"),
    message:
        "Measuring the geometry of the layers of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/measure_geometry.py"


# Outputs cannot depend on wildcards, so groups that are followed through training have a rule of their own.
use rule measure_geometry as measure_geometry_through_training with:
    output:
        geometries=geometry_files(STUDY.analysed_epochs),
        rdms=kept_rdm_files(STUDY.analysed_epochs),
    wildcard_constraints:
        architecture=one_of_groups(STUDY.followed_groups),
