"""Compare the RDMs of all layers of a group's accepted instances with one another."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.comparison import second_level
    from manyseeds.io import tables

    inputs, params = snakemake.input, snakemake.params
    schema = tables.read_schema(inputs.schema)
    keys = dict(snakemake.wildcards.items()) | {"epoch": params.epoch, "measure": params.measure}
    geometries = dict(zip(params.seeds, inputs.geometries, strict=True))
    accepted = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    if accepted:
        points, rdms = second_level.load_rdms({seed: geometries[seed] for seed in accepted}, params.measure)
        distances = second_level.second_level_distances(rdms)
        table = second_level.distance_table(points, distances).assign(**keys)
    else:
        table = tables.empty(schema)
    tables.write_table(table, schema, snakemake.output.table)
