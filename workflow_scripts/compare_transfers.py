"""Compare how networks of a group learned other categories: accuracies, their variance, relations with similarity."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.kernels import transferred
    from manyseeds.statistics import transfer

    inputs, params = snakemake.input, snakemake.params
    found = transferred.load(inputs.predictions)
    kernels = pd.read_parquet(inputs.kernels) if inputs.kernels else pd.DataFrame()
    consistency = pd.read_parquet(inputs.consistency)
    rows = {
        "transfer": transfer.accuracies(found),
        "transfer_summary": transfer.summarise(found),
        "transfer_relations": transfer.relations(found, kernels, consistency, params.seed),
        "transfer_history": transfer.histories(found),
    }
    for name, path in zip(params.tables, inputs.schemas, strict=True):
        schema = tables.read_schema(path)
        frame = rows[name].assign(**snakemake.wildcards, target=params.target)
        tables.write_table(tables.filled(frame, schema), schema, snakemake.output[name])
    report(f"{found.predictions.shape[1]} sources, {found.predictions.shape[2]} transfer seeds")
