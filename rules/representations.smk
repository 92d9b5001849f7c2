# From activations to what is kept of them: geometries of all layers, and the RDMs that the study asks for.


rule measure_geometry:
    input:
        folder=f"{R}/activations/{{architecture}}/{{condition}}/seed{{seed}}",
    output:
        expand(
            f"{R}/geometry/{{{{architecture}}}}/{{{{condition}}}}/seed{{{{seed}}}}/epoch{{epoch}}.npz",
            epoch=STUDY.analysed_epochs,
        ),
    log:
        f"{R}/logs/measure_geometry/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/measure_geometry/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    wildcard_constraints:
        condition=conditions_followed(),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        epochs=epochs_of,
        code=code_of("measure_geometry"),
    message:
        "Measuring the geometry of the layers of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/measure_geometry.py"


# Outputs cannot depend on wildcards: where only some conditions are followed through their training, the others need a rule.
use rule measure_geometry as measure_last_geometry with:
    output:
        f"{R}/geometry/{{architecture}}/{{condition}}/seed{{seed}}/epoch{STUDY.last_epoch}.npz",
    wildcard_constraints:
        condition=conditions_not_followed(),


if STUDY.config["rdms"]["keep"]:

    rule write_rdms:
        input:
            geometries=geometries_of_instance,
        output:
            expand(
                f"{R}/rdms/{{{{architecture}}}}/{{{{condition}}}}/seed{{{{seed}}}}/epoch{{epoch}}/{{measure}}{{suffix}}.npy",
                epoch=STUDY.analysed_epochs,
                suffix=["", "_cocktail"],
                measure=STUDY.config["rdms"]["keep"],
            ),
        log:
            f"{R}/logs/write_rdms/{{architecture}}/{{condition}}/seed{{seed}}.log",
        benchmark:
            f"{R}/benchmarks/write_rdms/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
        wildcard_constraints:
            condition=conditions_followed(),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            measures=STUDY.config["rdms"]["keep"],
            code=code_of("write_rdms"),
        message:
            "Writing RDMs of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
        script:
            "../workflow_scripts/write_rdms.py"

    use rule write_rdms as write_last_rdms with:
        output:
            expand(
                f"{R}/rdms/{{{{architecture}}}}/{{{{condition}}}}/seed{{{{seed}}}}/epoch{STUDY.last_epoch}/{{measure}}{{suffix}}.npy",
                suffix=["", "_cocktail"],
                measure=STUDY.config["rdms"]["keep"],
            ),
        wildcard_constraints:
            condition=conditions_not_followed(),
