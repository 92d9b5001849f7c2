"""Predict the category of each stimulus by each network of a group, after the last epoch."""

from _job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds.comparison.divergence import predicted_categories
    from manyseeds.devices import claim_device
    from manyseeds.io.files import write_parquet
    from manyseeds.representations import activations

    inputs, params = snakemake.input, snakemake.params
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    _, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    files = dict(zip(params.seeds, inputs.weights, strict=True))
    predicted = predicted_categories(files, module, stimuli, claim_device(report), params.categories)
    write_parquet(predicted, snakemake.output.table)
    report(f"{len(files)} networks, {len(stimuli)} stimuli")
