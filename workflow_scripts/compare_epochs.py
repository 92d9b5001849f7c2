"""Compare a group's accepted instances with one another and with themselves, at all analysed epochs."""

from itertools import product

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import across_groups
    from manyseeds.io import tables

    inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    files = dict(zip(product(params.seeds, params.epochs), inputs.geometries, strict=True))
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    points = across_groups.points_of(wildcards.condition, params.epochs, seeds)
    rows = across_groups.compare_points(
        points,
        [files[seed, epoch] for seed, epoch in zip(points["seed"], points["epoch"], strict=True)],
        across_groups.all_pairs(len(points)),
        pd.read_parquet(inputs.stimuli)["category"].to_numpy(),
        params.measures,
        across_groups.EPOCH_KINDS,
        params.layers,
    )
    report(f"{len(seeds)} networks at {len(params.epochs)} epochs: {len(rows)} comparisons")
    rows = rows.assign(architecture=wildcards.architecture, shared=None)
    tables.write_table(rows, tables.read_schema(inputs.schema), snakemake.output.table)
