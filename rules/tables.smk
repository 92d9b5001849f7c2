rule gather_table:
    input:
        parts=table_parts,
    output:
        parquet=f"{R}/tables/{{table}}.parquet",
        csv=f"{R}/tables/{{table}}.csv",
    log:
        f"{R}/logs/gather_table/{{table}}.log",
    params:
        schema=lambda wildcards: schema_of(wildcards.table),
        code=code_of("gather_table"),
    wildcard_constraints:
        table=one_of([*INSTANCE_TABLES, *GROUP_TABLES]),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gather the table {wildcards.table} of study " + STUDY.name
    conda:
        "../envs/manyseeds.yaml"
    script:
        "../workflow_scripts/gather_table.py"
