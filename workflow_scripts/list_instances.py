"""Write the table of a group's instances: attempts, whether each collapsed, and doubts about foreign networks."""

import json
from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables, tensors

    inputs, params = snakemake.input, snakemake.params
    rows = pd.DataFrame(params.instances)
    instances = tables.with_attempts(rows, [pd.read_parquet(path) for path in inputs.attempts])
    found: dict[int, str] = {}
    if inputs.consistency:  # networks that were trained elsewhere
        from manyseeds.exchange import doubts  # loads scipy's statistics

        known = params.categories or (json.loads(Path(inputs.card).read_text())["categories"] if inputs.card else [])
        metadata = [tensors.read_metadata(path) for path in inputs.weights] or [{}] * len(rows)  # activations: none
        found = doubts.of_group(
            dict(zip(rows["seed"], metadata, strict=True)),
            [pd.read_parquet(path, filters=[("epoch", "=", params.epoch)]) for path in inputs.accuracies],
            pd.read_parquet(inputs.consistency),
            len(known) or None,
        )
    if found:
        report.aloud(doubts.sentence("/".join(snakemake.wildcards), found))
    instances["doubts"] = instances["seed"].map(found)
    tables.write_table(instances, tables.read_schema(inputs.schema), snakemake.output.table)
