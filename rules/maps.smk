# Distances between RDMs, and planar maps of stimuli and of RDMs.


rule second_level:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        attempts=group_parts("attempts"),
        schema=schema_path("second_level"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/second_level.parquet",
    log:
        f"{R}/logs/second_level/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/second_level/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        measure=catalogue.main_measure(STUDY.measures),
        code=code_of("second_level"),
    message:
        "Comparing the RDMs of all layers and instances of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/second_level.py"


rule mds:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        second_level=f"{R}/tables/parts/{{architecture}}/{{condition}}/second_level.parquet",
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schema=schema_path("mds"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/mds.parquet",
    log:
        f"{R}/logs/mds/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/mds/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        measure=catalogue.main_measure(STUDY.measures),
        n_instances=2,
        code=code_of("mds"),
    message:
        "Mapping stimuli and RDMs of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/mds.py"
