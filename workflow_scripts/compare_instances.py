"""Compare the accepted instances of a group with one another, layer by layer, at all analysed epochs."""

from itertools import product
from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import variations, within_group
    from manyseeds.comparison.consistency import random_partitions
    from manyseeds.io import tables
    from manyseeds.io.files import write_parquet
    from manyseeds.streams import generator

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    paths = dict(zip(product(params.seeds, params.epochs), inputs.geometries, strict=True))
    files = {epoch: {seed: paths[seed, epoch] for seed in seeds} for epoch in params.epochs}
    sampled = dict(zip(product(params.dropout_samples, params.seeds), inputs.samples, strict=True))
    samples = [{seed: sampled[sample, seed] for seed in seeds} for sample in params.dropout_samples]
    stimuli, last = pd.read_parquet(inputs.stimuli), params.epochs[-1]
    categories = stimuli["category"].to_numpy()
    # The same partitions for all groups: differences between them are paired over partitions.
    rng = generator(params.resampling["seed"], "resampling/partitions", 0)
    partitions = random_partitions(categories, params.resampling["partitions"], rng)

    def measure_rejected(weights, layer):
        """Measure networks that were rejected. Few studies have any, and only for these torch is imported."""
        from manyseeds.representations import rejected

        images = {"stimuli": inputs.inputs, "card": inputs.card}
        return rejected.measure_rejected(weights, layer, **images, **params.rejected, report=report)

    comparison = within_group.compare_group(
        files, categories, params.measures, partitions, params.partition_measures, report
    )
    comparison.extend(within_group.compare_dropout_samples(samples, last, categories, params.dropout_measures, report))
    attempts = (
        {seed: Path(path) for seed, path in zip(params.seeds, inputs.attempts, strict=True)} if inputs.attempts else {}
    )
    varied = variations.compare_variations(
        {seed: paths[seed, last] for seed in params.seeds},
        seeds,
        variations.kept_without_rule(attempts),
        measure_rejected,
        stimuli,
        params.measures,
        last,
    )
    group = dict(snakemake.wildcards.items())
    schemas = {name: tables.read_schema(path) for name, path in zip(params.tables, inputs.schemas, strict=True)}
    for name, schema in schemas.items():
        tables.write_table(comparison.table(name, schema["properties"], **group), schema, outputs[name])
    bands = comparison.table("random_grouping_bands", within_group.BAND_COLUMNS, **group)
    write_parquet(bands, outputs.random_grouping_bands)
    columns = [*schemas["consistency"]["properties"], "variation"]
    write_parquet(varied.table("consistency", columns, **group), outputs.consistency_varied)
