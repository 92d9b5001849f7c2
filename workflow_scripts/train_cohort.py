"""Train those instances of a block of seeds whose weights are not there yet, one after another, into their stores."""

from pathlib import Path

from job import job

with job(snakemake) as report:
    from safetensors.numpy import load_file

    from manyseeds import recipes, training
    from manyseeds.files import atomic_path

    params, inputs = snakemake.params, snakemake.input
    images = recipes.Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing)
    images = images.subset(**params.training_set)
    device = training.choose_device()
    for number, (values, initial) in enumerate(zip(params.tasks, inputs.initial, strict=True), start=1):
        task = recipes.Task.from_params(n_categories=images.n_categories, **values)
        report(f"Instance {number} of {len(params.tasks)}: {task.name}, on {training.device_kind(device)}")
        training.train_if_missing(
            task,
            load_file(initial),
            images,
            Path(params.stores),
            Path(initial).with_name(f"epoch{task.recipe.epochs}.safetensors"),
            code_digest=params.engine,
            device=device,
            save_every=60 * snakemake.resources.checkpoint_minutes,
            report=report,
        )
    with atomic_path(snakemake.output.marker) as path:
        path.write_text(training.device_kind(device))
