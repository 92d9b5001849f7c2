"""Draw the initial weights of one instance."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.data import subsets
    from manyseeds.io import tensors
    from manyseeds.models import initialisation, spec

    params = snakemake.params
    card = json.loads(Path(snakemake.input.card).read_text())
    subsets.check_categories(params.categories, card["categories"])
    network = spec.Network.from_config(params.network)
    shapes = tuple(card["image_shape"]), len(params.categories or card["categories"])
    weights = initialisation.initial_weights(network, *shapes, root_seed=params.root_seed, seed=params.seed)
    metadata = {"streams": json.dumps({"init": params.seed}), "attempt": "0"}
    tensors.write(snakemake.output.weights, weights, metadata | spec.to_metadata(network, *shapes))
