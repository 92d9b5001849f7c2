"""Predict the category of each stimulus by each network of a group, after the last epoch."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.comparison.divergence import correctness, predicted_categories
    from manyseeds.data.dataset import read_dataset_card
    from manyseeds.devices import claim_device
    from manyseeds.io.files import write_parquet
    from manyseeds.representations import activations

    inputs, params = snakemake.input, snakemake.params
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    _, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    files = dict(zip(params.seeds, inputs.weights, strict=True))
    predicted = predicted_categories(files, module, stimuli, claim_device(report), params.categories)
    names = read_dataset_card(inputs.card)["categories"]
    predicted["correct"] = correctness(predicted, pd.read_parquet(inputs.labels), names)
    write_parquet(predicted, snakemake.output.table)
    report(f"{len(files)} networks, {len(stimuli)} stimuli")
