"""Compare the accepted instances of a group with one another, layer by layer, at all analysed epochs."""

from itertools import product

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import within_group
    from manyseeds.comparison.consistency import random_partitions
    from manyseeds.io import tables
    from manyseeds.io.files import write_parquet
    from manyseeds.streams import generator

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    paths = dict(zip(product(params.seeds, params.epochs), inputs.geometries, strict=True))
    files = {epoch: {seed: paths[seed, epoch] for seed in seeds} for epoch in params.epochs}
    paths = dict(zip(product(params.dropout_samples, params.seeds), inputs.samples, strict=True))
    samples = [{seed: paths[sample, seed] for seed in seeds} for sample in params.dropout_samples]
    categories = pd.read_parquet(inputs.stimuli)["category"].to_numpy()
    # The same partitions for all groups: differences between them are paired over partitions.
    rng = generator(params.resampling["seed"], "resampling/partitions", 0)
    partitions = random_partitions(categories, params.resampling["partitions"], rng)

    comparison = within_group.compare_group(
        files, categories, params.measures, partitions, params.partition_measures, report
    )
    comparison.extend(
        within_group.compare_dropout_samples(samples, params.epochs[-1], categories, params.dropout_measures, report)
    )
    group = dict(snakemake.wildcards.items())
    for name, schema in zip(params.tables, inputs.schemas, strict=True):
        schema = tables.read_schema(schema)
        tables.write_table(comparison.table(name, schema["properties"], **group), schema, outputs[name])
    bands = comparison.table("random_grouping_bands", within_group.BAND_COLUMNS, **group)
    write_parquet(bands, outputs.random_grouping_bands)
