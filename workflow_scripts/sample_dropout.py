"""Measure the geometry of some layers of one instance under each of the dropout masks that all instances share."""

import json
from pathlib import Path

from job import job

with job(snakemake) as report:
    import numpy as np
    from safetensors.numpy import load_file

    from manyseeds import dropout_sampling, geometry, modules, training
    from manyseeds.activations import choose
    from manyseeds.networks import Network

    params, inputs = snakemake.params, snakemake.input
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    n_categories = len(params.categories or json.loads(Path(inputs.card).read_text())["categories"])
    network = Network.from_config(params.network)
    device = training.choose_device()
    training.make_deterministic("fp32")
    module = modules.build(network, stimuli.shape[1:], n_categories)
    (weights,) = inputs.weights
    modules.load(module, load_file(weights), source=weights)
    analysed = modules.analysed_layers(module, network)
    layers = choose(analysed, params.layers, "dropout")
    places = {name: place for place, name in enumerate(analysed)}
    dropout = dropout_sampling.Dropout(**params.dropout)
    for sample, path in zip(params.samples, snakemake.output, strict=True):
        activations = dropout_sampling.sample_activations(module, layers, stimuli, dropout, sample, device=device)
        geometries = {
            layer: geometry.measure_geometry(array, name=f"{layer}, dropout sample {sample}")
            for layer, array in activations.items()
        }
        geometry.save_geometries(path, geometries, places)
        report(f"sample {sample}: {', '.join(geometries)}")
