"""Write the activations of one instance for all stimuli.

Followed layers are as recorded at all epochs, so that epochs differ only in training. The other layers are computed
from the weights, at the last epoch only.
"""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    from manyseeds.devices import claim_device
    from manyseeds.exchange import export
    from manyseeds.io.files import write_parquet
    from manyseeds.models import build
    from manyseeds.representations import activations

    params, inputs = snakemake.params, snakemake.input
    stimuli = np.load(inputs.inputs, mmap_mode="r")
    network, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    device = claim_device(report)
    (weights,) = inputs.weights
    build.load(module, load_file(weights), source=weights)
    layers = build.analysed_layers(module, network)
    places = export.places(export.read_recorded_stimuli(Path(inputs.recorded_stimuli)), pd.read_parquet(inputs.stimuli))
    names = [name for name in params.trajectory["layers"] if name in layers]
    folder = Path(snakemake.output.folder)
    last = params.epochs[-1]
    for epoch, arrays in export.read_activations(Path(inputs.recorded), params.epochs, names):
        arrays = {layer: array[places] for layer, array in arrays.items()}
        if epoch == last:
            index = activations.dump(module, layers, stimuli, folder / f"epoch{epoch}", device=device)
            for layer, array in arrays.items():
                answers = np.load(folder / f"epoch{epoch}" / f"{layer}.npy", mmap_mode="r")
                r = export.check_agreement(answers, array, f"{inputs.recorded}: {layer} at epoch {epoch}")
                report(f"{layer} at epoch {epoch}: correlation with the recorded activations {r:.7f}")
            activations.write_layers(arrays, folder / f"epoch{epoch}")
        else:
            index = activations.write_layers(arrays, folder / f"epoch{epoch}")
        write_parquet(index, folder / f"epoch{epoch}" / "index.parquet")  # last: a folder with an index is complete
        report(f"epoch {epoch}: {len(index)} layers")
