"""Summarise the comparison of two conditions: means between and within them, and their differences."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.comparison import shared_streams
    from manyseeds.io import tables
    from manyseeds.statistics import pair_summaries
    from manyseeds.statistics.intervals import Bootstrap

    inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    attempts = {end: [pd.read_parquet(path) for path in inputs[f"attempts_{end}"]] for end in ("a", "b")}
    n_collapsed, draws, within = 0, [], []
    for end, known in attempts.items():
        declared = params[f"seeds_{end}"]
        n_collapsed += len(declared) - len(tables.accepted_seeds(declared, known))
        draws.append(shared_streams.draws_by_seed(params[f"draws_{end}"], tables.attempt_numbers(known)))
        rows = pd.read_parquet(inputs[f"consistency_{end}"])
        within.append(rows.assign(shared=shared_streams.shared_by_row(rows, draws[-1], draws[-1])))
    same = shared_streams.same_networks(*draws, differ_in_draws_alone=params.differ_in_draws_alone)
    pair = pair_summaries.ConditionPair(
        pd.read_parquet(inputs.across),
        tuple(within),
        tables.unequally_drawn(attempts["a"], attempts["b"]),
        [a for a, b in same if a == b],
    )
    bootstrap = Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"])
    first, second = wildcards.condition_a, wildcards.condition_b
    summary = pair_summaries.summarise_pair(pair, bootstrap).assign(
        condition_a=first, condition_b=second, n_collapsed=n_collapsed
    )
    contrasts = pair_summaries.contrast_pair(pair, bootstrap).assign(condition=first, condition_b=second)
    tables.write_table(summary, tables.read_schema(inputs.summary_schema), snakemake.output.summary)
    tables.write_table(contrasts, tables.read_schema(inputs.contrasts_schema), snakemake.output.contrasts)
