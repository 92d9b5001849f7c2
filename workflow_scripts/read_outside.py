"""Read RDMs from outside, and match their stimuli with those of the study by name."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds.comparison.outside import save_outside
    from manyseeds.exchange import outside_matching

    entry, column = snakemake.params.entry, snakemake.params.column
    names = outside_matching.names_of(Path(snakemake.input.stimuli), column)
    theirs, remarks = outside_matching.matched(entry, column, names)
    for remark in remarks:
        report.aloud(remark)
    save_outside(snakemake.output.matched, theirs)
