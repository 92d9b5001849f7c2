"""Check a network before any training: layers that return tensors, a seed that repeats it, weights that fit."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    import numpy as np
    import torch

    from manyseeds.models import build, repeatability
    from manyseeds.representations import activations

    source, params = snakemake.input, snakemake.params
    card = json.loads(Path(source.card).read_text())
    image_shape = tuple(card["image_shape"])
    network, module = activations.prepare(params.network, image_shape, Path(source.card), None)
    layers = build.analysed_layers(module, network)
    for analysis, names in params.confined.items():
        activations.choose(layers, names, analysis)
    activations.collect(module, layers, np.zeros((1, *image_shape), np.float32), torch.device("cpu"))
    repeatability.check(network, image_shape, len(card["categories"]))
    for start in params.starts:
        repeatability.check_start(network, image_shape, len(card["categories"]), **start)
    Path(snakemake.output.marker).touch()
