# From RDMs to maps, and from tables to figures.


rule second_level:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        attempts=group_parts("attempts"),
        schema=schema_path("second_level"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/second_level.parquet",
    log:
        f"{R}/logs/second_level/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/second_level/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        measure=catalogue.main_measure(STUDY.measures),
        code=code_of("second_level"),
    message:
        "Comparing the RDMs of all layers and instances of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/second_level.py"


rule mds:
    input:
        geometries=of_group("geometry/{instance}/epoch{epoch}.npz", [STUDY.last_epoch]),
        second_level=f"{R}/tables/parts/{{architecture}}/{{condition}}/second_level.parquet",
        stimuli=f"{R}/stimuli/stimuli.parquet",
        schema=schema_path("mds"),
    output:
        table=f"{R}/tables/parts/{{architecture}}/{{condition}}/mds.parquet",
    log:
        f"{R}/logs/mds/{{architecture}}/{{condition}}.log",
    benchmark:
        f"{R}/benchmarks/mds/{{architecture}}/{{condition}}.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        seeds=group_seeds,
        epoch=STUDY.last_epoch,
        measure=catalogue.main_measure(STUDY.measures),
        n_instances=2,
        code=code_of("mds"),
    message:
        "Mapping stimuli and RDMs of {wildcards.architecture}, {wildcards.condition}"
    script:
        "../workflow_scripts/mds.py"


# One rule a figure, so that `snakemake fig4` draws it, or says why the study has no such figure: its inputs are its tables, its code is
# its own module and what that imports.
for figure, entry in catalogue.FIGURES.items():

    rule:
        name:
            figure
        input:
            unpack(tables_of(figure)),
            schemas=[schema_path(table) for table in entry.tables],
        output:
            pdf=report(
                f"{R}/figures/{figure}.pdf",
                caption=f"captions/{figure}.rst",
                category=entry.category,
                labels={"figure": figure, "shows": entry.title, "format": "PDF"},
            ),
            png=report(
                f"{R}/figures/{figure}.png",
                caption=f"captions/{figure}.rst",
                category=entry.category,
                labels={"figure": figure, "shows": entry.title, "format": "PNG"},
            ),
        log:
            f"{R}/logs/draw_figure/{figure}.log",
        localrule: True
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=1500,
            runtime=10,
        params:
            module=f"manyseeds.figures.{figure}",
            tables=entry.tables,
            code=code_of("draw_figure", f"manyseeds.figures.{figure}"),
        message:
            f"Drawing {figure}"
        script:
            "../workflow_scripts/draw_figure.py"
