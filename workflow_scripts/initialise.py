"""Draw the initial weights of one instance."""

import json
from pathlib import Path

from job import job

with job(snakemake):
    from manyseeds import networks, tensors, training_sets

    params = snakemake.params
    card = json.loads(Path(snakemake.input.card).read_text())
    training_sets.check_categories(params.categories, card["categories"])
    weights = networks.initial_weights(
        networks.Network.from_config(params.network),
        tuple(card["image_shape"]),
        len(params.categories or card["categories"]),
        root_seed=params.root_seed,
        seed=params.seed,
    )
    tensors.write(snakemake.output.weights, weights, {"streams": json.dumps({"init": params.seed}), "attempt": "0"})
