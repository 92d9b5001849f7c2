"""Write one instance's activations for all stimuli: all layers at the last epoch, some before it."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    from safetensors.numpy import load_file

    from manyseeds.devices import claim_device
    from manyseeds.io.files import write_parquet
    from manyseeds.models import build
    from manyseeds.representations import activations

    params, inputs = snakemake.params, snakemake.input
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    network, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    device = claim_device(report)
    for epoch, path in zip(params.epochs, inputs.weights, strict=True):
        build.load(module, load_file(path), source=path)
        layers = build.analysed_layers(module, network)
        if epoch != params.epochs[-1]:
            layers = activations.choose(layers, params.trajectory["layers"], "trajectory")
        folder = Path(snakemake.output.folder) / f"epoch{epoch}"
        index = activations.dump(module, layers, stimuli, folder, device=device)
        write_parquet(index, folder / "index.parquet")  # last: a folder with an index is complete
        report(f"epoch {epoch}: {len(layers)} layers of {index['n_units'].sum()} units in all")
