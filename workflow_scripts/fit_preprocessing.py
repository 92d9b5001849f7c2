"""Fit the preprocessing to the training images."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds.data.preprocessing import fit_preprocessing, save_preprocessing

    train_images = np.load(snakemake.input.train_images, mmap_mode="r")
    report(f"fitting {snakemake.params.kind} to {len(train_images):,} training images")
    preprocessing = fit_preprocessing(snakemake.params.kind, train_images)
    save_preprocessing(preprocessing, Path(snakemake.output.preprocessing))
