"""Compare the accepted instances of a group by several comparators, after and before training, and summarise that."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import by_comparators
    from manyseeds.io import tables
    from manyseeds.statistics import comparator_summaries
    from manyseeds.statistics.intervals import Bootstrap

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    found = by_comparators.compare_epochs(
        {
            epoch: {seed: path for seed, path in zip(params.seeds, paths, strict=True) if seed in seeds}
            for epoch, paths in ((0, inputs.untrained), (params.epoch, inputs.geometries))
            if paths
        },
        params.layers,
        by_comparators.variants(params.names, params.measures),
        report,
    )
    group = dict(snakemake.wildcards.items())
    summary = comparator_summaries.summarise(
        {name: rows.assign(**group) for name, rows in found.items()},
        Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"]),
        n_collapsed=len(params.seeds) - len(seeds),
    )
    for name, path in zip(params.tables, inputs.schemas, strict=True):
        schema = tables.read_schema(path)
        tables.write_table(tables.filled(summary[name], schema), schema, outputs[name])
