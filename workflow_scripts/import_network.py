"""Check the user's own weights of one instance against its architecture, and import them."""

import json
from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds.exchange.doubts import about_weights, untrained
    from manyseeds.io import tensors
    from manyseeds.models import build, repeatability, spec
    from manyseeds.models.initial_law import is_initial
    from manyseeds.models.user_weights import read_user_weights, without_prefixes

    card = json.loads(Path(snakemake.input.card).read_text())
    described = (
        spec.Network.from_config(snakemake.params.network),
        tuple(card["image_shape"]),
        len(card["categories"]),
    )
    network, image_shape, _ = described
    module = build.build(*described)
    source = snakemake.input.checkpoint
    names = list(module.state_dict())

    def check(shapes):
        """Compare shapes with the network's, before the weights take memory."""
        build.check_shapes(module, without_prefixes(shapes, names), source=source)

    weights = without_prefixes(read_user_weights(Path(source), check), names)
    build.load(module, weights, source=source)
    repeatability.check_evaluation(module, network, image_shape)
    initial = is_initial(weights, *described)
    if initial:
        report.aloud(untrained(source))
    metadata = {"source": source} | spec.to_metadata(*described) | about_weights(weights, initial=initial)
    tensors.write(snakemake.output.weights, weights, metadata)
