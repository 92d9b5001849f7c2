"""Take over the labels of the stimuli of one's own activations."""

from pathlib import Path

from job import job

with job(snakemake):
    from manyseeds.files import write_parquet
    from manyseeds.own_activations import read_stimuli

    write_parquet(read_stimuli(Path(snakemake.input.table)), snakemake.output.stimuli)
