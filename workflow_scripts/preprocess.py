"""Apply the preprocessing to training and test images."""

from pathlib import Path

from _job import job

with job(snakemake):
    import numpy as np

    from manyseeds.data.preprocessing import load_preprocessing, write_inputs

    source, output = snakemake.input, snakemake.output
    preprocessing = load_preprocessing(source.preprocessing)
    for images, inputs in ((source.train_images, output.train_inputs), (source.test_images, output.test_inputs)):
        write_inputs(preprocessing, np.load(images, mmap_mode="r"), Path(inputs))
