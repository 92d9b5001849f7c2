"""Draw one figure as PDF, PNG and SVG, and small for the report, from the parts of its tables on the networks it shows.

A figure of the stimuli has their pictures too. Its notes may be in a text file beside it.
"""

from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.figures import drawing, style
    from manyseeds.io import tables
    from manyseeds.io.files import atomic_path

    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    schemas = map(tables.read_schema, inputs.schemas)
    drawn_from = {
        name: tables.join(inputs.get(name), schema) for name, schema in zip(params.tables, schemas, strict=True)
    }
    if inputs.images:
        drawn_from["images"] = drawing.pictures(inputs.images, params.n_images)
    look = {"overlay": params.overlay, "labels": params.labels}
    with style.chosen(font=params.font, notes=params.notes) as notes:
        figure = drawing.draw(params.module, drawn_from, params.interval, params.left_out, **look)
        with atomic_path(output.pdf) as pdf, atomic_path(output.png) as png, atomic_path(output.svg) as svg:
            style.save(figure, pdf, png, svg)
            with atomic_path(output.small) as small:
                drawing.for_report(png, small)
    for path in output.get("notes", []):
        with atomic_path(path) as partial:
            Path(partial).write_text("\n".join(notes) + "\n", encoding="utf-8")
