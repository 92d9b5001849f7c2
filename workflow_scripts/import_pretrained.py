"""Take over the weights, history and attempts of an exported instance."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange import export
    from manyseeds.io import tables, tensors
    from manyseeds.io.files import write_parquet
    from manyseeds.models import build
    from manyseeds.models.spec import Network

    source, params, output = snakemake.input, snakemake.params, snakemake.output
    weights, metadata = export.read_exported_weights(Path(source.weights))
    card = json.loads(Path(source.card).read_text())
    n_categories = len(params.categories or card["categories"])
    module = build.build(Network.from_config(params.network), tuple(card["image_shape"]), n_categories)
    build.load(module, weights, source=source.weights)
    # Not under the training's key: rounded weights are not what that training published.
    metadata = {"exported_key" if key == "key" else key: value for key, value in metadata.items()}
    tensors.write(output.weights, weights, {**metadata, "source": source.weights})
    for table in ("history", "attempts"):
        schema = tables.read_schema(source[f"{table}_schema"])
        write_parquet(export.read_table(Path(source[table]), schema, params.instance), output[table])
