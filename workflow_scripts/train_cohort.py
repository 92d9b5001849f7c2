"""Train the instances of a block whose weights do not exist yet, side by side, into their stores."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds import devices
    from manyseeds.data.images import Images
    from manyseeds.io.files import atomic_path
    from manyseeds.training import compiled, engine, precision, recipes

    params, inputs, resources = snakemake.params, snakemake.input, snakemake.resources
    images = Images.read(inputs.images, inputs.labels, inputs.card, inputs.preprocessing)
    images = images.subset(**params.training_set)
    device = devices.claim_device(report)
    stores = Path(params.stores)
    tasks = [recipes.Task.from_params(n_categories=images.n_categories, **values) for values in params.tasks]
    platform = precision.platform_of(tasks[0].recipe, device)  # a block has one recipe
    assignments = []
    for task, marker in zip(tasks, snakemake.output.markers, strict=True):
        published = Path(marker).with_name(f"epoch{task.recipe.epochs}.safetensors")
        options = {"stores": stores, "code": params.engine, "published": published, "report": report}
        assignments.append(engine.assign(task, task.drawn_weights(images), images, platform, **options))
    assignments = [assignment for assignment in assignments if assignment is not None]
    report(f"{len(assignments)} of {len(tasks)} instances to train, on {platform}")
    compiled.configure(stores, platform)
    precision.check_bf16(assignments, images, device, report)
    engine.train(
        assignments,
        images,
        device=device,
        cohort_size=resources.cohort_size,
        cuda_graphs=bool(resources.cuda_graphs),
        save_every=60 * resources.checkpoint_minutes,
        report=report,
        announce=report.aloud,
    )
    for marker in snakemake.output.markers:
        with atomic_path(marker) as path:
            path.write_text(platform.device)
