"""Train a group's networks on other images, with each transfer seed and mode, and predict their test images."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds import devices
    from manyseeds.data.images import Images
    from manyseeds.io import tables, tensors
    from manyseeds.kernels import transfer, transferred

    params, inputs, resources = snakemake.params, snakemake.input, snakemake.resources
    train = Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing).subset(**params.training_set)
    test = Images.read(inputs.test_images, inputs.test_labels, inputs.card, inputs.preprocessing)
    test = test.subset(categories=params.training_set["categories"])
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    places = [place for place, seed in enumerate(params.seeds) if seed in seeds]
    sources = [tensors.read(Path(inputs.sources[place]))[0] for place in places]
    known = transferred.known(snakemake.output.predictions, test.digest)
    options = {
        "known": known,
        "stores": Path(params.stores),
        "code": params.code,
        "device": devices.claim_device(report),
        "cuda_graphs": bool(resources.cuda_graphs),
        "save_every": 60 * resources.checkpoint_minutes,
        "report": report,
        "announce": report.aloud,
    }
    learned = []
    for mode in params.modes:
        learned.append([])
        for values in params.tasks:
            chosen = [values[place] for place in places]
            tasks = [transfer.TransferTask.of_source(mode, n_categories=train.n_categories, **task) for task in chosen]
            learned[-1].append(transfer.learn(tasks, sources, train, test, **options))
    gathered = transferred.gathered(learned, test.labels, modes=params.modes, seeds=seeds, tested=test.digest)
    transferred.save(snakemake.output.predictions, gathered)
    digests = set(gathered.digests.ravel())
    report(f"{len(digests)} trainings, of which {len(digests & known.keys())} were there already")
