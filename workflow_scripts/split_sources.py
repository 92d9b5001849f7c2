"""Split the differences between pooled networks of one architecture by random stream."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import pools
    from manyseeds.io import tables
    from manyseeds.representations import geometry_files
    from manyseeds.statistics import sources

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    draws, accepted = pools.of_conditions(params.conditions, [pd.read_parquet(path) for path in inputs.attempts])
    pool = pools.pool_networks(draws, accepted)
    declared = [(*cell, epoch) for cell in draws for epoch in params.epochs]
    files = dict(zip(declared, inputs.geometries, strict=True))
    report(f"{len(pool.cells)} networks, {pool.n_missing} missing, streams {pool.described_levels}")
    categories = pd.read_parquet(inputs.stimuli)["category"].to_numpy()
    found = []
    for epoch in params.epochs if len(pool.cells) > 1 else []:
        of_epoch = [files[*cell, epoch] for cell in pool.cells]
        for layer, place in geometry_files.layer_indices(of_epoch[0]).items():
            if params.layers is None or layer in params.layers:
                keys = {"epoch": epoch, "layer": layer, "layer_index": place, "normalisation": "none"}
                for measure, kind, agreement in pools.agreements(of_epoch, layer, categories, params.measures):
                    found.append((keys | {"measure": measure, "kind": kind}, agreement))
                report(f"epoch {epoch}, {layer}")
    group = {"architecture": snakemake.wildcards.architecture}
    group["conditions"] = "+".join(condition["name"] for condition in params.conditions)
    components, pairs = sources.source_rows(pool, found)
    frames = components.assign(equivalent=params.equivalent), pairs
    for name, path, rows in zip(params.tables, inputs.schemas, frames, strict=True):
        schema = tables.read_schema(path)
        rows = tables.filled(rows.assign(**group), schema)
        tables.write_table(rows, schema, outputs[name])
