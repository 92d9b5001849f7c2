"""Map the stimuli of a group's first instances layer by layer, and the RDMs of all its instances."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.comparison import mds, second_level
    from manyseeds.io import tables

    inputs, params = snakemake.input, snakemake.params
    schema = tables.read_schema(inputs.schema)
    keys = dict(snakemake.wildcards.items()) | {"epoch": params.epoch, "measure": params.measure}
    geometries = dict(zip(params.seeds, inputs.geometries, strict=True))
    points, distances = second_level.distance_matrix(pd.read_parquet(inputs.second_level))
    if len(points):
        shown = {seed: geometries[seed] for seed in sorted(points["seed"].unique())[: params.n_instances]}
        rdm_points, rdms = second_level.load_rdms(shown, params.measure)
        maps = [
            mds.map_stimuli(rdms, rdm_points, pd.read_parquet(inputs.stimuli)),
            mds.map_rdms(distances, points),
        ]
        table = pd.concat(maps, ignore_index=True).assign(**keys)
    else:
        table = tables.empty(schema)
    tables.write_table(table, schema, snakemake.output.table)
