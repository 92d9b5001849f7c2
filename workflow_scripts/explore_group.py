"""Make what the explorer shows of a group: its RDMs, maps of its stimuli, and agreement of each pair of networks."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.explorer import parts
    from manyseeds.io import tables

    inputs, params = snakemake.input, snakemake.params
    accepted = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    geometries = dict(zip(params.seeds, inputs.geometries, strict=True))
    arrays = parts.of_group(
        {seed: geometries[seed] for seed in accepted[: params.shown["instances"]]},
        pd.read_parquet(inputs.stimuli),
        pd.read_parquet(inputs.predictions) if inputs.predictions else None,
        params.measure,
        params.shown["layers"],
        params.shown["stimuli"],
    )
    parts.save(snakemake.output.arrays, arrays)
