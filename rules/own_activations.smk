# The user's activations, in place of data, training and recording.


rule import_stimuli:
    input:
        table=f"{STUDY.config['activations_dir']}/stimuli.csv",
    output:
        stimuli=f"{R}/stimuli/stimuli.parquet",
    log:
        f"{R}/logs/import_stimuli.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        # Not in params, because more networks change no stimulus.
        n_networks=largest_group(),
    params:
        code=code_of("import_stimuli"),
    message:
        "Reading the labels of the stimuli"
    script:
        "../workflow_scripts/import_stimuli.py"


rule check_activations:
    input:
        stimuli=rules.import_stimuli.output.stimuli,
        arrays=own_arrays,
    output:
        folder=kept_or_temporary(directory(f"{R}/activations/{{architecture}}/{{condition}}/seed{{seed}}")),
    log:
        f"{R}/logs/check_activations/{{architecture}}/{{condition}}/seed{{seed}}.log",
    benchmark:
        f"{R}/benchmarks/check_activations/{{architecture}}/{{condition}}/seed{{seed}}.tsv"
    # All arrays are checked before anything is computed.
    priority: 10
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        arrays=own_arrays_by_epoch,
        code=code_of("check_activations"),
    message:
        "Checking the activations of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/check_activations.py"
