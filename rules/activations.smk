# Activations of the layers of networks.


rule dump_activations:
    input:
        weights=weights_at(),
        stimuli=f"{R}/stimuli/inputs.npy",
        card=f"{R}/dataset/card.json",
    output:
        folder=kept_or_temporary(directory(f"{R}/activations/{{architecture}}/{{condition}}/seed{{seed}}")),
    log:
        f"{R}/logs/dump_activations/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/dump_activations/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.groups if STUDY.mode != PRETRAINED else STUDY.groups_not_followed),
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
        code=code_with_network("dump_activations"),
    message:
        "Recording the activations of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/dump_activations.py"
