# RDMs as files of rsatoolbox, one for each group and kept measure, raw and after the cocktail blank.


rule export_rsatoolbox:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz"),
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
    output:
        rsatoolbox_files("{architecture}", "{condition}"),
    log:
        f"{R}/logs/export_rsatoolbox/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/export_rsatoolbox/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        seeds=group_seeds,
        epochs=epochs_of,
        measures=STUDY.config["rdms"]["keep"],
        descriptors={"study": STUDY.name},
        code=code_of("export_rsatoolbox"),
    message:
        "Writing the RDMs of {wildcards.architecture}, {wildcards.condition} for rsatoolbox"
    script:
        "../workflow_scripts/export_rsatoolbox.py"


rule rsatoolbox:
    input:
        [path for group in STUDY.groups for path in rsatoolbox_files(*group)],
