"""Choose the stimuli among the test images and gather their pixels and inputs."""

from pathlib import Path

from job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from manyseeds.datasets import read_card
    from manyseeds.files import write_parquet
    from manyseeds.packing import write_npy
    from manyseeds.preprocessing import load_preprocessing, write_inputs
    from manyseeds.stimuli import stimuli_from_test_images

    source, params, output = snakemake.input, snakemake.params, snakemake.output
    stimuli = stimuli_from_test_images(
        pd.read_parquet(source.index), read_card(source.card)["categories"], params.per_category
    )
    positions = stimuli["test_position"].to_numpy(dtype=np.int64)
    images, inputs = (np.load(path, mmap_mode="r")[positions] for path in (source.test_images, source.test_inputs))
    write_npy(Path(output.images), [images], images.shape, images.dtype)
    write_inputs(load_preprocessing(source.preprocessing), inputs, Path(output.inputs))
    write_parquet(stimuli, output.stimuli)
