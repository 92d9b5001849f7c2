# From tables to figures.


# One rule a figure: `snakemake fig4` draws it, or says why the study has no such figure. Its inputs are its tables, and
# its code is its own module with the modules that this imports.
for figure, entry in catalogue.FIGURES.items():

    rule:
        name:
            figure
        input:
            unpack(tables_of(figure)),
            schemas=[schema_path(table) for table in entry.tables],
            images=f"{R}/stimuli/images.npy" if entry.shows_stimuli else [],
        output:
            pdf=f"{R}/figures/{figure}.pdf",
            png=f"{R}/figures/{figure}.png",
            small=report(
                f"{R}/report/{figure}.png",
                caption=f"captions/{figure}.rst",
                category=report_contents.numbered(entry.category),
                labels={"figure": figure, "shows": entry.title},
            ),
            svg=f"{R}/figures/{figure}.svg",
            notes=[f"{R}/figures/{figure}.txt"] if STUDY.config["figures"]["notes"] == "beside" else [],
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
            **STUDY.config["figures"],
            labels=STUDY.labels,
            module=f"manyseeds.figures.{figure}",
            tables=entry.tables,
            n_images=STUDY.config["conserved"]["n_images"] if entry.shows_stimuli else None,
            left_out=list(map(list, catalogue.left_out(figure, STUDY))),
            code=code_of("draw_figure", f"manyseeds.figures.{figure}"),
        message:
            f"Drawing {figure}"
        script:
            "../workflow_scripts/draw_figure.py"
