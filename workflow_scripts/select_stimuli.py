"""Choose the stimuli among the test images and gather their pixels and inputs."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.data.dataset import read_dataset_card
    from manyseeds.data.preprocessing import load_preprocessing, write_inputs
    from manyseeds.data.stimuli import stimuli_from_test_images
    from manyseeds.io.files import write_parquet
    from manyseeds.io.npy import write_npy
    from manyseeds.representations import memory

    source, params, output = snakemake.input, snakemake.params, snakemake.output
    stimuli = stimuli_from_test_images(
        pd.read_parquet(source.index), read_dataset_card(source.card)["categories"], params.per_category
    )
    if note := memory.note(len(stimuli), snakemake.resources.n_networks):
        report.aloud(note)
    positions = stimuli["test_position"].to_numpy(dtype=np.int64)
    images, inputs = (np.load(path, mmap_mode="r")[positions] for path in (source.test_images, source.test_inputs))
    write_npy(Path(output.images), [images], images.shape, images.dtype)
    write_inputs(load_preprocessing(source.preprocessing), inputs, Path(output.inputs))
    write_parquet(stimuli, output.stimuli)
