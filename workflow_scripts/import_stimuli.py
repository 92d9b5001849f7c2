"""Import the labels of the stimuli of the user's own activations."""

from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange.user_activations import read_user_stimuli
    from manyseeds.io.files import write_parquet

    write_parquet(read_user_stimuli(Path(snakemake.input.table)), snakemake.output.stimuli)
