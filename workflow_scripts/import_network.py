"""Check the user's own weights of one instance against its architecture, and import them."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange.user_weights import read_user_weights
    from manyseeds.io import tensors
    from manyseeds.models import build, spec

    card = json.loads(Path(snakemake.input.card).read_text())
    weights = read_user_weights(Path(snakemake.input.checkpoint))
    described = (
        spec.Network.from_config(snakemake.params.network),
        tuple(card["image_shape"]),
        len(card["categories"]),
    )
    build.load(build.build(*described), weights, source=snakemake.input.checkpoint)
    metadata = {"source": snakemake.input.checkpoint} | spec.to_metadata(*described)
    tensors.write(snakemake.output.weights, weights, metadata)
