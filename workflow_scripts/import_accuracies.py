"""Import the accuracies of a block of exported instances."""

from pathlib import Path

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.exchange import export
    from manyseeds.io import tables
    from manyseeds.io.files import write_parquet

    inputs, params = snakemake.input, snakemake.params
    schema = tables.read_schema(inputs.schema)
    parts = [
        export.read_table(Path(path), schema, instance)
        for path, instance in zip(inputs.parts, params.instances, strict=True)
    ]
    accuracies = pd.concat(parts, ignore_index=True)
    write_parquet(accuracies[accuracies["epoch"].isin(params.epochs)], snakemake.output.accuracy)
