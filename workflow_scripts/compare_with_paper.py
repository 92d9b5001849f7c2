"""Compare the results of the study with the published ones."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.paper import published

    inputs, params = snakemake.input, snakemake.params
    compared = published.compare_with_published(
        pd.read_csv(inputs.published),
        {name: pd.read_parquet(inputs[name]) for name in params.tables},
        study=params.study,
        departures=params.departures,
    )
    tables.write_table(compared, tables.read_schema(inputs.schema), snakemake.output.parquet, snakemake.output.csv)
