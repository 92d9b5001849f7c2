"""Evaluate the instances of a block of seeds at their checkpoints, on training and test images."""

from itertools import product

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd
    from safetensors.numpy import load_file

    from manyseeds.data.images import Images
    from manyseeds.data.preprocessing import load_preprocessing
    from manyseeds.devices import claim_device, make_deterministic
    from manyseeds.io.files import write_parquet
    from manyseeds.models import accuracy, build
    from manyseeds.models.spec import Network

    params, inputs = snakemake.params, snakemake.input
    train = Images.read(inputs.train_inputs, inputs.train_labels, inputs.card, inputs.preprocessing)
    train = train.subset(**params.training_set)
    test = Images.read(inputs.test_inputs, inputs.test_labels, inputs.card, inputs.preprocessing)
    pixels = np.load(inputs.test_images, mmap_mode="r")
    test, pixels, positions = accuracy.of_categories(test, pixels, params.training_set["categories"])
    lossless = accuracy.not_reencoded(pd.read_parquet(inputs.index))[positions]
    sets = accuracy.subsets(train, test, pixels, lossless, load_preprocessing(inputs.preprocessing))
    make_deterministic("fp32")
    device = claim_device(report)
    module = build.build(Network.from_config(params.network), train.inputs.shape[1:], train.n_categories).to(device)
    rows = []
    for (instance, epoch), path in zip(product(params.instances, params.epochs), inputs.weights, strict=True):
        build.load(module, load_file(path), source=path)
        address = {"epoch": epoch, "last_epoch": params.epochs[-1], "seed": instance["seed"]}
        records = accuracy.after_epoch(module, sets, device, dropout=params.dropout, **address)
        rows += [instance | {"epoch": epoch} | record for record in records]
        for record in records:
            where = f"{record['split']} images, {record['subset']}"
            report(f"seed {instance['seed']}, epoch {epoch}: accuracy {record['accuracy']:.4f} on {where}")
    write_parquet(pd.DataFrame(rows), snakemake.output.accuracy)
