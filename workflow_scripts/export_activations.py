"""Record the activations of followed layers at all epochs, in half precision."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    from safetensors.numpy import load_file

    from manyseeds.devices import claim_device
    from manyseeds.exchange import export
    from manyseeds.models import build
    from manyseeds.representations import activations

    params, inputs = snakemake.params, snakemake.input
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    network, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    device = claim_device(report)
    recorded = {}
    for epoch, path in zip(params.epochs, inputs.weights, strict=True):
        build.load(module, load_file(path), source=path)
        layers = build.analysed_layers(module, network)
        layers = activations.choose(layers, params.trajectory["layers"], "trajectory")
        answers = activations.collect(module, layers, stimuli, device)
        recorded[epoch] = {layer: export.in_half_precision(units) for layer, units in answers.items()}
        report(f"epoch {epoch}: {', '.join(layers)}")
    export.write_activations(Path(snakemake.output.activations), recorded)
