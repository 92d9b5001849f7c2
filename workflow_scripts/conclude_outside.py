"""Ask of each two groups of networks whether single ones would have agreed with an RDM from outside the other way."""

from _job import job

with job(snakemake):
    from manyseeds.io import tables
    from manyseeds.statistics import outside_summaries

    inputs, outputs = snakemake.input, snakemake.output
    groups = map(tuple, snakemake.params.groups)
    schema = tables.read_schema(inputs.schema)
    table = outside_summaries.tables_of_conclusions(dict(zip(groups, inputs.compared, strict=True)))
    tables.write_table(tables.filled(table, schema), schema, outputs.parquet, outputs.csv)
