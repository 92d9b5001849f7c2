"""Contrast the consistency of networks trained with dropout with that of networks trained without."""

from job import job

with job(snakemake):
    import pandas as pd

    from manyseeds import across_summaries, tables
    from manyseeds.intervals import Bootstrap

    inputs, params = snakemake.input, snakemake.params
    contrasts = across_summaries.contrast_conditions(
        pd.concat([pd.read_parquet(inputs.consistency), pd.read_parquet(inputs.subtracted)]),
        snakemake.wildcards.condition,
        params.subtracted,
        Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"]),
    ).assign(condition_b=params.subtracted, contrast="dropout_minus_none")
    tables.write_table(contrasts, tables.read_schema(inputs.schema), snakemake.output.table)
