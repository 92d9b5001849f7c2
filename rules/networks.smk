# Training: from seeds to weights.


# Not in `onstart`, because Snakemake plans jobs before that. A dry run does this too, so that its plan is right.
forget_unfinished_cohorts()


# What the trainings of a group share. `train` takes its cohort's marker as ancient, and Snakemake compares no params of a
# job whose inputs are made again. So a changed setting reaches `train` from here. More seeds do not.
rule declare_training:
    input:
        card=f"{R}/dataset/card.json",
    output:
        settings=f"{R}/networks/{{architecture}}/{{condition}}/training.json",
    log:
        f"{R}/logs/declare_training/{{architecture}}/{{condition}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        training=training_settings,
        training_set=training_set_of,
        engine=code_with_network("train"),
        code=code_of("declare_training"),
    message:
        "Declaring the training of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/declare_training.py"


# Layers of an All-CNN are known and checked before anything runs. Other networks must be built first.
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
        starts=lambda wildcards: tasks.starts(STUDY, wildcards.architecture),
        code=code_with_network("check_layers"),
    message:
        "Checking the layers of {wildcards.architecture}"
    script:
        "../workflow_scripts/check_layers.py"


# A file of weights from elsewhere, with which one instance begins. A new one reaches both rules of the training from here:
# as an input of their own it would train the cohort again, and with it hide `train`, whose input it is as ancient.
rule declare_start:
    input:
        weights=starting_file_of,
    output:
        start=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/start.json",
    log:
        f"{R}/logs/declare_start/{{architecture}}/{{condition}}/seed{{seed}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("declare_start"),
    message:
        "Reading the starting weights of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/declare_start.py"


# One job for a block of seeds. It fills stores outside the declared outputs: Snakemake deletes the outputs of a failed job,
# and a killed training must continue. The markers say only that the job has ended. `train` looks into the stores itself. It
# takes its seed's marker as ancient, so a block that gained seeds does not train the others again. Each seed has a marker of
# its own, because Snakemake leaves out jobs whose ancient inputs are there and made again. Outputs cannot depend on
# wildcards, so groups with other seeds have a rule of their own.
for number, ((block, seeds), members) in enumerate(blocks_to_train().items(), start=1):

    rule:
        name:
            "train_cohort" if number == 1 else f"train_cohort_{number}"
        input:
            settings=rules.declare_training.output.settings,
            images=inputs_of("train"),
            labels=f"{R}/dataset/train_labels.npy",
            card=f"{R}/dataset/card.json",
            preprocessing=f"{R}/dataset/preprocessing.safetensors",
            # Inputs so that wrong stimuli and layers are reported before the training, not after it.
            stimuli=ancient(f"{R}/stimuli/stimuli.parquet"),
            layers=layers_checked,
            starts=starts_for(seeds),
        output:
            markers=[f"{R}/networks/{{architecture}}/{{condition}}/seed{seed}/.cohort" for seed in seeds],
        log:
            f"{R}/logs/train_cohort/{{architecture}}/{{condition}}/block{block}.log",
        benchmark:
            f"{R}/benchmarks/train_cohort/{{architecture}}/{{condition}}/block{block}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(members),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=2880,
            gpu=1,
            # Not in params, because these change no weight: Snakemake reruns a job if its params change.
            checkpoint_minutes=STUDY.config["training"]["checkpoint_minutes"],
            cohort_size=STUDY.config["training"]["cohort_size"],
            cuda_graphs=int(STUDY.config["training"]["cuda_graphs"]),
        params:
            tasks=tasks_of(seeds),
            training_set=training_set_of,
            stores=f"{R}/.training",
            engine=code_with_network("train"),
        message:
            f"Training {{wildcards.architecture}}, {{wildcards.condition}}, block {block} of seeds (progress in {{log}})"
        script:
            "../workflow_scripts/train_cohort.py"


rule train:
    input:
        settings=rules.declare_training.output.settings,
        images=inputs_of("train"),
        labels=f"{R}/dataset/train_labels.npy",
        card=f"{R}/dataset/card.json",
        preprocessing=f"{R}/dataset/preprocessing.safetensors",
        # Ancient: a block that grew trains no older seed again.
        cohort=ancient(f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/.cohort"),
        start=start_of,
    output:
        initial=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/init.safetensors",
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
        code=code_with_network("train"),
    message:
        "Publishing the weights of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train.py"
