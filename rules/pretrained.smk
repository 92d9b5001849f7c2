# Networks exported by another study (export.smk), in place of training.


rule check_export:
    input:
        about=exported("data.json"),
        recorded=exported("stimuli.parquet"),
        card=f"{R}/dataset/card.json",
        train_images=f"{R}/dataset/train_images.npy",
        train_labels=f"{R}/dataset/train_labels.npy",
        stimuli=f"{R}/stimuli/stimuli.parquet",
        images=f"{R}/stimuli/images.npy",
    output:
        marker=touch(f"{R}/dataset/.as_exported"),
    log:
        f"{R}/logs/check_export.log",
    # All exports are checked before anything is computed.
    priority: 10
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        followed=bool(STUDY.followed_groups),
        cards=exported_images(),
        code=code_of("check_export"),
    message:
        "Comparing the images with those of the exported networks"
    script:
        "../workflow_scripts/check_export.py"


rule import_pretrained:
    input:
        about=exported_file("card.json"),
        weights=exported_file("weights.safetensors"),
        history=exported_file("history.parquet"),
        attempts=exported_file("attempts.parquet"),
        history_schema=schema_path("history"),
        attempts_schema=schema_path("attempts"),
        card=f"{R}/dataset/card.json",
        checked=rules.check_export.output.marker,
    output:
        weights=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/epoch{STUDY.last_epoch}.safetensors",
        history=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/history.parquet",
        attempts=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/attempts.parquet",
    log:
        f"{R}/logs/import_pretrained/{{architecture}}/{{condition}}/seed{{seed}}.log",
    priority: 10
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        instance=identity_of,
        network=network_of,
        categories=trained_categories,
        files=exported_digests("weights.safetensors", "history.parquet", "attempts.parquet"),
        code=code_with_network("import_pretrained"),
    message:
        "Importing the weights of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/import_pretrained.py"


# Accuracies of all checkpoints, evaluated before the weights were rounded.
rule import_accuracies:
    input:
        parts=lambda wildcards: [f"{STUDY.exported[instance]}/accuracy.parquet" for instance in members_of(wildcards)],
        schema=schema_path("accuracy"),
    output:
        accuracy=f"{R}/tables/parts/{{architecture}}/{{condition}}/accuracy{{block}}.parquet",
    log:
        f"{R}/logs/import_accuracies/{{architecture}}/{{condition}}/block{{block}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        instances=identities_of_block,
        epochs=STUDY.checkpoints,
        files=lambda wildcards: [digests(instance, ["accuracy.parquet"]) for instance in members_of(wildcards)],
        code=code_of("import_accuracies"),
    message:
        "Importing the accuracies of {wildcards.architecture}, {wildcards.condition}, block {wildcards.block} of seeds"
    script:
        "../workflow_scripts/import_accuracies.py"


# An export has weights of the last epoch only. Of earlier epochs it has recorded activations.
rule restore_activations:
    input:
        weights=weights_at([STUDY.last_epoch]),
        recorded=exported_file("activations.npz"),
        recorded_stimuli=exported("stimuli.parquet"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        inputs=f"{R}/stimuli/inputs.npy",
        card=f"{R}/dataset/card.json",
    output:
        folder=kept_or_temporary(directory(f"{R}/activations/{{architecture}}/{{condition}}/seed{{seed}}")),
    log:
        f"{R}/logs/restore_activations/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/restore_activations/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
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
        epochs=epochs_of,
        files=exported_digests("activations.npz"),
        code=code_with_network("restore_activations"),
    message:
        "Recording and restoring the activations of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/restore_activations.py"
