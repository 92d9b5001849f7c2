"""Check the weights of one instance, brought by the user, against its architecture, and take them over."""

import json
from pathlib import Path

from job import job

with job(snakemake):
    from manyseeds import modules, tensors
    from manyseeds.networks import Network
    from manyseeds.own_networks import read_weights

    card = json.loads(Path(snakemake.input.card).read_text())
    weights = read_weights(Path(snakemake.input.checkpoint))
    network = Network.from_config(snakemake.params.network)
    module = modules.build(network, tuple(card["image_shape"]), len(card["categories"]))
    modules.load(module, weights, source=snakemake.input.checkpoint)
    tensors.write(snakemake.output.weights, weights, {"source": snakemake.input.checkpoint})
