"""Publish the weights, history and attempts of one instance out of its store, trained here where the store is not
complete.
"""

from pathlib import Path

from job import job

with job(snakemake) as report:
    import pandas as pd
    from safetensors.numpy import load_file

    from manyseeds import recipes, stores
    from manyseeds.files import write_parquet

    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    images = recipes.Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing)
    images = images.subset(**params.training_set)
    task = recipes.Task.from_params(n_categories=images.n_categories, **params.task)
    initial = load_file(inputs.initial)
    trained_on = Path(inputs.cohort).read_text()
    key = task.key(initial, images.digest, params.code, trained_on)
    if missing := not stores.Store(Path(params.stores) / key).finished(task.max_attempts):
        from manyseeds import devices, training  # and with them torch, whose seconds mere publishing need not spend

        device = devices.claim_device(report)
        devices.check_comparable(device, trained_on, inputs.cohort)
        key = task.key(initial, images.digest, params.code, devices.device_kind(device))
    store = stores.Store(Path(params.stores) / key)
    if missing:
        assignment = training.Assignment(task, initial, store, key)
        resources = snakemake.resources
        training.train(
            [assignment],
            images,
            device=device,
            cuda_graphs=bool(resources.cuda_graphs),
            save_every=60 * resources.checkpoint_minutes,
            report=report,
        )
    with stores.locked(store, report):
        for path, records in ((output.history, store.history()), (output.attempts, store.attempts())):
            write_parquet(pd.DataFrame(records).assign(**params.instance), path)
        stores.publish(store, dict(zip(task.recipe.checkpoints, map(Path, output.weights), strict=True)))
    # The store stays until the workflow has succeeded: Snakemake deletes the outputs of a job that it has not seen end.
