"""Put what others need of one trained instance into its folder, the card last."""

from pathlib import Path

from job import job

with job(snakemake):
    import pandas as pd

    from manyseeds import exports, tensors
    from manyseeds.files import write_parquet

    inputs, output, instance = snakemake.input, snakemake.output, snakemake.params.instance
    (path,) = inputs.weights
    weights, metadata = tensors.read(Path(path))
    tensors.write(Path(output.weights), exports.rounded_weights(weights), metadata)
    exports.copy_rejected(Path(path).parent, Path(output.weights).parent)
    for table in exports.TABLES:
        parts = pd.read_parquet(inputs[table])
        own = (parts[list(instance)] == pd.Series(instance)).all(axis=1)
        write_parquet(parts[own], output[table])
    images = exports.about_images(exports.read_about(Path(inputs.data)), exports.read_stimuli(Path(inputs.stimuli)))
    options = {"has_activations": bool(inputs.activations)}
    exports.write_card(Path(output.card), snakemake.params.settings, images, metadata, **options)
