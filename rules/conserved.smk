# What the instances of a group have in common.


rule predict_stimuli:
    input:
        weights=of_group("networks/{instance}/epoch{epoch}.safetensors", [STUDY.last_epoch]),
        stimuli=f"{R}/stimuli/inputs.npy",
        labels=f"{R}/stimuli/stimuli.parquet",
        card=f"{R}/dataset/card.json",
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_predictions.parquet",
    log:
        f"{R}/logs/predict_stimuli/{{architecture}}/{{condition}}.log",
    wildcard_constraints:
        architecture=one_of_groups([group for group in STUDY.conserved_groups if STUDY.classifies(group[0])]),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=1,
    params:
        seeds=group_seeds,
        network=network_of,
        categories=trained_categories,
        code=code_with_network("predict_stimuli"),
    message:
        "Predicting the stimuli by the networks of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/predict_stimuli.py"


rule find_conserved:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        predictions=stimulus_predictions,
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schemas=[schema_path(table) for table in CONSERVED_TABLES],
    output:
        **{table: f"{R}/tables/parts/{{architecture}}/{{condition}}/{table}.parquet" for table in CONSERVED_TABLES},
    log:
        f"{R}/logs/find_conserved/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/find_conserved/{{architecture}}/{{condition}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.conserved_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(12, at_least=3000, by_layer=True),
        runtime=120,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        measures=list(STUDY.conserved_measures),
        layers=STUDY.config["conserved"]["layers"],
        plan={key: STUDY.config["conserved"][key] for key in ("splits", "min_reliability", "dimensions", "seed")},
        tables=CONSERVED_TABLES,
        code=code_of("find_conserved"),
    message:
        "Finding what the instances of {wildcards.architecture}, {wildcards.condition}, have in common"
    script:
        "../workflow_scripts/find_conserved.py"
