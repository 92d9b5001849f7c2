"""Train those instances of a block of seeds whose weights are not there yet, side by side, into their stores."""

from pathlib import Path

from job import job

with job(snakemake) as report:
    from safetensors.numpy import load_file

    from manyseeds import devices, recipes, stores, training
    from manyseeds.files import atomic_path

    params, inputs, resources = snakemake.params, snakemake.input, snakemake.resources
    images = recipes.Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing)
    images = images.subset(**params.training_set)
    device = devices.claim_device(report)
    kind = devices.device_kind(device)
    assignments = []
    for values, path in zip(params.tasks, inputs.initial, strict=True):
        task, initial = recipes.Task.from_params(n_categories=images.n_categories, **values), load_file(path)
        key = task.key(initial, images.digest, params.engine, kind)
        assignment = training.Assignment(task, initial, stores.Store(Path(params.stores) / key), key)
        if training.missing(assignment, Path(path).with_name(f"epoch{task.recipe.epochs}.safetensors"), report):
            assignments.append(assignment)
    report(f"{len(assignments)} of {len(params.tasks)} instances to train, on {kind}")
    training.train(
        assignments,
        images,
        device=device,
        cohort_size=resources.cohort_size,
        cuda_graphs=bool(resources.cuda_graphs),
        save_every=60 * resources.checkpoint_minutes,
        report=report,
    )
    with atomic_path(snakemake.output.marker) as path:
        path.write_text(kind)
