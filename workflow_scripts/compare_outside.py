"""Compare the RDMs of a group's accepted networks after the last epoch with RDMs from outside."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.comparison import outside
    from manyseeds.io import tables
    from manyseeds.statistics import outside_groups, outside_summaries

    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    files = [path for seed, path in zip(params.seeds, inputs.geometries, strict=True) if seed in seeds]
    stimuli = pd.read_parquet(inputs.stimuli)
    categories = stimuli["category"].to_numpy()
    theirs = outside.built_in(params.built_in, categories, np.load(inputs.images) if inputs.images else None)
    theirs += [outside.load_outside(path) for path in inputs.outside]
    plan = outside_groups.Plan(**params.plan)
    compared = outside_groups.compare_group(files, theirs, categories, plan, report)
    found = {
        "outside": outside_summaries.value_rows(compared, seeds, {each.name: each.subjects for each in theirs}),
        "outside_summary": outside_summaries.summary_rows(
            compared, outside_groups.ceilings_of(theirs, plan.comparisons)
        ),
    }
    group = dict(snakemake.wildcards.items()) | {"epoch": params.epoch}
    for (name, rows), path in zip(found.items(), inputs.schemas, strict=True):
        schema = tables.read_schema(path)
        table = tables.filled(pd.DataFrame(list(rows)).assign(**group), schema)
        tables.write_table(table, schema, outputs[name])
    outside_summaries.save_compared(outputs.compared, compared)
