"""Train the networks of a block further on distorted images, for each distortion and learning rate."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds import devices
    from manyseeds.data import images, subsets
    from manyseeds.data.preprocessing import load_preprocessing
    from manyseeds.io import tables, tensors
    from manyseeds.kernels import finetuning, predictions
    from manyseeds.training import stores
    from manyseeds.training.further import train_all

    params, inputs, resources = snakemake.params, snakemake.input, snakemake.resources
    pixels, labels = np.load(inputs.images, mmap_mode="r"), np.load(inputs.labels)
    predictions.check_channels({name: [] for name in params.strengths}, pixels.shape[3])
    kept = np.isin(np.arange(len(labels)), subsets.select(labels, **params.training_set))
    positions = predictions.first_of_each(labels, params.n_images, kept)
    categories = params.training_set["categories"]
    n_categories = len(categories or np.unique(labels))
    relabelled = subsets.relabelled(labels[positions], categories)
    preprocess = load_preprocessing(inputs.preprocessing).apply
    options = {
        "stores": Path(params.stores),
        "code": params.code,
        "device": devices.claim_device(report),
        "cuda_graphs": bool(resources.cuda_graphs),
        "save_every": 60 * resources.checkpoint_minutes,
        "report": report,
        "announce": report.aloud,
    }
    parents = [tensors.read(Path(path))[0] for path in inputs.parents]
    digests = [tensors.digest_of(weights) for weights in parents]
    paths = dict(zip(map(tuple, params.outputs), map(Path, snakemake.output.weights), strict=True))
    found = {}
    for distortion, strengths in params.strengths.items():
        copy = finetuning.distorted_copy(pixels, positions, distortion, strengths, preprocess, seed=params.seed)
        copies = images.Images(copy, relabelled, n_categories)
        for rate, tasks in params.tasks.items():
            further = [finetuning.FurtherTask.from_params(n_categories=n_categories, **task) for task in tasks]
            files = [paths[seed, distortion, rate] for seed in params.seeds]
            trained = train_all(list(zip(further, parents, strict=True)), copies, published=files, **options)
            for path, digest, task, store in zip(files, digests, further, trained, strict=True):
                about = {"parent": digest, "distortion": distortion, "learning_rate": str(rate)}
                found[path] = store, task.recipe.epochs, about
    rows = []
    for (seed, distortion, _), path in paths.items():
        store, epochs, about = found[path]
        if store is not None:  # else published already
            with stores.locked(store, report):
                outcome = finetuning.publish(store, path, epochs, about)
            report(f"seed {seed}, {path.stem}: {outcome}")
        group = {"seed": seed, "variant": path.stem, "distortion": distortion}
        rows.append(finetuning.history(path).assign(**snakemake.wildcards, **group))
    schema = tables.read_schema(inputs.schema)
    history = tables.filled(pd.concat(rows, ignore_index=True), schema)
    tables.write_table(history, schema, snakemake.output.history)
