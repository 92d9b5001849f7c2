"""Compare the errors of a group's networks and of their variants, on images as they are and distorted."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.kernels import pairs, predictions, sources
    from manyseeds.statistics import error_agreement, kernel_relations, paradox
    from manyseeds.statistics.intervals import Bootstrap

    params, inputs, outputs = snakemake.params, snakemake.input, snakemake.output
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    variants = sources.listed(params.variants)
    names = [(seed, variant.name) for seed in variants for variant in variants[seed]]
    tested = {name: predictions.load(path) for name, path in zip(names, inputs.predictions, strict=True)}
    tested = {name: each for name, each in tested.items() if name[0] in seeds}
    group = dict(snakemake.wildcards.items())
    accuracy = error_agreement.accuracies(tested, params.epoch).assign(**group)
    chosen = pairs.pairs({seed: variants[seed] for seed in seeds}, params.epoch, untrained=False)
    both = {f"condition_{side}": group["condition"] for side in "ab"} | {"architecture": group["architecture"]}
    errors = error_agreement.compare(chosen, tested).assign(**both)
    report(f"{len(errors)} comparisons of {len(tested)} networks and variants")
    bootstrap = Bootstrap(seed=params.resampling["seed"], n_resamples=params.resampling["n"])
    found = {
        "error_agreement": errors,
        "distorted_accuracy": accuracy,
        "distorted_accuracy_summary": error_agreement.summarise(accuracy, bootstrap),
        "kernel_relations": pd.DataFrame(),
        "paradox": pd.DataFrame(),
    }
    if inputs.kernels:
        measured = pd.read_parquet(inputs.kernels), pd.read_parquet(inputs.consistency)
        found["kernel_relations"] = kernel_relations.relations(errors, accuracy, *measured, bootstrap.seed)
        found["paradox"] = paradox.paradox(errors, accuracy, measured[0], params.thresholds)
    for name, path in zip(params.tables, inputs.schemas, strict=True):
        schema = tables.read_schema(path)
        tables.write_table(tables.filled(found[name], schema), schema, outputs[name])
