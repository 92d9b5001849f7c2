"""Measure the geometry of some layers of one instance under each dropout mask; instances share masks."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    from manyseeds.devices import claim_device
    from manyseeds.io import tables
    from manyseeds.models import build
    from manyseeds.representations import dropout_sampling, geometry, geometry_files
    from manyseeds.representations.activations import choose, prepare

    params, inputs = snakemake.params, snakemake.input
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    network, module = prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    is_collapsed = tables.is_collapsed([pd.read_parquet(path) for path in inputs.attempts])
    device = claim_device(report)
    (weights,) = inputs.weights
    build.load(module, load_file(weights), source=weights)
    analysed = build.analysed_layers(module, network)
    layers = choose(analysed, params.layers, "dropout")
    places = {name: place for place, name in enumerate(analysed)}
    dropout = dropout_sampling.Dropout(**params.dropout)
    for sample, path in zip(params.samples, snakemake.output, strict=True):
        activations = dropout_sampling.sample_activations(module, layers, stimuli, dropout, sample, device=device)
        geometries = {
            layer: geometry.measure_geometry(array, name=f"{layer}, sample {sample}", is_collapsed=is_collapsed)
            for layer, array in activations.items()
        }
        geometry_files.save_geometries(path, geometries, places)
        report(f"sample {sample}: {', '.join(geometries)}")
