"""Simulate what rotations of the activation space do to RDMs."""

from _job import job

with job(snakemake):
    from manyseeds.comparison import rotations
    from manyseeds.io import tables

    inputs, outputs = snakemake.input, snakemake.output
    simulated = rotations.simulate(**snakemake.params.rotations)
    for table, schema, parquet, csv in zip(simulated, inputs.schemas, outputs.parquets, outputs.csvs, strict=True):
        tables.write_table(table, tables.read_schema(schema), parquet, csv)
