# Activations of networks trained with dropout, under masks that all instances share.


rule sample_dropout:
    input:
        weights=weights_at([STUDY.last_epoch]),
        stimuli=f"{R}/stimuli/inputs.npy",
        card=f"{R}/dataset/card.json",
        attempts=instance_part("attempts"),
    output:
        expand(
            f"{R}/geometry/{{{{architecture}}}}/{{{{condition}}}}/seed{{{{seed}}}}/epoch{STUDY.last_epoch}_dropout{{sample}}.npz",
            sample=range(1, STUDY.config["dropout"]["samples"] + 1),
        ),
    log:
        f"{R}/logs/sample_dropout/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/sample_dropout/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    wildcard_constraints:
        condition=one_of(condition for _, condition in STUDY.dropout_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=1,
    params:
        network=analysed_network,
        categories=trained_categories,
        layers=STUDY.config["dropout"]["layers"],
        dropout=dropout_of,
        samples=dropout_samples,
        code=code_with_network("sample_dropout"),
    message:
        "Sampling dropout masks for {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/sample_dropout.py"
