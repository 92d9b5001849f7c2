"""Write the table of a group's instances, with the number of attempts and whether each collapsed."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.io import tables

    attempts = [pd.read_parquet(path) for path in snakemake.input.attempts]
    instances = tables.with_attempts(pd.DataFrame(snakemake.params.instances), attempts)
    schema = tables.read_schema(snakemake.input.schema)
    tables.write_table(instances, schema, snakemake.output.table)
