# Sources of difference: networks of conditions that differ in random streams alone, in one pool for each architecture.


rule split_sources:
    input:
        geometries=of_pool("geometry/{instance}/epoch{epoch}.npz"),
        attempts=pool_attempts,
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schemas=[schema_path(table) for table in SOURCE_TABLES],
    output:
        **{table: f"{R}/tables/parts/{{architecture}}/{table}.parquet" for table in SOURCE_TABLES},
    log:
        f"{R}/logs/split_sources/{{architecture}}.log",
    benchmark:
        f"{R}/benchmarks/split_sources/{{architecture}}.tsv"
    wildcard_constraints:
        architecture=one_of(STUDY.source_architectures),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(6, at_least=2000, by_layer=True),
        runtime=120,
    params:
        conditions=pooled,
        epochs=source_epochs,
        layers=STUDY.config["sources"]["layers"],
        measures=list(STUDY.source_measures),
        equivalent=STUDY.config["sources"]["equivalent"],
        tables=SOURCE_TABLES,
        code=code_of("split_sources"),
    message:
        "Splitting the differences between networks of {wildcards.architecture} by random stream"
    script:
        "../workflow_scripts/split_sources.py"
