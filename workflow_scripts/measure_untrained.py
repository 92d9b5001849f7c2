"""Measure the geometry of all layers of a group's networks before training, without writing activations."""

import json
from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    from manyseeds.devices import claim_device
    from manyseeds.io import tables
    from manyseeds.models import build, initialisation
    from manyseeds.representations import activations, geometry_files, untrained

    params, inputs = snakemake.params, snakemake.input
    attempts = [pd.read_parquet(path) for path in inputs.attempts]
    accepted, last = tables.accepted_seeds(params.seeds, attempts), tables.attempt_numbers(attempts)
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    shape = stimuli.shape[1:]
    network, module = activations.prepare(params.network, shape, inputs.card, params.categories)
    n_categories = len(params.categories or json.loads(Path(inputs.card).read_text())["categories"])
    device = claim_device(report)
    for place, (seed, path) in enumerate(zip(params.seeds, snakemake.output, strict=True)):
        if inputs.get("weights"):
            source = inputs.weights[place]
            weights = load_file(source)
        else:
            source, draw = f"initial weights of seed {seed}", params.draws[place]
            weights = initialisation.drawn_again(network, shape, n_categories, draw=draw, attempt=last[seed])
        build.load(module, weights, source=source)
        geometries = untrained.measure_layers(
            module,
            build.analysed_layers(module, network),
            stimuli,
            device=device,
            name=source,
            is_collapsed=seed not in accepted,
        )
        geometry_files.save_geometries(path, geometries)
        report(f"seed {seed}: {len(geometries)} layers before training")
