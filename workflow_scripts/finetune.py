"""Train the networks of a block further on distorted images, for each distortion and learning rate."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds import devices
    from manyseeds.data import images, subsets
    from manyseeds.data.preprocessing import load_preprocessing
    from manyseeds.io import tensors
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
    paths = iter(zip(snakemake.output, params.outputs, strict=True))
    found = {}
    for distortion, strengths in params.strengths.items():
        copy = finetuning.distorted_copy(pixels, positions, distortion, strengths, preprocess, seed=params.seed)
        copies = images.Images(copy, relabelled, n_categories)
        for rate, tasks in params.tasks.items():
            further = [finetuning.FurtherTask.from_params(n_categories=n_categories, **task) for task in tasks]
            trained = train_all(list(zip(further, parents, strict=True)), copies, **options)
            for seed, digest, task, store in zip(params.seeds, digests, further, trained, strict=True):
                about = {"parent": digest, "distortion": distortion, "learning_rate": str(rate)}
                found[seed, distortion, rate] = store, task.recipe.epochs, about
    for path, (seed, distortion, rate) in paths:
        store, epochs, about = found[seed, distortion, rate]
        with stores.locked(store, report):
            outcome = finetuning.publish(store, path, epochs, about)
        report(f"seed {seed}, {distortion}, learning rate {rate:g}: {outcome}")
