"""Publish weights, history and attempts of one instance from its store. Train it first if the store is incomplete."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.data.images import Images
    from manyseeds.io import tensors
    from manyseeds.io.files import write_parquet
    from manyseeds.training import platforms, recipes, stores

    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    images = Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing)
    images = images.subset(**params.training_set)
    task = recipes.Task.from_params(n_categories=images.n_categories, **params.task)
    initial = task.drawn_weights(images)
    folder = Path(params.stores)
    digest = task.digest(initial, images.digest, params.code)
    store = stores.finished_store(folder, digest, task.max_attempts)
    if store is None:
        # With these comes torch, whose seconds mere publishing need not spend.
        from manyseeds import devices
        from manyseeds.training import compiled, engine, precision

        device = devices.claim_device(report)
        platforms.check_comparable(devices.device_kind(device), Path(inputs.cohort).read_text(), inputs.cohort)
        platform = precision.platform_of(task.recipe, device)
        options = {"stores": folder, "code": params.code, "report": report}
        assignment = engine.assign(task, initial, images, platform, **options)
        assignments = [] if assignment is None else [assignment]  # none: finished in the meantime
        compiled.configure(folder, platform)
        precision.check_bf16(assignments, images, device, report)
        resources = snakemake.resources
        engine.train(
            assignments,
            images,
            device=device,
            cuda_graphs=bool(resources.cuda_graphs),
            save_every=60 * resources.checkpoint_minutes,
            report=report,
            announce=report.aloud,
        )
        store = stores.finished_store(folder, digest, task.max_attempts)
    tensors.write(output.initial, initial, task.initial_metadata(images))
    with stores.locked(store, report):
        for path, records in ((output.history, store.history()), (output.attempts, store.attempts())):
            write_parquet(pd.DataFrame(records).assign(**params.instance), path)
        stores.publish(store, dict(zip(task.recipe.checkpoints, map(Path, output.weights), strict=True)))
    # The store stays until the workflow has succeeded: Snakemake deletes the outputs of a job that it has not seen end.
