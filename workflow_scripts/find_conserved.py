"""Find what the accepted instances of a group have in common after the last epoch."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.statistics import conserved

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    files = [path for seed, path in zip(params.seeds, inputs.geometries, strict=True) if seed in seeds]
    predictions = pd.read_parquet(inputs.predictions) if inputs.predictions else None
    found = conserved.of_group(
        files,
        pd.read_parquet(inputs.stimuli),
        None if predictions is None else predictions[predictions["seed"].isin(seeds)],
        params.measures,
        params.layers,
        conserved.Plan(**params.plan),
        report,
    )
    group = dict(snakemake.wildcards.items()) | {"epoch": params.epoch, "n_networks": len(seeds)}
    for name, path in zip(params.tables, inputs.schemas, strict=True):
        schema = tables.read_schema(path)
        rows = tables.filled(found[name].assign(**group), schema)
        tables.write_table(rows, schema, outputs[name])
