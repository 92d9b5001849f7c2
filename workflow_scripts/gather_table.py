"""Gather the parts of a table into one, as Parquet and as CSV."""

from job import job
from snakemake.script import snakemake

with job(snakemake):
    from manyseeds import tables

    tables.gather(snakemake.input.parts, snakemake.params.schema, snakemake.output.parquet, snakemake.output.csv)
