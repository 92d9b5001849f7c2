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


# Own networks and activations have no pools. Exported networks have weights of the last epoch alone.
if STUDY.source_groups:

    rule follow_divergence:
        input:
            geometries=of_keys("geometry/{instance}/epoch{epoch}.npz", STUDY.analysed_epochs),
            weights=of_keys("networks/{instance}/epoch{epoch}.safetensors", STUDY.weight_epochs),
            attempts=attempts_with_perturbed,
            source_pairs=rules.split_sources.output.source_pairs,
            stimuli=f"{R}/stimuli/inputs.npy",
            card=f"{R}/dataset/card.json",
            schema=schema_path("divergence"),
        output:
            table=f"{R}/tables/parts/{{architecture}}/divergence.parquet",
        log:
            f"{R}/logs/follow_divergence/{{architecture}}.log",
        benchmark:
            f"{R}/benchmarks/follow_divergence/{{architecture}}.tsv"
        wildcard_constraints:
            architecture=one_of(STUDY.source_architectures),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=120,
            gpu=1,
        params:
            conditions=pooled,
            perturbed=perturbed,
            epochs=source_epochs,
            last=STUDY.last_epoch,
            geometries=lambda wildcards: keys_of_pool(wildcards, STUDY.analysed_epochs),
            weights=lambda wildcards: keys_of_pool(wildcards, STUDY.weight_epochs),
            layers=STUDY.config["sources"]["layers"],
            measures=list(STUDY.source_measures),
            network=network_of,
            categories=lambda wildcards: STUDY.condition(STUDY.pooled_conditions(wildcards.architecture)[0])[
                "categories"
            ],
            code=code_with_network("follow_divergence"),
        message:
            "Following the divergence of networks of {wildcards.architecture}"
        script:
            "../workflow_scripts/follow_divergence.py"
