"""Write a page for each table of the report, which can be sorted and filtered."""

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.explorer import packing
    from manyseeds.io.files import atomic_path
    from manyseeds.io.tables import read_schema
    from manyseeds.report import tables

    inputs = snakemake.input
    assets = packing.read_assets(inputs.assets)
    for table, schema, path in zip(inputs.tables, inputs.schemas, snakemake.output, strict=True):
        with atomic_path(path) as partial:
            text = tables.page(pd.read_parquet(table), read_schema(schema), assets)
            partial.write_text(text, encoding="utf-8")
