"""Compare the accepted instances of two conditions with each other, in all layers, at the last epoch.

A network that is in both conditions is named, and not compared with itself.
"""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import across_groups, shared_streams
    from manyseeds.io import tables

    inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    points, files, draws = [], [], []
    for end in ("a", "b"):
        attempts = [pd.read_parquet(path) for path in inputs[f"attempts_{end}"]]
        declared = params[f"seeds_{end}"]
        seeds = tables.accepted_seeds(declared, attempts)
        by_seed = dict(zip(declared, inputs[f"geometries_{end}"], strict=True))
        points.append(across_groups.points_of(wildcards[f"condition_{end}"], [params.epoch], seeds))
        files += [by_seed[seed] for seed in points[-1]["seed"]]
        draws.append(shared_streams.draws_by_seed(params[f"draws_{end}"], tables.attempt_numbers(attempts)))
    same = shared_streams.same_networks(*draws, differ_in_draws_alone=params.differ_in_draws_alone)
    rows = across_groups.compare_points(
        pd.concat(points),
        files,
        across_groups.pairs_between(*(each["seed"] for each in points), same),
        pd.read_parquet(inputs.stimuli)["category"].to_numpy(),
        params.measures,
        across_groups.CONDITION_KINDS,
    )
    report(f"{len(points[0])} networks with {len(points[1])}: {len(rows)} comparisons")
    if same:
        conditions = wildcards.condition_a, wildcards.condition_b
        sentence = shared_streams.same_sentence(wildcards.architecture, conditions, same)
        report(sentence)
        report.aloud(sentence)
    rows = rows.assign(architecture=wildcards.architecture, shared=shared_streams.shared_by_row(rows, *draws))
    tables.write_table(rows, tables.read_schema(inputs.schema), snakemake.output.table)
