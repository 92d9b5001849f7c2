"""Choose the stimuli among the test images and gather their pixels and inputs."""

from pathlib import Path

from job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from manyseeds.datasets import read_card
    from manyseeds.files import write_parquet
    from manyseeds.packing import write_npy
    from manyseeds.stimuli import stimuli_from_test_images

    source, params, output = snakemake.input, snakemake.params, snakemake.output
    stimuli = stimuli_from_test_images(
        pd.read_parquet(source.index), read_card(source.card)["categories"], params.per_category
    )
    for images, packed in ((source.test_images, output.images), (source.test_inputs, output.inputs)):
        chosen = np.load(images, mmap_mode="r")[stimuli["test_position"].to_numpy(dtype=np.int64)]
        write_npy(Path(packed), [chosen], chosen.shape, chosen.dtype)
    write_parquet(stimuli, output.stimuli)
