"""Check the user's own weights of one instance against its architecture, and import them."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange.user_weights import read_user_weights
    from manyseeds.io import tensors
    from manyseeds.models import build, repeatability, spec

    card = json.loads(Path(snakemake.input.card).read_text())
    weights = read_user_weights(Path(snakemake.input.checkpoint))
    described = (
        spec.Network.from_config(snakemake.params.network),
        tuple(card["image_shape"]),
        len(card["categories"]),
    )
    network, image_shape, _ = described
    module = build.build(*described)
    build.load(module, weights, source=snakemake.input.checkpoint)
    repeatability.check_evaluation(module, network, image_shape)
    metadata = {"source": snakemake.input.checkpoint} | spec.to_metadata(*described)
    tensors.write(snakemake.output.weights, weights, metadata)
