"""Compare the accepted instances of a group with one another, layer by layer, at all analysed epochs."""

from itertools import product

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import within_group
    from manyseeds.comparison.consistency import random_partitions
    from manyseeds.io import tables
    from manyseeds.io.files import write_parquet
    from manyseeds.representations import geometry_files
    from manyseeds.streams import generator

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    files = dict(zip(product(params.seeds, params.epochs), inputs.geometries, strict=True))
    sampled = dict(zip(product(params.dropout_samples, params.seeds), inputs.samples, strict=True))
    categories = pd.read_parquet(inputs.stimuli)["category"].to_numpy()
    # The same partitions for all groups: differences between them are paired over partitions.
    rng = generator(params.resampling["seed"], "resampling/partitions", 0)
    partitions = random_partitions(categories, params.resampling["partitions"], rng)

    group = dict(snakemake.wildcards.items())
    comparison = within_group.Comparison()
    for epoch in params.epochs if seeds else []:
        for layer, place in geometry_files.layer_indices(files[seeds[0], epoch]).items():
            keys = {**group, "epoch": epoch, "layer": layer, "layer_index": place}
            geometries = {seed: geometry_files.load_geometry(files[seed, epoch], layer) for seed in sorted(seeds)}
            comparison.add(keys, within_group.compare_layer(geometries, categories, params.measures))
            if epoch == params.epochs[-1]:
                measures = params.partition_measures
                comparison.add(keys, within_group.compare_random_groups(geometries, partitions, measures))
            report(f"epoch {epoch}, {layer}: {len(geometries)} networks")
    if sampled and seeds:
        for layer, place in geometry_files.layer_indices(sampled[1, seeds[0]]).items():
            samples = (
                {seed: geometry_files.load_geometry(sampled[sample, seed], layer) for seed in sorted(seeds)}
                for sample in params.dropout_samples
            )
            keys = {**group, "epoch": params.epochs[-1], "layer": layer, "layer_index": place}
            comparison.add(keys, within_group.compare_averages(samples, categories, params.dropout_measures))
            report(f"{layer}: RDMs averaged over up to {params.dropout_samples[-1]} dropout samples")
    for name, schema in zip(params.tables, inputs.schemas, strict=True):
        schema = tables.read_schema(schema)
        tables.write_table(comparison.table(name, schema["properties"]), schema, outputs[name])
    bands = comparison.table("random_grouping_bands", within_group.BAND_COLUMNS)
    write_parquet(bands, outputs.random_grouping_bands)
