# One page of a study to look at in a browser: its numbers, and the networks behind them.


rule explore_group:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        predictions=explored_predictions,
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
    output:
        arrays=f"{R}/explorer/{{architecture}}/{{condition}}.npz",
    log:
        f"{R}/logs/explore_group/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/explore_group/{{architecture}}/{{condition}}.tsv"
    wildcard_constraints:
        architecture=one_of(architecture for architecture, _ in STUDY.explored_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(2.4, at_least=3000),
        runtime=120,
    params:
        seeds=group_seeds,
        measure=catalogue.main_measure(STUDY.measures),
        shown={key: STUDY.config["explorer"][key] for key in ("layers", "instances", "stimuli")},
        code=code_of("explore_group"),
    message:
        "Mapping the stimuli of {wildcards.architecture}, {wildcards.condition}, for the explorer"
    script:
        "../workflow_scripts/explore_group.py"


rule build_explorer:
    input:
        parts=[f"{R}/explorer/{architecture}/{condition}.npz" for architecture, condition in STUDY.explored_groups],
        tables=expand(f"{R}/tables/{{table}}.parquet", table=explored_tables()),
        linked=expand(f"{R}/tables/{{table}}.csv", table=explored_tables()),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        images=[] if STUDY.mode == OWN_ACTIVATIONS else f"{R}/stimuli/images.npy",
        assets=explorer_assets(),
    output:
        page=f"{R}/explorer.html",
    log:
        f"{R}/logs/build_explorer.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        study=STUDY.name,
        labels=STUDY.labels,
        measure=catalogue.main_measure(STUDY.measures),
        groups=list(map(list, STUDY.explored_groups)),
        tables=explored_tables(),
        code=code_of("build_explorer"),
    message:
        "Writing the explorer"
    script:
        "../workflow_scripts/build_explorer.py"


rule explorer:
    input:
        f"{R}/explorer.html",
