# Tables: gathered from parts, or made from the instance table and from Gram matrices.


rule gather_table:
    input:
        parts=lambda wildcards: parts_of(wildcards.table, STUDY.groups),
        schema=lambda wildcards: schema_path(wildcards.table),
    output:
        parquet=f"{R}/tables/{{table}}.parquet",
        csv=f"{R}/tables/{{table}}.csv",
    log:
        f"{R}/logs/gather_table/{{table}}.log",
    wildcard_constraints:
        table=one_of(PARTED_TABLES),
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("gather_table"),
    message:
        "Gathering the table {wildcards.table}"
    script:
        "../workflow_scripts/gather_table.py"


rule list_instances:
    input:
        attempts=group_parts("attempts"),
        # Signs of networks that were never trained, or are equal.
        weights=of_imported(weights_of_group),
        accuracies=of_imported(group_parts("accuracy")),
        consistency=of_elsewhere(f"{R}/tables/parts/{{architecture}}/{{condition}}/consistency.parquet"),
        card=of_imported(f"{R}/dataset/card.json"),
        schema=schema_path("instances"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/instances.parquet",
    log:
        f"{R}/logs/list_instances/{{architecture}}/{{condition}}.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        instances=instance_rows,
        categories=trained_categories,
        epoch=STUDY.last_epoch,
        code=code_of("list_instances"),
    message:
        "Listing the instances of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/list_instances.py"


rule describe_layers:
    input:
        geometries=per_instance("geometry/{instance}/epoch{epoch}.npz"),
        schema=schema_path("layers"),
    output:
        parquet=f"{R}/tables/layers.parquet",
        csv=f"{R}/tables/layers.csv",
    log:
        f"{R}/logs/describe_layers.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        instances=[(*instance, epoch) for instance in STUDY.instances for epoch in STUDY.epochs_of(*instance[:2])],
        code=code_of("describe_layers"),
    message:
        "Counting silent units and stimuli of each layer"
    script:
        "../workflow_scripts/describe_layers.py"


CLAIMED_FROM = ["accuracy", "consistency", "consistency_across", "clustering", "contrasts"]


# Other studies lack the networks of the claims; there, the target `claims` says so.
if CLAIM_TABLES:

    rule judge_claims:
        input:
            **{table: parts_of(table, [catalogue.CLAIMED_GROUP]) for table in CLAIMED_FROM},
            attempts=parts_of("attempts", [catalogue.CLAIMED_GROUP]),
            claims=CLAIMS,
            schema=schema_path("claims"),
            schemas=[schema_path(table) for table in CLAIMED_FROM],
        output:
            parquet=f"{R}/tables/claims.parquet",
            csv=f"{R}/tables/claims.csv",
        log:
            f"{R}/logs/judge_claims.log",
        localrule: True
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            tables=CLAIMED_FROM,
            seeds=list(STUDY.seeds(*catalogue.CLAIMED_GROUP)),
            epochs=protocol.claimed_epochs(STUDY),
            group=dict(zip(["architecture", "condition"], catalogue.CLAIMED_GROUP, strict=True)),
            code=code_of("judge_claims"),
        message:
            "Judging the declared claims"
        script:
            "../workflow_scripts/judge_claims.py"


COMPARED_TABLES = ["instances", "accuracy_summary", "consistency_summary", "relations"]


rule compare_with_paper:
    input:
        **{table: f"{R}/tables/{table}.parquet" for table in COMPARED_TABLES},
        published=PUBLISHED,
        schema=schema_path("comparison"),
    output:
        parquet=f"{R}/tables/comparison.parquet",
        csv=f"{R}/tables/comparison.csv",
    log:
        f"{R}/logs/compare_with_paper.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        tables=COMPARED_TABLES,
        study=STUDY.name,
        departures=protocol.departures(STUDY),
        code=code_of("compare_with_paper"),
    message:
        "Comparing with the published values"
    script:
        "../workflow_scripts/compare_with_paper.py"
