# Agreement with RDMs of brains, of behaviour and of other models.


rule read_outside:
    input:
        files=outside_file,
        stimuli=(
            f"{STUDY.config['activations_dir']}/{STIMULI}"
            if STUDY.mode == OWN_ACTIVATIONS
            else f"{R}/stimuli/stimuli.parquet"
        ),
    output:
        matched=f"{R}/outside/{{outside}}.npz",
    log:
        f"{R}/logs/read_outside/{{outside}}.log",
    wildcard_constraints:
        outside=one_of(STUDY.outside_files),
    # All names are matched before anything is computed.
    priority: 10
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(6, at_least=1000),
        runtime=10,
    params:
        entry=lambda wildcards: STUDY.outside_files[wildcards.outside],
        column=STUDY.config["outside"]["column"],
        code=code_of("read_outside"),
    message:
        "Matching the stimuli of {wildcards.outside}"
    script:
        "../workflow_scripts/read_outside.py"


rule compare_outside:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        attempts=group_parts("attempts"),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        images=f"{R}/stimuli/images.npy" if "pixels" in STUDY.built_in else [],
        outside=expand(f"{R}/outside/{{outside}}.npz", outside=STUDY.outside_files),
        schemas=[schema_path(table) for table in OUTSIDE_TABLES],
    output:
        **{table: f"{R}/tables/parts/{{architecture}}/{{condition}}/{table}.parquet" for table in OUTSIDE_TABLES},
        compared=f"{R}/tables/parts/{{architecture}}/{{condition}}/outside.npz",
    log:
        f"{R}/logs/compare_outside/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/compare_outside/{{architecture}}/{{condition}}.tsv"
    wildcard_constraints:
        architecture=one_of_groups(STUDY.outside_groups),
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=holding(12, at_least=2000, by_layer=True),
        runtime=120,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        built_in=list(STUDY.built_in),
        plan={
            "measures": list(STUDY.outside_measures),
            "comparisons": STUDY.config["outside"]["comparisons"],
            "layers": STUDY.config["outside"]["layers"],
            "n_resamples": STUDY.config["outside"]["stimuli_n"],
            "seed": STUDY.config["resampling"]["seed"],
        },
        code=code_of("compare_outside"),
    message:
        "Comparing {wildcards.architecture}, {wildcards.condition}, with RDMs from outside"
    script:
        "../workflow_scripts/compare_outside.py"


rule conclude_outside:
    input:
        compared=per_group("tables/parts/{architecture}/{condition}/outside.npz", STUDY.outside_groups),
        schema=schema_path("outside_conclusions"),
    output:
        parquet=f"{R}/tables/outside_conclusions.parquet",
        csv=f"{R}/tables/outside_conclusions.csv",
    log:
        f"{R}/logs/conclude_outside.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        groups=list(map(list, STUDY.outside_groups)),
        code=code_of("conclude_outside"),
    message:
        "Asking whether single networks would have led to other conclusions"
    script:
        "../workflow_scripts/conclude_outside.py"
