"""Draw one figure, from the parts of its tables on the networks that it shows: as PDF, PNG, and PNG for the report.

A figure of the stimuli has their pictures too.
"""

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
    with atomic_path(output.pdf) as pdf, atomic_path(output.png) as png, atomic_path(output.small) as small:
        style.save(drawing.draw(params.module, drawn_from, params.interval, params.left_out), pdf, png)
        drawing.for_report(png, small)
