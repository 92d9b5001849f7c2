# The pages of Snakemake's report that are not figures: a first page, and tables to sort and filter.


rule report_tables:
    input:
        tables=expand(f"{R}/tables/{{table}}.parquet", table=reported_tables()),
        schemas=[schema_path(table) for table in reported_tables()],
        assets=report_assets(),
    output:
        [
            report(
                f"{R}/report/{table}.html",
                caption=f"captions/{CAPTIONS_OF_TABLES.get(table, 'table')}.rst",
                category=report_contents.numbered("Tables"),
                labels={"table": table},
            )
            for table in reported_tables()
        ],
    log:
        f"{R}/logs/report_tables.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code_of("report_tables"),
    message:
        "Writing the tables of the report"
    script:
        "../workflow_scripts/report_tables.py"


rule report_overview:
    input:
        tables=expand(f"{R}/tables/{{table}}.parquet", table=overview_tables()),
        figure=first_figure(),
        stimuli=f"{R}/stimuli/stimuli.parquet",
        assets=report_assets(),
    output:
        report(
            f"{R}/report/overview.html",
            caption="captions/overview.rst",
            category=report_contents.numbered("Overview"),
            labels={"page": "main numbers, settings and origin"},
        ),
    log:
        f"{R}/logs/report_overview.log",
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        study=STUDY.name,
        labels=STUDY.labels,
        # Functions, because Snakemake would take words in braces for wildcards.
        settings=lambda wildcards: report_settings.shown(STUDY),
        notices=lambda wildcards: list(filter(None, [*notices(STUDY), catalogue.unshown_note(STUDY)])),
        tables=overview_tables(),
        code=code_of("report_overview"),
    message:
        "Writing the first page of the report"
    script:
        "../workflow_scripts/report_overview.py"
