"""Compare the accepted instances of a group with one another before training, layer by layer, and summarise that."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import within_group
    from manyseeds.io import tables
    from manyseeds.statistics import group_summaries
    from manyseeds.statistics.intervals import Bootstrap

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    paths = dict(zip(params.seeds, inputs.geometries, strict=True))
    schemas = {name: tables.read_schema(path) for name, path in zip(params.tables, inputs.schemas, strict=True)}
    comparison = within_group.compare_untrained(
        {seed: paths[seed] for seed in seeds},
        pd.read_parquet(inputs.stimuli)["category"].to_numpy(),
        params.measures,
        report,
    )
    consistency = comparison.table("consistency", schemas["consistency"]["properties"], **snakemake.wildcards)
    bootstrap = Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"])
    summary = group_summaries.summarise_consistency(consistency, None, bootstrap)
    summary = summary.assign(n_collapsed=len(params.seeds) - len(seeds))
    for name, rows in (("consistency", consistency), ("consistency_summary", summary)):
        rows = rows[~rows["layer"].isin(params.compared)]  # the trajectory's rows of epoch 0 are in the tables already
        tables.write_table(rows, schemas[name], outputs[name])
