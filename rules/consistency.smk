# Agreement of instances with intervals, from Gram matrices.


COMPARISONS = ["consistency", "random_grouping", "clustering"]


rule compare_instances:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz"),
        samples=dropout_geometries,
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        inputs=f"{R}/stimuli/inputs.npy" if STUDY.knows_training else [],
        card=f"{R}/dataset/card.json" if STUDY.knows_training else [],
        schemas=[schema_path(table) for table in COMPARISONS],
    output:
        **{
            table: f"{R}/tables/parts/{{architecture}}/{{condition}}/{table}.parquet"
            for table in [*COMPARISONS, "random_grouping_bands", "consistency_varied"]
        },
    log:
        f"{R}/logs/compare_instances/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/compare_instances/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(12, at_least=3000, by_layer=True),
        runtime=60,
    params:
        seeds=group_seeds,
        epochs=epochs_of,
        measures=STUDY.measures,
        partition_measures=measures_for("resampling", "partitions_for"),
        dropout_samples=dropout_samples,
        dropout_measures=dropout_measures,
        rejected=rejected_networks,
        tables=COMPARISONS,
        resampling=cfg("resampling.seed", "resampling.partitions")["resampling"],
        code=code_of("compare_instances"),
    message:
        "Comparing the instances of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/compare_instances.py"


rule resample_stimuli:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
    output:
        resamples=f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_resamples.npz",
    log:
        f"{R}/logs/resample_stimuli/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/resample_stimuli/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(12, at_least=2000, by_layer=True),
        runtime=60,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        measures=measures_for("resampling", "stimuli_for"),
        resampling=cfg("resampling.seed", "resampling.stimuli_n")["resampling"],
        code=code_of("resample_stimuli"),
    message:
        "Resampling stimuli for {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/resample_stimuli.py"


SUMMARIES = [
    "consistency_summary",
    "robustness",
    "howmany",
    "howmany_answer",
    "accuracy_summary",
    "clustering_summary",
    "contrasts",
    "relations",
]


rule summarise:
    input:
        consistency=f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency.parquet",
        clustering=f"{R}/tables/parts/{{architecture}}/{{condition}}/clustering.parquet",
        random_grouping=f"{R}/tables/parts/{{architecture}}/{{condition}}/random_grouping.parquet",
        random_grouping_bands=f"{R}/tables/parts/{{architecture}}/{{condition}}/random_grouping_bands.parquet",
        consistency_varied=f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency_varied.parquet",
        resamples=stimulus_resamples,
        accuracies=group_parts("accuracy"),
        attempts=group_parts("attempts"),
        schemas=[schema_path(table) for table in SUMMARIES],
    output:
        expand(f"{R}/tables/parts/{{{{architecture}}}}/{{{{condition}}}}/{{table}}.parquet", table=SUMMARIES),
    log:
        f"{R}/logs/summarise/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/summarise/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_summaries,
        runtime=30,
    params:
        seeds=group_seeds,
        tables=SUMMARIES,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        howmany=STUDY.config["howmany"],
        code=code_of("summarise"),
    message:
        "Summarising {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/summarise.py"
