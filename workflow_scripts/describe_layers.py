"""Write the table of layers: the numbers of units, of silent units and of silent stimuli."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.representations import layer_table

    rows = []
    for path, (architecture, condition, seed, epoch) in zip(
        snakemake.input.geometries, snakemake.params.instances, strict=True
    ):
        place = {"architecture": architecture, "condition": condition, "seed": seed, "epoch": epoch}
        rows += [place | row for row in layer_table.describe_layers(path)]
    schema = tables.read_schema(snakemake.input.schema)
    tables.write_table(pd.DataFrame(rows), schema, snakemake.output.parquet, snakemake.output.csv)
