# Agreement of networks before training.


UNTRAINED = {}
for group in STUDY.untrained_groups:
    UNTRAINED.setdefault(STUDY.seeds(*group), []).append(group)


# One job for a group: for each network alone, torch would take longer to load than a small network to measure. Outputs
# cannot depend on wildcards, so groups with other seeds have a rule of their own.
for number, (seeds, members) in enumerate(UNTRAINED.items(), start=1):

    rule:
        name:
            "measure_untrained" if number == 1 else f"measure_untrained_{number}"
        input:
            weights=initial_weights,
            attempts=group_parts("attempts"),
            stimuli=f"{R}/stimuli/inputs.npy",
            card=f"{R}/dataset/card.json",
        output:
            expand(f"{R}/geometry/{{{{architecture}}}}/{{{{condition}}}}/seed{{seed}}/{UNTRAINED_FILE}", seed=seeds),
        log:
            f"{R}/logs/measure_untrained/{{architecture}}/{{condition}}.log",
        benchmark:
            f"{R}/benchmarks/measure_untrained/{{architecture}}/{{condition}}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(members),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
            gpu=1,
        params:
            seeds=group_seeds,
            network=analysed_network,
            categories=trained_categories,
            draws=initial_draws,
            code=code_with_network("measure_untrained"),
        message:
            "Measuring the geometry of {wildcards.architecture}, {wildcards.condition}, before training"
        script:
            "../workflow_scripts/measure_untrained.py"


rule compare_untrained:
    input:
        geometries=untrained_geometries,
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schemas=[schema_path(table) for table in UNTRAINED_TABLES],
    output:
        **{
            table: f"{R}/tables/parts/{{architecture}}/{{condition}}/untrained_{table}.parquet"
            for table in UNTRAINED_TABLES
        },
    log:
        f"{R}/logs/compare_untrained/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/compare_untrained/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        seeds=group_seeds,
        compared=layers_at_epoch_0,
        measures=list(STUDY.untrained_measures),
        tables=UNTRAINED_TABLES,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        code=code_of("compare_untrained"),
    message:
        "Comparing the instances of {wildcards.architecture}, {wildcards.condition}, before training"
    script:
        "../workflow_scripts/compare_untrained.py"
