"""Gather the parts of a table into one, as Parquet and as CSV."""

from _job import job

with job(snakemake):
    from manyseeds.io import tables

    schema = tables.read_schema(snakemake.input.schema)
    tables.gather(snakemake.input.parts, schema, snakemake.output.parquet, snakemake.output.csv)
