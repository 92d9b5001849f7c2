# From a seed to trained weights.


# Here and not in `onstart`: jobs are planned before that. So `snakemake -n` does it too, and tells what a run would do.
forget_unfinished_cohorts()


rule initialise:
    input:
        card=f"{R}/dataset/card.json",
    output:
        weights=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/init.safetensors",
    log:
        f"{R}/logs/initialise/{{architecture}}/{{condition}}/seed{{seed}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        network=network_of,
        categories=trained_categories,
        root_seed=STUDY.config["seed"],
        seed=lambda wildcards: STUDY.stream_seeds(instance_of(wildcards))["init"],
        # Not of these weights, but of the training that begins from them. Of a job downstream of one that is to run Snakemake
        # looks at no params, and `train` takes the marker of its cohort as ancient: it hears of a change through this input.
        training=training_task,
        training_set=training_set_of,
        engine=code_of("train"),
        code=code_of("initialise"),
    message:
        "Drawing the initial weights of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/initialise.py"


# The layers of an All-CNN are known, and checked, before anything runs; those of another network only once it is built.
rule check_layers:
    input:
        card=f"{R}/dataset/card.json",
    output:
        marker=f"{R}/networks/{{architecture}}/.layers",
    log:
        f"{R}/logs/check_layers/{{architecture}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        network=analysed_network,
        confined=confined_layers,
        code=code_of("check_layers"),
    message:
        "Checking the layers of {wildcards.architecture}"
    script:
        "../workflow_scripts/check_layers.py"


# One job for a block of seeds. It fills stores outside the declared outputs, because Snakemake deletes the outputs of a job that
# fails, and a killed training is to be continued. The marker says only that the block has been worked through: `train` looks into
# the stores itself, and takes the marker as ancient, so that a block that grew by new seeds leaves the old ones alone.
rule train_cohort:
    input:
        initial=of_block("networks/{instance}/init.safetensors"),
        images=inputs_of("train"),
        labels=f"{R}/dataset/train_labels.npy",
        card=f"{R}/dataset/card.json",
        preprocessing=f"{R}/dataset/preprocessing.safetensors",
        # Only so that stimuli and layers which cannot be had are told before the training, not after it.
        stimuli=ancient(f"{R}/stimuli/stimuli.parquet"),
        layers=layers_checked,
    output:
        marker=f"{R}/networks/{{architecture}}/{{condition}}/.cohort{{block}}",
    log:
        f"{R}/logs/train_cohort/{{architecture}}/{{condition}}/block{{block}}.log",
    benchmark:
        f"{R}/benchmarks/train_cohort/{{architecture}}/{{condition}}/block{{block}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=2880,
        gpu=1,
        # Here and not in params, because they change no weight: Snakemake reruns a job whose params changed.
        checkpoint_minutes=STUDY.config["training"]["checkpoint_minutes"],
        cohort_size=STUDY.config["training"]["cohort_size"],
        cuda_graphs=int(STUDY.config["training"]["cuda_graphs"]),
    params:
        tasks=lambda wildcards: [tasks.task_values(STUDY, instance) for instance in members_of(wildcards)],
        training_set=training_set_of,
        stores=f"{R}/.training",
        engine=code_of("train"),
    message:
        "Training {wildcards.architecture}, {wildcards.condition}, block {wildcards.block} of seeds (progress in {log})"
    script:
        "../workflow_scripts/train_cohort.py"


rule train:
    input:
        initial=rules.initialise.output.weights,
        images=rules.train_cohort.input.images,
        labels=rules.train_cohort.input.labels,
        card=rules.train_cohort.input.card,
        preprocessing=rules.train_cohort.input.preprocessing,
        cohort=cohort_marker,
    output:
        weights=expand(
            f"{R}/networks/{{{{architecture}}}}/{{{{condition}}}}/seed{{{{seed}}}}/epoch{{epoch}}.safetensors",
            epoch=STUDY.checkpoints,
        ),
        history=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/history.parquet",
        attempts=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/attempts.parquet",
    log:
        f"{R}/logs/train/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/train/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=720,
        checkpoint_minutes=STUDY.config["training"]["checkpoint_minutes"],
        cuda_graphs=int(STUDY.config["training"]["cuda_graphs"]),
    params:
        task=training_task,
        training_set=training_set_of,
        instance=identity_of,
        stores=f"{R}/.training",
        code=code_of("train"),
    message:
        "Publishing the weights of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train.py"
