"""Summarise the observations of a group: means with intervals, contrasts, relations."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.statistics import group_summaries
    from manyseeds.statistics.howmany import Plan
    from manyseeds.statistics.intervals import Bootstrap
    from manyseeds.statistics.stimulus_resampling import load_resamples

    inputs, params = snakemake.input, snakemake.params
    schemas = {name: tables.read_schema(path) for name, path in zip(params.tables, inputs.schemas, strict=True)}
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    accuracies = [pd.read_parquet(path) for path in inputs.accuracies]
    summary = group_summaries.summarise(
        group_summaries.Observations(
            seeds=seeds,
            n_collapsed=len(params.seeds) - len(seeds),
            accuracy=pd.concat(accuracies) if accuracies else None,
            consistency=pd.read_parquet(inputs.consistency),
            clustering=pd.read_parquet(inputs.clustering),
            random_grouping=pd.read_parquet(inputs.random_grouping),
            random_grouping_bands=pd.read_parquet(inputs.random_grouping_bands),
            consistency_varied=pd.read_parquet(inputs.consistency_varied),
            resamples=load_resamples(inputs.resamples) if inputs.get("resamples") else None,
        ),
        Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"]),
        Plan(**params.howmany),
    )
    for name, path in zip(params.tables, snakemake.output, strict=True):
        tables.write_table(summary[name], schemas[name], path)
