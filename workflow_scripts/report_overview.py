"""Write the first page of the report."""

from pathlib import Path

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.explorer import packing
    from manyseeds.figures import selection
    from manyseeds.io import provenance
    from manyseeds.io.files import atomic_path
    from manyseeds.report import origin, overview

    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    root = provenance.root_of(output[0])
    facts = overview.Facts(
        params.study,
        params.settings,
        overview.stimulus_counts(pd.read_parquet(inputs.stimuli)),
        params.notices,
        origin.origin_of(root),
        origin.commit_of(Path(snakemake.scriptdir)),
        origin.seconds_by_rule(root / "benchmarks"),
    )
    tables = {name: pd.read_parquet(path) for name, path in zip(params.tables, inputs.tables, strict=True)}
    figure = Path(inputs.figure).read_bytes() if inputs.figure else None
    with atomic_path(output[0]) as partial, selection.labelled(params.labels):
        text = overview.page(packing.read_assets(inputs.assets), tables, facts, figure)
        partial.write_text(text, encoding="utf-8")
