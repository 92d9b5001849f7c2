"""Estimate the declared claims from the tables of one group of networks, and give verdicts."""

from pathlib import Path

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.paper import claims, tested_claims

    inputs, params = snakemake.input, snakemake.params
    schema = tables.read_schema(inputs.schema)
    parts = {
        name: tables.join(inputs.get(name) or [], tables.read_schema(path))
        for name, path in zip(params.tables, inputs.schemas, strict=True)
    }
    attempts = [pd.read_parquet(path) for path in inputs.attempts]
    observed = tested_claims.Tables(tables.accepted_seeds(params.seeds, attempts), params.epochs, **parts)
    judged = tested_claims.judge(claims.read_claims(Path(inputs.claims)), observed)
    tables.write_table(judged.assign(**params.group), schema, snakemake.output.parquet, snakemake.output.csv)
