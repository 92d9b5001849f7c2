"""Fit the preprocessing to the training images and apply it to training and test images."""

from pathlib import Path

from job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds.preprocessing import fit_preprocessing, save_preprocessing, write_inputs

    source, params, output = snakemake.input, snakemake.params, snakemake.output
    train_images = np.load(source.train_images, mmap_mode="r")
    report(f"fitting {params.kind} to {len(train_images):,} training images")
    preprocessing = fit_preprocessing(params.kind, train_images)
    report("applying it")
    write_inputs(preprocessing, train_images, Path(output.train_inputs))
    write_inputs(preprocessing, np.load(source.test_images, mmap_mode="r"), Path(output.test_inputs))
    save_preprocessing(preprocessing, Path(output.preprocessing))
