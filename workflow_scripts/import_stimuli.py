"""Import the labels of the stimuli of the user's own activations."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds.exchange.user_activations import read_user_stimuli
    from manyseeds.io.files import write_parquet
    from manyseeds.representations import memory

    stimuli = read_user_stimuli(Path(snakemake.input.table))
    if note := memory.note(len(stimuli), snakemake.resources.n_networks):
        report.aloud(note)
    write_parquet(stimuli, snakemake.output.stimuli)
