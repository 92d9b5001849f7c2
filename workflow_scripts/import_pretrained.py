"""Import the weights, history and attempts of an exported instance."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange import export
    from manyseeds.io import tables, tensors
    from manyseeds.io.files import write_parquet
    from manyseeds.models import build, spec

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
    tensors.write(output.weights, weights, {**metadata, **spec.to_metadata(*described), "source": source.weights})
    export.import_rejected(Path(source.weights).parent, Path(output.weights).parent)
    for table in ("history", "attempts"):
        schema = tables.read_schema(source[f"{table}_schema"])
        write_parquet(export.read_table(Path(source[table]), schema, params.instance), output[table])
