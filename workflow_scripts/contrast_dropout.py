"""Contrast the consistency of networks trained with and without dropout."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.statistics import matched_accuracy
    from manyseeds.statistics.intervals import Bootstrap

    inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    attempts = [[pd.read_parquet(path) for path in inputs[name]] for name in ("attempts", "attempts_subtracted")]
    left_out = tables.unequally_drawn(*attempts)
    contrasts = matched_accuracy.contrast_dropout(
        pd.concat([pd.read_parquet(inputs.consistency), pd.read_parquet(inputs.subtracted)]),
        pd.concat(pd.read_parquet(path) for path in (*inputs.history, *inputs.history_subtracted)),
        wildcards.condition,
        params.subtracted,
        Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"]),
        left_out,
    )
    if left_out:
        group, seeds = f"{wildcards.architecture}, {wildcards.condition}", ", ".join(map(str, sorted(left_out)))
        report.aloud(f"{group}: the contrast leaves out seeds of which a network was redrawn: {seeds}.")
    tables.write_table(contrasts, tables.read_schema(inputs.schema), snakemake.output.table)
