# Similarity of instances by other comparators than consistency, with summaries.


rule apply_comparators:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        untrained=geometries_before_training,
        attempts=group_parts("attempts"),
        schemas=[schema_path(table) for table in COMPARATOR_TABLES],
    output:
        **{table: f"{R}/tables/parts/{{architecture}}/{{condition}}/{table}.parquet" for table in COMPARATOR_TABLES},
    log:
        f"{R}/logs/apply_comparators/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/apply_comparators/{{architecture}}/{{condition}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.comparator_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(3, at_least=4000, by_layer=True),
        runtime=60,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        names=STUDY.config["comparators"]["names"],
        measures=list(STUDY.compared_measures),
        layers=STUDY.config["comparators"]["layers"],
        tables=COMPARATOR_TABLES,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        code=code_of("apply_comparators"),
    message:
        "Comparing the instances of {wildcards.architecture}, {wildcards.condition}, by several comparators"
    script:
        "../workflow_scripts/apply_comparators.py"
