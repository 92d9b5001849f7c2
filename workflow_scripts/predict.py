"""Predict the categories of test images, as they are and distorted, by the networks of a block and their variants."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.data import subsets
    from manyseeds.data.preprocessing import load_preprocessing
    from manyseeds.devices import claim_device
    from manyseeds.kernels import predictions, sources
    from manyseeds.models import accuracy, build, forward
    from manyseeds.representations import activations

    params, inputs = snakemake.params, snakemake.input
    settings = params.distortions
    pixels, labels = np.load(inputs.images, mmap_mode="r"), np.load(inputs.labels)
    predictions.check_channels(params.strengths, pixels.shape[3])
    kept = accuracy.not_reencoded(pd.read_parquet(inputs.index)) if settings["lossless"] else np.ones(len(labels), bool)
    kept[np.setdiff1d(np.arange(len(labels)), subsets.select(labels, categories=params.categories))] = False
    places = predictions.first_of_each(labels, settings["n_images"], kept)
    _, module = activations.prepare(params.network, pixels.shape[1:], inputs.card, params.categories)
    device = claim_device(report)
    module = module.to(device)
    variants = sources.listed(params.variants)
    files = sources.files_by_variant(variants, {kind: inputs.get(kind) for kind in params.kinds})
    known = sources.Sources(variants, files, params.is_chain, params.root_seed)
    names = [(seed, variant.name) for seed in variants for variant in variants[seed]]
    weights = {name: known.weights(*name) for name in names}

    def predict(name, images):
        """Return the predictions of a network for preprocessed images."""
        build.load(module, weights[name], source=f"seed {name[0]}, {name[1]}")
        return forward.predict(module, images, device).argmax(axis=1)

    conditions = predictions.conditions_of(params.strengths)
    working = [name for name in names if weights[name] is not None]
    preprocess = load_preprocessing(inputs.preprocessing).apply
    found = predictions.predict_all(
        working, predict, pixels, places, conditions, preprocess, seed=settings["seed"], report=report
    )
    failed = np.full((len(conditions), len(places)), predictions.FAILED, np.int16)
    relabelled = subsets.relabelled(labels[places], params.categories)
    for name, path in zip(names, snakemake.output, strict=True):
        predictions.save(path, predictions.Predicted(found.get(name, failed), conditions, places, relabelled))
