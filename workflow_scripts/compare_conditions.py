"""Compare the accepted instances of two conditions with each other, at each epoch at which both are analysed.

All layers are compared at the last epoch, and the followed layers before it. A network that is in both conditions is
named, and not compared with itself.
"""

from itertools import product

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.comparison import across_groups, shared_streams
    from manyseeds.io import tables

    inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    conditions = wildcards.condition_a, wildcards.condition_b
    seeds, files, draws = [], {}, []
    for end in ("a", "b"):
        attempts = [pd.read_parquet(path) for path in inputs[f"attempts_{end}"]]
        declared = params[f"seeds_{end}"]
        seeds.append(tables.accepted_seeds(declared, attempts))
        keys = product([wildcards[f"condition_{end}"]], declared, params.epochs)
        files |= dict(zip(keys, inputs[f"geometries_{end}"], strict=True))
        draws.append(shared_streams.draws_by_seed(params[f"draws_{end}"], tables.attempt_numbers(attempts)))
    same = shared_streams.same_networks(*draws, differ_in_draws_alone=params.differ_in_draws_alone)
    rows = across_groups.compare_conditions(
        conditions,
        seeds,
        files,
        across_groups.pairs_between(*seeds, same),
        pd.read_parquet(inputs.stimuli)["category"].to_numpy(),
        params.measures,
    )
    report(f"{len(seeds[0])} networks with {len(seeds[1])}: {len(rows)} comparisons")
    if same:
        sentence = shared_streams.same_sentence(wildcards.architecture, conditions, same)
        report(sentence)
        report.aloud(sentence)
    rows = rows.assign(architecture=wildcards.architecture, shared=shared_streams.shared_by_row(rows, *draws))
    tables.write_table(rows, tables.read_schema(inputs.schema), snakemake.output.table)
