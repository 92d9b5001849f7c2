# Geometries of the layers of networks, RDMs that are kept and, for dropout, geometries under masks that all instances share.


# One job for a block of seeds: for each network alone, torch would take longer to load than a small network to record.
# Outputs cannot depend on wildcards, so groups with other seeds, epochs or samples have a rule of their own.
for number, ((block, seeds, epochs, samples), members) in enumerate(blocks_to_record().items(), start=1):

    rule:
        name:
            "record" if number == 1 else f"record_{number}"
        input:
            weights=of_seeds("networks/{instance}/epoch{epoch}.safetensors", seeds, epochs or [STUDY.last_epoch]),
            attempts=parts_of_seeds("attempts", seeds),
            stimuli=f"{R}/stimuli/inputs.npy",
            card=f"{R}/dataset/card.json",
        output:
            geometries=of_each_seed(geometry_files(epochs), seeds),
            rdms=of_each_seed(kept_rdm_files(epochs), seeds),
            samples=of_each_seed(sample_files(samples), seeds),
            activations=directory(of_each_seed(kept_activations(epochs), seeds)),
        log:
            f"{R}/logs/record/{{architecture}}/{{condition}}/block{block}.log",
        benchmark:
            f"{R}/benchmarks/record/{{architecture}}/{{condition}}/block{block}.tsv"
        wildcard_constraints:
            architecture=one_of_groups(members),
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=240,
            gpu=1,
        params:
            seeds=list(seeds),
            epochs=list(epochs or [STUDY.last_epoch]),
            followed=STUDY.config["trajectory"]["layers"] if len(epochs) > 1 else [],
            network=analysed_network,
            categories=trained_categories,
            measures=STUDY.config["rdms"]["keep"],
            dropout=dropout_of if samples else None,
            dropout_layers=STUDY.config["dropout"]["layers"] if samples else [],
            code=code_with_network("record"),
        message:
            f"Recording {{wildcards.architecture}}, {{wildcards.condition}}, block {block} of seeds"
        script:
            "../workflow_scripts/record.py"
