# Accuracies of networks.


# One job for a block of seeds: for each seed alone, images and torch would take longer to load than a network to evaluate.
rule evaluate:
    input:
        weights=of_block("networks/{instance}/epoch{epoch}.safetensors", STUDY.weight_epochs),
        train_inputs=inputs_of("train"),
        train_labels=f"{R}/dataset/train_labels.npy",
        test_inputs=inputs_of("test"),
        test_labels=f"{R}/dataset/test_labels.npy",
        test_images=f"{R}/dataset/test_images.npy",
        index=f"{R}/dataset/index.parquet",
        preprocessing=f"{R}/dataset/preprocessing.safetensors",
        card=f"{R}/dataset/card.json",
    output:
        accuracy=f"{R}/tables/parts/{{architecture}}/{{condition}}/accuracy{{block}}.parquet",
    log:
        f"{R}/logs/evaluate/{{architecture}}/{{condition}}/block{{block}}.log",
    benchmark:
        f"{R}/benchmarks/evaluate/{{architecture}}/{{condition}}/block{{block}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=1,
    params:
        network=network_of,
        epochs=STUDY.weight_epochs,
        instances=identities_of_block,
        training_set=evaluated_set,
        dropout=dropout_of,
        code=code_with_network("evaluate"),
    message:
        "Evaluating {wildcards.architecture}, {wildcards.condition}, block {wildcards.block} of seeds"
    script:
        "../workflow_scripts/evaluate.py"
