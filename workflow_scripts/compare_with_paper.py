"""Put the results of the study beside the published ones."""

from job import job

with job(snakemake):
    import pandas as pd

    from manyseeds import comparison, tables

    inputs, params = snakemake.input, snakemake.params
    compared = comparison.compare(
        pd.read_csv(inputs.published),
        {name: pd.read_parquet(inputs[name]) for name in params.tables},
        study=params.study,
        departures=params.departures,
    )
    tables.write_table(compared, tables.read_schema(inputs.schema), snakemake.output.parquet, snakemake.output.csv)
