# RDMs of simulated points under rotations. They need no networks, so every study can have them.


rule simulate_rotations:
    input:
        schemas=[schema_path(table) for table in ROTATION_TABLES],
    output:
        parquets=expand(f"{R}/tables/{{table}}.parquet", table=ROTATION_TABLES),
        csvs=expand(f"{R}/tables/{{table}}.csv", table=ROTATION_TABLES),
    log:
        f"{R}/logs/simulate_rotations.log",
    benchmark:
        f"{R}/benchmarks/simulate_rotations.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        rotations=cfg("rotations")["rotations"],
        code=code_of("simulate_rotations"),
    message:
        "Simulating rotations of the activation space"
    script:
        "../workflow_scripts/simulate_rotations.py"
