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
    from manyseeds.statistics import error_agreement, merged
    from manyseeds.study.distortions import NONE
    from manyseeds.study.variants import TRAINED

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

    def predicted(weights, conditions):
        """Return the predictions (conditions, images) of networks of some weights, by their number."""

        def predict(number, images):
            """Return the predictions of a network for preprocessed images."""
            build.load(module, weights[number], source=f"network {number}")
            return forward.predict(module, images, device).argmax(axis=1)

        numbers, seed = range(len(weights)), params.distortions["seed"]
        options = {"seed": seed, "report": lambda line: None}
        return predictions.predict_all(numbers, predict, pixels, places, conditions, preprocess, **options)

    # The floor is that of all accepted networks, as in the table distorted_accuracy; fewer may be trained further.
    conditions = predictions.conditions_of(params.strengths)
    of_trained = predicted([known.trained(seed) for seed in seeds], conditions).values()
    trained = [predictions.Predicted(each, conditions, places, answers) for each in of_trained]
    kept = error_agreement.above_floor({(seed, TRAINED): each for seed, each in zip(seeds, trained, strict=True)})
    rows = []
    for seed in seeds:
        for variant in (each for each in variants[seed] if each.distortion in params.strengths):
            tuned = known.weights(seed, variant.name)
            if tuned is None:
                continue
            options = {"root_seed": params.root_seed, "seed": seed}
            found = list(merging.all_merged(known.trained(seed), tuned, **params.merge, **options))
            of_variant = [each for each in kept if each.distortion in (NONE, variant.distortion)]
            answered = predicted([each.weights for each in found], of_variant)
            n_strengths = len(params.strengths[variant.distortion])
            of_found = merged.accuracies(found, answered, answers, of_variant, variant.distortion, n_strengths)
            rows += [row | {"seed": seed, "variant": variant.name} for row in of_found]
            report(f"seed {seed}, {variant.name}: {len(found)} networks")
    schema = tables.read_schema(inputs.schema)
    frame = pd.DataFrame(rows).assign(**snakemake.wildcards)
    tables.write_table(tables.filled(frame, schema), schema, snakemake.output.table)
