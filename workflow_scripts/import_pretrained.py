"""Import the weights, history and attempts of an exported instance."""

import json
from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds.exchange import export
    from manyseeds.exchange.doubts import about_weights, untrained
    from manyseeds.io import tables, tensors
    from manyseeds.io.files import write_parquet
    from manyseeds.models import build, spec
    from manyseeds.models.initial_law import is_initial

    source, params, output = snakemake.input, snakemake.params, snakemake.output
    weights, metadata = export.read_exported_weights(Path(source.weights))
    card = json.loads(Path(source.card).read_text())
    described = (
        spec.Network.from_config(params.network),
        tuple(card["image_shape"]),
        len(params.categories or card["categories"]),
    )
    build.load(build.build(*described), weights, source=source.weights)
    # The key belongs to the weights that the training published, and these are rounded.
    metadata = {"exported_key" if key == "key" else key: value for key, value in metadata.items()}
    initial = is_initial(weights, *described)
    if initial:
        report.aloud(untrained(source.weights))
    metadata |= {**spec.to_metadata(*described), "source": source.weights, **about_weights(weights, initial=initial)}
    tensors.write(output.weights, weights, metadata)
    export.import_rejected(Path(source.weights).parent, Path(output.weights).parent)
    for table in ("history", "attempts"):
        schema = tables.read_schema(source[f"{table}_schema"])
        write_parquet(export.read_table(Path(source[table]), schema, params.instance), output[table])
