"""Contrast the consistency of networks trained with and without dropout."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.statistics import pair_summaries
    from manyseeds.statistics.intervals import Bootstrap

    inputs, params = snakemake.input, snakemake.params
    contrasts = pair_summaries.contrast_conditions(
        pd.concat([pd.read_parquet(inputs.consistency), pd.read_parquet(inputs.subtracted)]),
        snakemake.wildcards.condition,
        params.subtracted,
        Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"]),
    ).assign(condition_b=params.subtracted, contrast="dropout_minus_none")
    tables.write_table(contrasts, tables.read_schema(inputs.schema), snakemake.output.table)
