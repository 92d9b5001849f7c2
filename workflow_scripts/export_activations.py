"""Record the activations of the layers whose training is followed, at all epochs, in half precision."""

from pathlib import Path

from job import job

with job(snakemake) as report:
    import numpy as np
    from safetensors.numpy import load_file

    from manyseeds import activations, exports, modules
    from manyseeds.devices import claim_device

    params, inputs = snakemake.params, snakemake.input
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    network, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    device = claim_device(report)
    recorded = {}
    for epoch, path in zip(params.epochs, inputs.weights, strict=True):
        modules.load(module, load_file(path), source=path)
        layers = modules.analysed_layers(module, network)
        layers = activations.choose(layers, params.trajectory["layers"], "trajectory")
        answers = activations.gather(module, layers, stimuli, device)
        recorded[epoch] = {layer: exports.in_half_precision(units) for layer, units in answers.items()}
        report(f"epoch {epoch}: {', '.join(layers)}")
    exports.write_activations(Path(snakemake.output.activations), recorded)
