"""Draw one figure from its tables, as PDF and PNG."""

from importlib import import_module

from job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.figures import style
    from manyseeds.files import atomic_path

    tables = {name: pd.read_parquet(path) for name, path in snakemake.input.items()}
    with style.journal_style(), atomic_path(snakemake.output.pdf) as pdf, atomic_path(snakemake.output.png) as png:
        style.save(import_module(snakemake.params.module).draw(tables), pdf, png)
