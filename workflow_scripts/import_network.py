"""Check the weights of one instance, brought by the user, against its architecture, and take them over."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange.user_weights import read_user_weights
    from manyseeds.io import tensors
    from manyseeds.models import build
    from manyseeds.models.spec import Network

    card = json.loads(Path(snakemake.input.card).read_text())
    weights = read_user_weights(Path(snakemake.input.checkpoint))
    network = Network.from_config(snakemake.params.network)
    module = build.build(network, tuple(card["image_shape"]), len(card["categories"]))
    build.load(module, weights, source=snakemake.input.checkpoint)
    tensors.write(snakemake.output.weights, weights, {"source": snakemake.input.checkpoint})
