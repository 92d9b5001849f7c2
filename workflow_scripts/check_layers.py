"""Check with a blank image, before any training, that a network's layers exist and return tensors."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    import numpy as np
    import torch

    from manyseeds.models import build
    from manyseeds.representations import activations

    source, params = snakemake.input, snakemake.params
    image_shape = tuple(json.loads(Path(source.card).read_text())["image_shape"])
    network, module = activations.prepare(params.network, image_shape, Path(source.card), None)
    layers = build.analysed_layers(module, network)
    for analysis, names in params.confined.items():
        activations.choose(layers, names, analysis)
    activations.collect(module, layers, np.zeros((1, *image_shape), np.float32), torch.device("cpu"))
    Path(snakemake.output.marker).touch()
