# Agreement of networks across epochs and between conditions, from Gram matrices.


rule compare_epochs:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz"),
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schema=schema_path("consistency_across"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency_across.parquet",
    log:
        f"{R}/logs/compare_epochs/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/compare_epochs/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(6, at_least=3000, by_layer=True),
        runtime=60,
    params:
        seeds=group_seeds,
        epochs=epochs_of,
        layers=followed_layers,
        measures=measures_for("trajectory"),
        code=code_of("compare_epochs"),
    message:
        "Comparing the epochs of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/compare_epochs.py"


PAIR = f"{R}/tables/parts/{{architecture}}/pairs/{{condition_a}}/{{condition_b}}"


rule compare_conditions:
    input:
        geometries_a=at_common_epochs("condition_a"),
        geometries_b=at_common_epochs("condition_b"),
        attempts_a=group_parts("attempts", "condition_a"),
        attempts_b=group_parts("attempts", "condition_b"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schema=schema_path("consistency_across"),
    output:
        table=f"{PAIR}/consistency_across.parquet",
    log:
        f"{R}/logs/compare_conditions/{{architecture}}/{{condition_a}}/{{condition_b}}.log",
    benchmark:
        f"{R}/benchmarks/compare_conditions/{{architecture}}/{{condition_a}}/{{condition_b}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(6, at_least=2000, by_layer=True),
        runtime=60,
    params:
        seeds_a=seeds_of("condition_a"),
        seeds_b=seeds_of("condition_b"),
        draws_a=draws_of("condition_a"),
        draws_b=draws_of("condition_b"),
        differ_in_draws_alone=differ_in_draws_alone,
        epochs=common_epochs,
        measures=STUDY.measures,
        code=code_of("compare_conditions"),
    message:
        "Comparing the networks of {wildcards.architecture}, {wildcards.condition_a} and {wildcards.condition_b}"
    script:
        "../workflow_scripts/compare_conditions.py"


rule summarise_conditions:
    input:
        across=f"{PAIR}/consistency_across.parquet",
        consistency_a=f"{R}/tables/parts/{{architecture}}/{{condition_a}}/consistency.parquet",
        consistency_b=f"{R}/tables/parts/{{architecture}}/{{condition_b}}/consistency.parquet",
        attempts_a=group_parts("attempts", "condition_a"),
        attempts_b=group_parts("attempts", "condition_b"),
        summary_schema=schema_path("consistency_across_summary"),
        contrasts_schema=schema_path("contrasts"),
    output:
        summary=f"{PAIR}/consistency_across_summary.parquet",
        contrasts=f"{PAIR}/contrasts.parquet",
    log:
        f"{R}/logs/summarise_conditions/{{architecture}}/{{condition_a}}/{{condition_b}}.log",
    benchmark:
        f"{R}/benchmarks/summarise_conditions/{{architecture}}/{{condition_a}}/{{condition_b}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        seeds_a=seeds_of("condition_a"),
        seeds_b=seeds_of("condition_b"),
        draws_a=draws_of("condition_a"),
        draws_b=draws_of("condition_b"),
        differ_in_draws_alone=differ_in_draws_alone,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        code=code_of("summarise_conditions"),
    message:
        "Summarising {wildcards.architecture}, {wildcards.condition_a} and {wildcards.condition_b}"
    script:
        "../workflow_scripts/summarise_conditions.py"


WITHOUT_DROPOUT = STUDY.conditions[0]["name"]


rule contrast_dropout:
    input:
        consistency=f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency.parquet",
        subtracted=f"{R}/tables/parts/{{architecture}}/{WITHOUT_DROPOUT}/consistency.parquet",
        attempts=group_parts("attempts"),
        attempts_subtracted=lambda wildcards: parts_of_group("attempts", wildcards.architecture, WITHOUT_DROPOUT),
        history=group_parts("history"),
        history_subtracted=lambda wildcards: parts_of_group("history", wildcards.architecture, WITHOUT_DROPOUT),
        schema=schema_path("contrasts"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/dropout_contrasts.parquet",
    log:
        f"{R}/logs/contrast_dropout/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/contrast_dropout/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        subtracted=WITHOUT_DROPOUT,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        code=code_of("contrast_dropout"),
    message:
        "Contrasting {wildcards.architecture}, {wildcards.condition}, with training without dropout"
    script:
        "../workflow_scripts/contrast_dropout.py"
