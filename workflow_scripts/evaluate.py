"""Evaluate the instances of a block at their checkpoints: on their training images, and on their test images."""

from itertools import product

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    from manyseeds.data import subsets
    from manyseeds.data.images import Images
    from manyseeds.data.preprocessing import load_preprocessing
    from manyseeds.devices import claim_device, make_deterministic
    from manyseeds.io.files import write_parquet
    from manyseeds.models import accuracy, build
    from manyseeds.models.spec import Network

    params, inputs = snakemake.params, snakemake.input
    train, test = (
        Images.read(images, labels, inputs.card, inputs.preprocessing)
        for images, labels in ((inputs.train_inputs, inputs.train_labels), (inputs.test_inputs, inputs.test_labels))
    )
    train = train.subset(**params.training_set)
    categories = params.training_set["categories"]
    tested = subsets.select(test.labels, categories=categories)
    test = test.subset(categories=categories)
    test_images = np.load(inputs.test_images, mmap_mode="r")
    sets = accuracy.subsets(
        train,
        test,
        test_images if categories is None else test_images[tested],  # all of them stay on disk
        accuracy.not_reencoded(pd.read_parquet(inputs.index))[tested],
        load_preprocessing(inputs.preprocessing),
    )
    make_deterministic("fp32")
    device = claim_device(report)
    module = build.build(Network.from_config(params.network), train.inputs.shape[1:], train.n_categories)
    rows = []
    for (instance, epoch), path in zip(product(params.instances, params.epochs), inputs.weights, strict=True):
        build.load(module, load_file(path), source=path)
        due = accuracy.due(sets, epoch, params.epochs[-1])
        records = list(accuracy.accuracies(module.to(device), due, device))
        if params.dropout is not None:
            address = {"seed": instance["seed"], "epoch": epoch}
            records.append(accuracy.accuracy_with_dropout(module, test, device, **params.dropout, **address))
        rows += [instance | {"epoch": epoch} | record for record in records]
        for record in records:
            where = f"{record['split']} images, {record['subset']}"
            report(f"seed {instance['seed']}, epoch {epoch}: accuracy {record['accuracy']:.4f} on {where}")
    write_parquet(pd.DataFrame(rows), snakemake.output.accuracy)
