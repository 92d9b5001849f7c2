"""Take over the labels of the stimuli of one's own activations."""

from pathlib import Path

from job import job

with job(snakemake):
    from manyseeds.own_activations import read_stimuli
    from manyseeds.stimuli import write_stimuli

    write_stimuli(read_stimuli(Path(snakemake.input.table)), Path(snakemake.output.stimuli))
