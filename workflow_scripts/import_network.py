"""Check the user's own weights of one instance against its architecture, and import them."""

import json
from functools import partial
from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds.exchange.doubts import about_weights
    from manyseeds.exchange.user_weights import read_user_weights
    from manyseeds.io import tensors
    from manyseeds.models import build, repeatability, spec
    from manyseeds.models.initial_law import is_initial

    card = json.loads(Path(snakemake.input.card).read_text())
    described = (
        spec.Network.from_config(snakemake.params.network),
        tuple(card["image_shape"]),
        len(card["categories"]),
    )
    network, image_shape, _ = described
    module = build.build(*described)
    source = snakemake.input.checkpoint
    weights = read_user_weights(Path(source), partial(build.check_shapes, module, source=source))
    build.load(module, weights, source=source)
    repeatability.check_evaluation(module, network, image_shape)
    initial = is_initial(weights, *described)
    if initial:
        report.aloud(f"{source}: its weights are distributed as before training. Is it the trained network?")
    metadata = {"source": source} | spec.to_metadata(*described) | about_weights(weights, initial=initial)
    tensors.write(snakemake.output.weights, weights, metadata)
