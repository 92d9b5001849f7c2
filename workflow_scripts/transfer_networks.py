"""Train a group's networks on other categories, with each transfer seed and mode, and predict their test images."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds import devices
    from manyseeds.data.images import Images
    from manyseeds.io import tables, tensors
    from manyseeds.kernels import transfer, transferred
    from manyseeds.training import compiled, engine, precision, stores

    params, inputs, resources = snakemake.params, snakemake.input, snakemake.resources
    train = Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing).subset(**params.training_set)
    test = Images.read(inputs.test_images, inputs.test_labels, inputs.card, inputs.preprocessing)
    test = test.subset(categories=params.training_set["categories"])
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    sources = [tensors.read(Path(path))[0] for path in inputs.sources]
    device, folder = devices.claim_device(report), Path(params.stores)
    shape = (len(params.modes), len(seeds), len(params.tasks), len(test.labels))
    predictions = np.full(shape, transferred.FAILED, dtype=np.int16)
    for m, mode in enumerate(params.modes):
        for number, tasks in enumerate(params.tasks):
            further = [transfer.TransferTask.of_source(mode, n_categories=train.n_categories, **task) for task in tasks]
            of_seeds = dict(zip(params.seeds, zip(further, sources, strict=True), strict=True))
            begun = [(task, task.beginning(source, train)) for task, source in (of_seeds[seed] for seed in seeds)]
            platform = precision.platform_of(further[0].recipe, device)
            options = {"stores": folder, "code": params.code, "report": report}
            assigned = [engine.assign(*each, train, platform, **options) for each in begun]
            compiled.configure(folder, platform)
            engine.train(
                [each for each in assigned if each is not None],
                train,
                device=device,
                cuda_graphs=bool(resources.cuda_graphs),
                save_every=60 * resources.checkpoint_minutes,
                report=report,
                announce=report.aloud,
            )
            for place, (task, weights) in enumerate(begun):
                key = task.digest(weights, train.digest, params.code)
                store = stores.finished_store(folder, key, task.max_attempts)
                predictions[m, place, number] = transfer.predict(store, task, train, test, device)
    found = transferred.Transferred(predictions, test.labels, tuple(params.modes), tuple(seeds))
    transferred.save(snakemake.output.predictions, found)
