"""Test networks between a group's trained networks and the same ones trained further on a distortion."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.data import subsets
    from manyseeds.data.preprocessing import load_preprocessing
    from manyseeds.devices import claim_device
    from manyseeds.io import tables
    from manyseeds.kernels import merging, predictions, sources
    from manyseeds.models import accuracy, build, forward
    from manyseeds.representations import activations

    params, inputs = snakemake.params, snakemake.input
    pixels, labels = np.load(inputs.images, mmap_mode="r"), np.load(inputs.labels)
    kept = np.ones(len(labels), bool)
    if params.distortions["lossless"]:
        kept = accuracy.not_reencoded(pd.read_parquet(inputs.index))
    kept &= np.isin(np.arange(len(labels)), subsets.select(labels, categories=params.categories))
    places = predictions.first_of_each(labels, params.distortions["n_images"], kept)
    answers = subsets.relabelled(labels[places], params.categories)
    _, module = activations.prepare(params.network, pixels.shape[1:], inputs.card, params.categories)
    device = claim_device(report)
    module = module.to(device)
    attempts = [pd.read_parquet(path) for path in inputs.attempts]
    seeds = tables.accepted_seeds(params.seeds, attempts)
    variants = sources.listed(params.variants)
    files = sources.files_by_variant(variants, {kind: inputs.get(kind) for kind in params.kinds})
    known = sources.Sources(variants, files, params.is_chain, params.root_seed)
    preprocess = load_preprocessing(inputs.preprocessing).apply
    rows = []
    for seed in seeds:
        for variant in (each for each in variants[seed] if each.distortion in params.strengths):
            tuned = known.weights(seed, variant.name)
            if tuned is None:
                continue
            options = {"root_seed": params.root_seed, "seed": seed}
            found = list(merging.all_merged(known.trained(seed), tuned, **params.merge, **options))

            def predict(number, images, found=found):
                """Return the predictions of a merged network for preprocessed images."""
                build.load(module, found[number].weights, source=f"merged {number}")
                return forward.predict(module, images, device).argmax(axis=1)

            strengths = {variant.distortion: params.strengths[variant.distortion]}
            conditions = predictions.conditions_of(strengths)
            predicted = predictions.predict_all(
                range(len(found)),
                predict,
                pixels,
                places,
                conditions,
                preprocess,
                seed=params.distortions["seed"],
                report=lambda line: None,
            )
            for number, each in enumerate(found):
                correct = (predicted[number] == answers).mean(axis=1)
                key = each.keys | {"seed": seed, "variant": variant.name, "n_images": len(places)}
                rows.append(key | {"distortion": "none", "accuracy": correct[0]})
                rows.append(key | {"distortion": variant.distortion, "accuracy": correct[1:].mean()})
            report(f"seed {seed}, {variant.name}: {len(found)} networks")
    schema = tables.read_schema(inputs.schema)
    frame = pd.DataFrame(rows).assign(**snakemake.wildcards)
    tables.write_table(frame.reindex(columns=list(schema["properties"])), schema, snakemake.output.table)
