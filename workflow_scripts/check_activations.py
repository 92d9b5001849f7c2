"""Check the user's own activations of one instance, and link to them."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.exchange.user_activations import link_layers
    from manyseeds.io.files import write_parquet

    n_stimuli = len(pd.read_parquet(snakemake.input.stimuli, columns=["stimulus"]))
    for epoch, arrays in snakemake.params.arrays.items():
        folder = Path(snakemake.output.folder) / f"epoch{epoch}"
        index = link_layers(map(Path, arrays), n_stimuli, folder)
        write_parquet(index, folder / "index.parquet")
        report(f"epoch {epoch}: {len(index)} layers of {index['n_units'].sum():,} units in all")
