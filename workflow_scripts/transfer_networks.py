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
    from manyseeds.training.further import train_all

    params, inputs, resources = snakemake.params, snakemake.input, snakemake.resources
    train = Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing).subset(**params.training_set)
    test = Images.read(inputs.test_images, inputs.test_labels, inputs.card, inputs.preprocessing)
    test = test.subset(categories=params.training_set["categories"])
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    sources = [tensors.read(Path(path))[0] for path in inputs.sources]
    device = devices.claim_device(report)
    options = {
        "stores": Path(params.stores),
        "code": params.code,
        "device": device,
        "cuda_graphs": bool(resources.cuda_graphs),
        "save_every": 60 * resources.checkpoint_minutes,
        "report": report,
        "announce": report.aloud,
    }
    shape = (len(params.modes), len(seeds), len(params.tasks), len(test.labels))
    predictions = np.full(shape, transferred.FAILED, dtype=np.int16)
    for m, mode in enumerate(params.modes):
        for number, tasks in enumerate(params.tasks):
            further = [transfer.TransferTask.of_source(mode, n_categories=train.n_categories, **task) for task in tasks]
            of_seeds = zip(params.seeds, further, sources, strict=True)
            begun = [(task, task.beginning(source, train)) for seed, task, source in of_seeds if seed in seeds]
            trained = train_all(begun, train, **options)
            for place, ((task, _), store) in enumerate(zip(begun, trained, strict=True)):
                predictions[m, place, number] = transfer.predict(store, task, train, test, device)
    found = transferred.Transferred(predictions, test.labels, tuple(params.modes), tuple(seeds))
    transferred.save(snakemake.output.predictions, found)
