"""Export one trained instance into its folder, the card last."""

from pathlib import Path

from _job import job

with job(snakemake):
    import pandas as pd

    from manyseeds.exchange import export
    from manyseeds.io import tensors
    from manyseeds.io.files import write_parquet

    inputs, output, instance = snakemake.input, snakemake.output, snakemake.params.instance
    (path,) = inputs.weights
    weights, metadata = tensors.read(Path(path))
    tensors.write(Path(output.weights), export.rounded_weights(weights), metadata)
    export.copy_rejected(Path(path).parent, Path(output.weights).parent)
    for table in export.TABLES:
        parts = pd.read_parquet(inputs[table])
        own = (parts[list(instance)] == pd.Series(instance)).all(axis=1)
        write_parquet(parts[own], output[table])
    images = export.about_images(
        export.read_about(Path(inputs.data)), export.read_recorded_stimuli(Path(inputs.stimuli))
    )
    options = {"has_activations": bool(inputs.activations)}
    export.write_card(Path(output.card), snakemake.params.settings, images, metadata, **options)
