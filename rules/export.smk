# Exports: folders of trained networks that other studies analyse without training (pretrained.smk).


rule export_study:
    input:
        card=f"{R}/dataset/card.json",
        train_images=f"{R}/dataset/train_images.npy",
        train_labels=f"{R}/dataset/train_labels.npy",
        stimuli=f"{R}/stimuli/stimuli.parquet",
        images=f"{R}/stimuli/images.npy",
    output:
        study=f"{R}/export/study.yaml",
        data=f"{R}/export/data.json",
        stimuli=f"{R}/export/stimuli.parquet",
    log:
        f"{R}/logs/export_study.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        config=STUDY.portable_config,
        code=code_of("export_study"),
    message:
        "Exporting the study's config, and the record of its images"
    script:
        "../workflow_scripts/export_study.py"


# Recorded again: the study may have removed its activations, or kept those of other layers too.
rule export_activations:
    input:
        weights=lambda wildcards: weights_at(exported_epochs(wildcards))(wildcards),
        stimuli=f"{R}/stimuli/inputs.npy",
        card=f"{R}/dataset/card.json",
    output:
        activations=f"{R}/export/{{architecture}}/{{condition}}/seed{{seed}}/activations.npz",
    log:
        f"{R}/logs/export_activations/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/export_activations/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.followed_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=1,
    params:
        **cfg("trajectory.layers"),
        network=analysed_network,
        categories=trained_categories,
        epochs=exported_epochs,
        code=code_with_network("export_activations"),
    message:
        "Recording activations of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed} to be exported"
    script:
        "../workflow_scripts/export_activations.py"


rule export_network:
    input:
        weights=weights_at([STUDY.last_epoch]),
        history=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/history.parquet",
        attempts=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/attempts.parquet",
        accuracy=instance_part("accuracy"),
        activations=recorded_activations,
        data=rules.export_study.output.data,
        stimuli=rules.export_study.output.stimuli,
    output:
        weights=f"{R}/export/{{architecture}}/{{condition}}/seed{{seed}}/weights.safetensors",
        history=f"{R}/export/{{architecture}}/{{condition}}/seed{{seed}}/history.parquet",
        attempts=f"{R}/export/{{architecture}}/{{condition}}/seed{{seed}}/attempts.parquet",
        accuracy=f"{R}/export/{{architecture}}/{{condition}}/seed{{seed}}/accuracy.parquet",
        card=f"{R}/export/{{architecture}}/{{condition}}/seed{{seed}}/card.json",
    log:
        f"{R}/logs/export_network/{{architecture}}/{{condition}}/seed{{seed}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        instance=identity_of,
        settings=lambda wildcards: exported_study.settings(STUDY, instance_of(wildcards)),
        code=code_of("export_network"),
    message:
        "Exporting {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/export_network.py"


rule describe_export:
    input:
        cards=per_instance("export/{instance}/card.json"),
    output:
        page=f"{R}/export/README.md",
    log:
        f"{R}/logs/describe_export.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=STUDY.name,
        instances=list(map(list, STUDY.instances)),
        code=code_of("describe_export"),
    message:
        "Describing the exported networks"
    script:
        "../workflow_scripts/describe_export.py"


rule export:
    input:
        rules.export_study.output,
        rules.describe_export.output,
