# Kernels against performance: similarity of kernels, predictions for distorted images, agreement of errors.


rule compare_kernels:
    input:
        trained=kernel_weights("trained"),
        epoch=kernel_weights("epoch"),
        finetuned=kernel_weights("finetuned"),
        initial=initial_weights,
        attempts=group_parts("attempts"),
        card=f"{R}/dataset/card.json",
        schema=schema_path("kernels"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/kernels.parquet",
    log:
        f"{R}/logs/compare_kernels/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/compare_kernels/{{architecture}}/{{condition}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.kernel_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        kinds=KINDS_WITH_FILES,
        variants=variants_by_seed(STUDY.variants),
        kernels=cfg("kernels.layers", "kernels.restarts", "kernels.null_draws", "kernels.seed")["kernels"],
        is_chain=lambda wildcards: STUDY.is_chain(wildcards.architecture),
        network=network_of,
        categories=trained_categories,
        draws=draws_of_exported,
        code=code_with_network("compare_kernels"),
    message:
        "Comparing the kernels of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/compare_kernels.py"


# One job for a block of seeds, because all networks see the same distorted images. Outputs cannot depend on wildcards, so
# groups with other seeds or variants have a rule of their own.
for number, ((block, names_by_seed), members) in enumerate(blocks_to_test().items(), start=1):
    seeds = [seed for seed, _ in names_by_seed]

    rule:
        name:
            "predict" if number == 1 else f"predict_{number}"
        input:
            trained=tested_weights("trained", seeds),
            epoch=tested_weights("epoch", seeds),
            finetuned=tested_weights("finetuned", seeds),
            images=f"{R}/dataset/test_images.npy",
            labels=f"{R}/dataset/test_labels.npy",
            index=f"{R}/dataset/index.parquet",
            card=f"{R}/dataset/card.json",
            preprocessing=f"{R}/dataset/preprocessing.safetensors",
        output:
            [
                f"{R}/predictions/{{architecture}}/{{condition}}/seed{seed}/{name}.npz"
                for seed, names in names_by_seed
                for name in names
            ],
        log:
            f"{R}/logs/predict/{{architecture}}/{{condition}}/block{block}.log",
        benchmark:
            f"{R}/benchmarks/predict/{{architecture}}/{{condition}}/block{block}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(members),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=720,
            gpu=1,
        params:
            kinds=KINDS_WITH_FILES,
            variants=tested_by_seed(seeds),
            strengths={name: list(values) for name, values in STUDY.distortions.items()},
            distortions=cfg("distortions.n_images", "distortions.lossless", "distortions.seed")["distortions"],
            is_chain=lambda wildcards: STUDY.is_chain(wildcards.architecture),
            root_seed=STUDY.config["kernels"]["seed"],
            network=analysed_network,
            categories=trained_categories,
            code=code_with_network("predict"),
        message:
            f"Testing {{wildcards.architecture}}, {{wildcards.condition}}, block {block} of seeds, on distorted images"
        script:
            "../workflow_scripts/predict.py"


# One job for a block of seeds, because all its networks see the same distorted images.
for number, ((block, seeds), members) in enumerate(blocks_to_tune().items(), start=1):

    rule:
        name:
            "finetune" if number == 1 else f"finetune_{number}"
        input:
            parents=of_seeds("networks/{instance}/epoch{epoch}.safetensors", seeds, [STUDY.last_epoch]),
            images=f"{R}/dataset/train_images.npy",
            labels=f"{R}/dataset/train_labels.npy",
            preprocessing=f"{R}/dataset/preprocessing.safetensors",
            schema=schema_path("finetune_history"),
        output:
            # Left in place, so that only new trainings run if a block gets more of them. The script tells by their keys.
            weights=[
                update(f"{R}/variants/{{architecture}}/{{condition}}/seed{seed}/finetuned_{name}_{rate:g}.safetensors")
                for seed in seeds
                for name, rate in STUDY.tuning
            ],
            history=f"{R}/tables/parts/{{architecture}}/{{condition}}/finetune_history{block}.parquet",
        log:
            f"{R}/logs/finetune/{{architecture}}/{{condition}}/block{block}.log",
        benchmark:
            f"{R}/benchmarks/finetune/{{architecture}}/{{condition}}/block{block}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(members),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=1440,
            gpu=1,
            checkpoint_minutes=STUDY.config["training"]["checkpoint_minutes"],
            cuda_graphs=int(STUDY.config["training"]["cuda_graphs"]),
        params:
            seeds=list(seeds),
            outputs=[[seed, name, rate] for seed in seeds for name, rate in STUDY.tuning],
            tasks=tuning_tasks(seeds),
            training_set=training_set_of,
            n_images=STUDY.config["finetune"]["images"],
            strengths={name: list(STUDY.distortions.get(name, ())) for name, _ in STUDY.tuning},
            seed=STUDY.config["distortions"]["seed"],
            stores=f"{R}/.finetuning",
            code=code_with_network("finetune"),
        message:
            f"Training {{wildcards.architecture}}, {{wildcards.condition}}, block {block} of seeds, on distorted images"
        script:
            "../workflow_scripts/finetune.py"


ERROR_TABLES = ["error_agreement", *DISTORTION_TABLES]


rule compare_errors:
    input:
        predictions=predictions_of_group,
        attempts=group_parts("attempts"),
        kernels=of_kernels(f"{R}/tables/parts/{{architecture}}/{{condition}}/kernels.parquet"),
        consistency=of_kernels(f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency.parquet"),
        schemas=[schema_path(table) for table in ERROR_TABLES],
    output:
        **{table: f"{R}/tables/parts/{{architecture}}/{{condition}}/{table}.parquet" for table in ERROR_TABLES},
    log:
        f"{R}/logs/compare_errors/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/compare_errors/{{architecture}}/{{condition}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.distortion_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        variants=variants_by_seed(STUDY.tested_variants),
        tables=ERROR_TABLES,
        resampling=cfg("resampling.seed", "resampling.n")["resampling"],
        thresholds=STUDY.config["paradox"],
        code=code_of("compare_errors"),
    message:
        "Comparing the errors of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/compare_errors.py"


# Other studies train no network further; there, the target `merge` says so.
if STUDY.tuned_groups:

    rule merge_kernels:
        input:
            trained=kernel_weights("trained"),
            epoch=kernel_weights("epoch"),
            finetuned=kernel_weights("finetuned"),
            attempts=group_parts("attempts"),
            images=f"{R}/dataset/test_images.npy",
            labels=f"{R}/dataset/test_labels.npy",
            index=f"{R}/dataset/index.parquet",
            card=f"{R}/dataset/card.json",
            preprocessing=f"{R}/dataset/preprocessing.safetensors",
            schema=schema_path("merged"),
        output:
            table=f"{R}/tables/parts/{{architecture}}/{{condition}}/merged.parquet",
        log:
            f"{R}/logs/merge_kernels/{{architecture}}/{{condition}}.log",
        benchmark:
            f"{R}/benchmarks/merge_kernels/{{architecture}}/{{condition}}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(STUDY.tuned_groups),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=720,
            gpu=1,
        params:
            seeds=group_seeds,
            kinds=KINDS_WITH_FILES,
            variants=variants_by_seed(STUDY.variants),
            strengths={name: list(STUDY.distortions[name]) for name, _ in STUDY.tuning if name != "none"},
            distortions=cfg("distortions.n_images", "distortions.lossless", "distortions.seed")["distortions"],
            merge=STUDY.config["merge"],
            is_chain=lambda wildcards: STUDY.is_chain(wildcards.architecture),
            root_seed=STUDY.config["kernels"]["seed"],
            network=analysed_network,
            categories=trained_categories,
            code=code_with_network("merge_kernels"),
        message:
            "Testing networks between those of {wildcards.architecture}, {wildcards.condition}, and the tuned ones"
        script:
            "../workflow_scripts/merge_kernels.py"


if STUDY.transfer_root is not None:

    rule pack_target:
        input:
            preprocessing=f"{R}/dataset/preprocessing.safetensors",
        output:
            **TARGET_FILES,
        log:
            f"{R}/logs/pack_target.log",
        benchmark:
            f"{R}/benchmarks/pack_target.tsv"
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=720,
        params:
            target=STUDY.config["transfer"]["target"],
            scaling=cfg("data.resize", "data.interpolation")["data"],
            code=code_of("pack_target"),
        message:
            "Packing the images of {params.target[root]}"
        script:
            "../workflow_scripts/pack_target.py"


# Other studies have no such tables; there, the target `transfer` says so.
if STUDY.transfer_groups:

    rule transfer_networks:
        input:
            **images_to_learn(),
            sources=weights_of_group,
            preprocessing=f"{R}/dataset/preprocessing.safetensors",
            attempts=group_parts("attempts"),
        output:
            # Left in place, so that only new trainings run if there are more seeds or modes.
            predictions=update(f"{R}/predictions/{{architecture}}/{{condition}}/transfer.npz"),
        log:
            f"{R}/logs/transfer_networks/{{architecture}}/{{condition}}.log",
        benchmark:
            f"{R}/benchmarks/transfer_networks/{{architecture}}/{{condition}}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(STUDY.transfer_groups),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=1440,
            gpu=1,
            checkpoint_minutes=STUDY.config["training"]["checkpoint_minutes"],
            cuda_graphs=int(STUDY.config["training"]["cuda_graphs"]),
        params:
            seeds=group_seeds,
            tasks=transfer_tasks,
            modes=STUDY.config["transfer"]["modes"],
            training_set=tasks.transfer_set(STUDY),
            stores=f"{R}/.transfer",
            code=code_with_network("transfer_networks"),
        message:
            "Training {wildcards.architecture}, {wildcards.condition}, on other images"
        script:
            "../workflow_scripts/transfer_networks.py"

    rule compare_transfers:
        input:
            predictions=rules.transfer_networks.output.predictions,
            kernels=kernels_of_sources,
            consistency=f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency.parquet",
            schemas=[schema_path(table) for table in TRANSFER_TABLES],
        output:
            **{table: f"{R}/tables/parts/{{architecture}}/{{condition}}/{table}.parquet" for table in TRANSFER_TABLES},
        log:
            f"{R}/logs/compare_transfers/{{architecture}}/{{condition}}.log",
        wildcard_constraints:
            architecture=one_of_groups(STUDY.transfer_groups),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
        params:
            tables=TRANSFER_TABLES,
            target=lambda wildcards: STUDY.transfer_target,
            seed=STUDY.config["resampling"]["seed"],
            code=code_of("compare_transfers"),
        message:
            "Comparing the transfer of {wildcards.architecture}, {wildcards.condition}"
        script:
            "../workflow_scripts/compare_transfers.py"
