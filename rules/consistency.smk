# From Gram matrices to how far instances agree, with intervals.


rule resample_stimuli:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
    output:
        resamples=f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_resamples.npz",
    params:
        instances=group_rows,
        epoch=STUDY.last_epoch,
        measures=measures_for("stimuli_for"),
        resampling=cfg("resampling.seed", "resampling.stimuli_n")["resampling"],
        code=code_of("resample_stimuli"),
    log:
        f"{R}/logs/resample_stimuli/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/resample_stimuli/{{architecture}}/{{condition}}.tsv"
    message:
        "Resampling stimuli for {wildcards.architecture}, {wildcards.condition}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    conda:
        "../envs/manyseeds.yaml"
    script:
        "../workflow_scripts/resample_stimuli.py"


SUMMARIES = ["consistency_summary", "accuracy_summary", "clustering_summary", "contrasts", "relations"]


rule summarise:
    input:
        consistency=f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency.parquet",
        clustering=f"{R}/tables/parts/{{architecture}}/{{condition}}/clustering.parquet",
        random_grouping=f"{R}/tables/parts/{{architecture}}/{{condition}}/random_grouping.parquet",
        random_grouping_bands=f"{R}/tables/parts/{{architecture}}/{{condition}}/random_grouping_bands.parquet",
        resamples=rules.resample_stimuli.output.resamples if measures_for("stimuli_for") else [],
        accuracies=group_parts("accuracy"),
        attempts=group_parts("attempts"),
        schemas=[schema_path(table) for table in SUMMARIES],
    output:
        expand(f"{R}/tables/parts/{{{{architecture}}}}/{{{{condition}}}}/{{table}}.parquet", table=SUMMARIES),
    params:
        instances=group_rows,
        tables=SUMMARIES,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        code=code_of("summarise"),
    log:
        f"{R}/logs/summarise/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/summarise/{{architecture}}/{{condition}}.tsv"
    message:
        "Summarising {wildcards.architecture}, {wildcards.condition}"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        "../envs/manyseeds.yaml"
    script:
        "../workflow_scripts/summarise.py"
